import { onScopeDispose } from 'vue'
import { address, type As } from './client'

const POLL_MS = 10_000
const REOPEN_MS = 20_000
/** Events of the window: nobody is logged in any more, and somebody is. */
export const LOGGED_OUT = 'peiban:logged-out'
export const LOGGED_IN = 'peiban:logged-in'

/**
 * Calls `look` whenever the service says that the page changed; falls back to asking every 10 s. When `look` gives 401
 * nothing is asked any more until somebody has logged in.
 */
export function follow(path: string, look: () => unknown, as?: As): () => void {
  let source: EventSource | undefined
  let poll: ReturnType<typeof setInterval> | undefined
  let reopen: ReturnType<typeof setTimeout> | undefined

  const stopPolling = () => {
    clearInterval(poll)
    poll = undefined
  }
  let paused = false
  const changed = async () => {
    if (paused || (await look()) !== 401) return
    paused = true
    source?.close()
    stopPolling()
    clearTimeout(reopen)
  }
  const entered = () => {
    if (!paused && source?.readyState !== EventSource.CLOSED) return
    paused = false
    clearTimeout(reopen)
    open()
  }
  const open = () => {
    source = new EventSource(address(path, as))
    source.onopen = () => {
      stopPolling()
      void changed() // what happened between the page's loading and now was told to nobody
    }
    source.addEventListener('changed', () => void changed())
    source.onerror = () => {
      if (paused) return
      poll ??= setInterval(() => void changed(), POLL_MS)
      if (source?.readyState === EventSource.CLOSED) {
        clearTimeout(reopen)
        reopen = setTimeout(open, REOPEN_MS)
      }
    }
  }
  const shown = () => {
    if (document.visibilityState === 'visible') void changed()
  }
  open()
  document.addEventListener('visibilitychange', shown)
  window.addEventListener(LOGGED_IN, entered)
  const stop = () => {
    source?.close()
    stopPolling()
    clearTimeout(reopen)
    document.removeEventListener('visibilitychange', shown)
    window.removeEventListener(LOGGED_IN, entered)
  }
  onScopeDispose(stop, true)
  return stop
}
