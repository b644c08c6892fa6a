import { onScopeDispose } from 'vue'

type Sentinel = { release(): Promise<void> }
type WithWakeLock = Navigator & { wakeLock?: { request(kind: 'screen'): Promise<Sentinel> } }

/** Keeps the screen on while the page is shown, where the engine can. */
export function keepAwake(): void {
  let lock: Sentinel | undefined
  const take = async () => {
    if (document.visibilityState !== 'visible') return
    try {
      lock = await (navigator as WithWakeLock).wakeLock?.request('screen')
    } catch {
      // refused on low battery; nothing depends on it
    }
  }
  void take()
  document.addEventListener('visibilitychange', take)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', take)
    void lock?.release()
  })
}
