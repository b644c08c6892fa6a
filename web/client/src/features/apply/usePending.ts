import { computed, onScopeDispose, reactive, ref, watch } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'
import { listed } from '@/i18n/format'
import { t } from '@/i18n'
import { confirm } from '@/phone/confirm'

/** The files of a form that are not stored yet. Nothing goes on past them without a word. */
export function usePending() {
  const each = reactive<Record<string, { running: number; failed: string[] }>>({})
  const running = computed(() => Object.values(each).reduce((sum, one) => sum + one.running, 0))
  const failed = computed(() => Object.values(each).flatMap((one) => one.failed))
  const waiting = ref(false)
  let then: () => unknown = () => undefined
  let asking: () => boolean = () => true

  const note = (code: string, still: number, names: string[]) => (each[code] = { running: still, failed: names })
  const stop = () => (waiting.value = false)

  /** Waits until nothing is uploaded any more, asks about what failed (unless `asks` says no), and goes on. */
  async function goOn(next: () => unknown, asks = () => true): Promise<void> {
    then = next
    asking = asks
    waiting.value = running.value > 0
    if (!waiting.value && (!asks() || (await withoutFailed()))) next()
  }
  watch(running, (now) => {
    if (now === 0 && waiting.value) void goOn(then, asking)
  })

  // What still runs would be lost with the page.
  onBeforeRouteLeave(() => running.value === 0 || confirm({
    title: t('还有文件在上传', 'A file is still being uploaded'),
    message: t('现在离开，没传完的文件要重新选。', 'If you leave now you have to choose it again.'),
    yes: t('离开', 'Leave'),
    no: t('等它传完', 'Stay'),
  }))
  const closing = (event: BeforeUnloadEvent) => {
    if (running.value > 0) event.preventDefault()
  }
  window.addEventListener('beforeunload', closing)
  onScopeDispose(() => window.removeEventListener('beforeunload', closing))

  async function withoutFailed(): Promise<boolean> {
    if (!failed.value.length) return true
    const names = listed(failed.value)
    return confirm({
      title: t(`有 ${failed.value.length} 个文件没有传上`, failed.value.length === 1 ? 'One file was not uploaded' : `${failed.value.length} files were not uploaded`),
      message: t(`没有传上的：${names}。不带它们继续吗？`, `Not uploaded: ${names}. Go on without?`),
      yes: t('不带，继续', 'Go on without'),
      no: t('回去处理', 'Back to the files'),
    })
  }
  const said = computed(() => t(`还有 ${running.value} 个文件在上传，传完自动继续。请不要关闭本页。`, `${running.value} ${running.value === 1 ? 'file is' : 'files are'} still being uploaded; it goes on by itself. Please keep this page open.`))
  return { running, failed, waiting, said, note, goOn, stop }
}
