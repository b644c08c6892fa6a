import { ref, shallowRef } from 'vue'
import { offline, ProblemError } from '@/api/client'
import { LOGGED_OUT } from '@/api/live'
import { uuid } from '@/api/ids'
import { readAgain } from './keepFresh'

export function asProblem(cause: unknown): ProblemError {
  if (cause instanceof ProblemError) return cause
  console.error(cause)
  return offline()
}

/** Reads something for a page. While it is read again, what was there stays on the screen. */
export function useLoad<T>(read: () => Promise<T>, options: { now?: boolean } = {}) {
  const data = shallowRef<T>()
  const problem = shallowRef<ProblemError>()
  const loading = ref(false)
  let latest = 0

  /** Gives the status of a refusal, by which a page's live channel sees that nobody is logged in any more. */
  async function load(): Promise<number> {
    const turn = ++latest
    loading.value = true
    try {
      const found = await read()
      if (turn === latest) {
        data.value = found
        problem.value = undefined
      }
    } catch (cause) {
      const why = asProblem(cause)
      if (turn === latest) problem.value = why
      if (why.status === 401) window.dispatchEvent(new Event(LOGGED_OUT))
      return why.status
    } finally {
      if (turn === latest) loading.value = false
    }
    return 0
  }
  if (options.now !== false) void load()
  return { data, problem, loading, load }
}

/**
 * One user action that changes something. Pressed again after a lost connection, it is sent under the same
 * idempotency key, so that it happens once; after an answer of the service the next press is a new action.
 */
export function useAction<A extends unknown[], T>(act: (key: string, ...given: A) => Promise<T>) {
  const busy = ref(false)
  const problem = shallowRef<ProblemError>()
  let key = ''
  let sent = ''

  async function run(...given: A): Promise<T | undefined> {
    if (busy.value) return undefined
    const now = JSON.stringify(given, (_name, value: unknown) => (value instanceof Blob ? value.size : value))
    if (!key || sent !== now) key = uuid()
    sent = now
    busy.value = true
    problem.value = undefined
    try {
      const answer = await act(key, ...given)
      key = ''
      readAgain()
      return answer
    } catch (cause) {
      problem.value = asProblem(cause)
      if (problem.value.status >= 400 && problem.value.status < 500) key = ''
      return undefined
    } finally {
      busy.value = false
    }
  }
  return { run, busy, problem }
}
