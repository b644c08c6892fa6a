import type { Mode, Outcome, Verdict } from '@/api/types'

/** The canonical record of an inspection sheet, `peiban-sheet/1`: what the signed bytes say. */
export interface SheetRecord {
  format: string
  salt: string
  case: { number: string; item_code: string; item_name: string; item_version: string }
  office: { code: string; name: string }
  inspection: { id: string; mode: Mode; place: string; started_at: string; ended_at: string }
  notice: { version: string; answered_at: string; answer: string } | null
  participants: { party: string; role: string; name: string; certificate: string; present: { from: string; to: string }[] }[]
  items: {
    code: string
    title: string
    requirement: string
    basis: string
    trust: string
    verdict: Verdict | null
    note: string
    judged_by: string | null
    judged_at: string | null
    stills: { id: string; sha256: string; taken_at: string }[]
  }[]
  recordings: {
    part: string
    participant: string
    digest: string
    from: string
    to: string
    seconds: number
    gaps: { from: string; to: string; reason: string }[]
  }[]
  findings: { passed: string[]; mend: { code: string; what: string; by: string | null }[] }
  outcome: Outcome
}

const FORMAT = 'peiban-sheet/1'

/** Reads the exact bytes; refuses a format that this page cannot show whole, for nobody may sign what he cannot see. */
export function readRecord(data: ArrayBuffer): SheetRecord {
  const record = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)) as SheetRecord
  if (record.format !== FORMAT) throw new Error('unknown sheet format')
  return record
}
