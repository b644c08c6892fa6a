import { reactive, watch } from 'vue'
import type { Attachment, ServiceItem } from '@/api/types'
import { DRAFT } from '@/features/session/session'

export type WishedMode = 'remote' | 'on-site' | 'either'

export interface Draft {
  form: Record<string, string>
  materials: Record<string, Attachment[]>
  mode: WishedMode
  step: number
}

/** What the applicant has entered so far; kept on the phone at every keystroke until it is submitted. */
export function useDraft(item: ServiceItem) {
  const name = `${DRAFT}${item.code}.${item.version}`
  const empty: Draft = { form: {}, materials: {}, mode: item.remote === 'forbidden' ? 'on-site' : 'either', step: 0 }
  const draft = reactive<Draft>({ ...empty, ...read(name) })
  const stop = watch(draft, () => write(name, draft), { deep: true })
  const forget = () => {
    stop()
    localStorage.removeItem(name)
  }
  return { draft, forget }
}

function read(name: string): Partial<Draft> {
  try {
    return JSON.parse(localStorage.getItem(name) ?? '{}') as Partial<Draft>
  } catch {
    return {}
  }
}

function write(name: string, draft: Draft): void {
  try {
    localStorage.setItem(name, JSON.stringify(draft))
  } catch {
    // storage full or forbidden: the page still holds everything
  }
}
