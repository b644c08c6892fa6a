import { onScopeDispose } from 'vue'
import { address, type As } from './client'

const POLL_MS = 10_000
const REOPEN_MS = 20_000

/** Calls `changed` whenever the service says that the page changed; falls back to asking every 10 s. */
export function follow(path: string, changed: () => void, as?: As): () => void {
  let source: EventSource | undefined
  let poll: ReturnType<typeof setInterval> | undefined
  let reopen: ReturnType<typeof setTimeout> | undefined

  const stopPolling = () => {
    clearInterval(poll)
    poll = undefined
  }
  const open = () => {
    source = new EventSource(address(path, as))
    source.onopen = () => {
      stopPolling()
      changed() // what happened between the page's loading and now was told to nobody
    }
    source.addEventListener('changed', changed)
    source.onerror = () => {
      poll ??= setInterval(changed, POLL_MS)
      if (source?.readyState === EventSource.CLOSED) {
        clearTimeout(reopen)
        reopen = setTimeout(open, REOPEN_MS)
      }
    }
  }
  const shown = () => {
    if (document.visibilityState === 'visible') changed()
  }
  open()
  document.addEventListener('visibilitychange', shown)
  const stop = () => {
    source?.close()
    stopPolling()
    clearTimeout(reopen)
    document.removeEventListener('visibilitychange', shown)
  }
  onScopeDispose(stop, true)
  return stop
}
