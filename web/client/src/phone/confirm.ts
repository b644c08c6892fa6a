import { showConfirmDialog } from 'vant/es/dialog'
import 'vant/es/dialog/style'
import { nextTick } from 'vue'

/** Asks before a step that cannot be taken back; true when it is wanted. */
export async function confirm(question: { title: string; message: string; yes: string; no: string }): Promise<boolean> {
  const answer = showConfirmDialog({
    title: question.title,
    message: question.message,
    confirmButtonText: question.yes,
    cancelButtonText: question.no,
  })
  await nextTick()
  // Vant puts the title where an element's id belongs, which leaves the dialog without a name for a screen reader.
  const dialog = document.querySelector('.van-dialog')
  dialog?.removeAttribute('aria-labelledby')
  dialog?.setAttribute('aria-label', `${question.title} ${question.message}`)
  return answer.then(() => true, () => false)
}
