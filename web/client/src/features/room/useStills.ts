import { ref, type Ref } from 'vue'
import type { As } from '@/api/client'
import { uuid } from '@/api/ids'
import type { Done } from '@/api/types'
import { upload } from '@/api/upload'
import { t } from '@/i18n'
import { takeStill } from '@/media/camera'
import { asProblem } from '@/ui/useLoad'

const SHOWN_MS = 2500

/** Takes a still of the running camera for a checklist item and sends it; what failed can be sent again. */
export function useStills(inspection: string, stream: Ref<MediaStream | undefined>, video: Ref<HTMLVideoElement | null>, as?: As) {
  const state = ref('')
  const flash = ref(false)
  const failed = ref<{ item: string; request: string; photo: Blob; key: string }>()

  async function take(item: string, request = ''): Promise<void> {
    if (!stream.value || !video.value) return
    state.value = t('正在拍照，请拿稳', 'Taking a still, hold steady')
    try {
      const photo = await takeStill(stream.value, video.value)
      flash.value = true
      setTimeout(() => (flash.value = false), 400)
      await send({ item, request, photo, key: uuid() })
    } catch (cause) {
      state.value = asProblem(cause).text
    }
  }

  async function send(still: { item: string; request: string; photo: Blob; key: string }): Promise<void> {
    failed.value = undefined
    try {
      const fields: Record<string, string | Blob> = { item: still.item, file: still.photo }
      if (still.request) fields.request = still.request
      await upload<Done>(`/inspections/${inspection}/stills`, fields, {
        as,
        key: still.key,
        onProgress: (share) => (state.value = t(`正在传照片 ${Math.round(share * 100)}%`, `Sending still ${Math.round(share * 100)}%`)),
      }).done
      state.value = t('照片已存好', 'The still is stored')
      setTimeout(() => (state.value = ''), SHOWN_MS)
    } catch (cause) {
      const problem = asProblem(cause)
      state.value = problem.text
      if (problem.status === 0 || problem.status >= 500) failed.value = still
    }
  }

  return { state, flash, failed, take, send, again: () => failed.value && void send(failed.value) }
}
