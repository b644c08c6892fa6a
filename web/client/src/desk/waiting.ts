import { shallowRef } from 'vue'
import { get } from '@/api/client'
import type { Waiting } from '@/api/types'
import { sessions } from '@/features/session/session'

const NOTHING: Waiting = { cases: 0, inspections: 0, complaints: 0 }

/** How much waits for the one at this desk. */
export const waiting = shallowRef<Waiting>(NOTHING)

/** A number that cannot be had now stays as it was: the lists say what is wrong. */
export async function lookWaiting(): Promise<void> {
  const who = sessions.main.id
  const found = sessions.main.kind === 'staff' ? await get<Waiting>('/waiting').catch(() => waiting.value) : NOTHING
  if (who === sessions.main.id) waiting.value = found
}
