import { get, post } from '@/api/client'
import type { Attachment, Bilingual, CaseSummary, CaseView, Done, Person } from '@/api/types'

export const cases = async (query = '') => get<{ cases: CaseSummary[]; total: number }>(`/cases${query}`)
export const caseView = (id: string) => get<CaseView>(`/cases/${encodeURIComponent(id)}`)

/** A command on a case, by the path's word: `accept`, `supplement`, `gap-notice`… */
export const command = (id: string, verb: string, body: object, key: string) => post<Done>(`/cases/${id}/${verb}`, body, undefined, key)
export const onInspection = (id: string, verb: string, body: object, key: string) => post<Done>(`/inspections/${id}/${verb}`, body, undefined, key)

export interface Decision { at?: string; by?: Person; granted?: boolean; reasons?: string | null; remedies?: Bilingual[]; basis?: string; acceptance?: boolean; right_authority?: string }
export interface Evaluation { level?: number; comment?: string | null; at?: string }

export const supplied = (materials: Record<string, Attachment[]>) =>
  Object.entries(materials)
    .filter(([, files]) => files.length)
    .map(([material, files]) => ({ material, attachments: files.map((file) => file.id) }))
