import { shallowRef } from 'vue'
import { stopStream } from '@/media/camera'

/** The camera that the check opened, handed over to the room without a second question by the browser. */
export const held = shallowRef<MediaStream>()

export function release(): void {
  stopStream(held.value)
  held.value = undefined
}
