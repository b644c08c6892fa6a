import { get, post } from '@/api/client'
import type { Attachment, CaseSummary, CaseView, Done } from '@/api/types'

export const cases = async (query = '') => get<{ cases: CaseSummary[]; total: number }>(`/cases${query}`)
export const caseView = (id: string) => get<CaseView>(`/cases/${encodeURIComponent(id)}`)

/** A command on a case, by the path's word: `accept`, `supplement`, `gap-notice`… */
export const command = (id: string, verb: string, body: object, key: string) => post<Done>(`/cases/${id}/${verb}`, body, undefined, key)
export const onInspection = (id: string, verb: string, body: object, key: string) => post<Done>(`/inspections/${id}/${verb}`, body, undefined, key)

export const supplied = (materials: Record<string, Attachment[]>) =>
  Object.entries(materials)
    .filter(([, files]) => files.length)
    .map(([material, files]) => ({ material, attachments: files.map((file) => file.id) }))
