import { onScopeDispose } from 'vue'

const EVERY_MS = 20_000
const readers = new Set<() => void>()
let beat: ReturnType<typeof setInterval> | undefined

/** Everything that is kept fresh is read now, together, so that a list and the number beside its name agree. */
export function readAgain(): void {
  for (const read of readers) read()
}

function keepTime(): void {
  const wanted = readers.size > 0 && document.visibilityState === 'visible'
  if (wanted) beat ??= setInterval(readAgain, EVERY_MS)
  else {
    clearInterval(beat)
    beat = undefined
  }
}

function looked(): void {
  keepTime()
  if (document.visibilityState === 'visible') readAgain()
}

/**
 * Reads again every 20 s while somebody looks at the page, and at once when he looks again: lists have no live channel
 * of their own. A page behind another window asks nothing.
 */
export function keepFresh(read: () => void): void {
  if (readers.size === 0) document.addEventListener('visibilitychange', looked)
  readers.add(read)
  keepTime()
  onScopeDispose(() => {
    readers.delete(read)
    if (readers.size === 0) document.removeEventListener('visibilitychange', looked)
    keepTime()
  })
}
