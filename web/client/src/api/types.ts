/** Shapes of the answers under /api/v1. Times are ISO 8601 with offset; erased personal values are null. */

export interface Bilingual { zh: string; en: string }
export interface Basis { text: string; trust: string }
export interface Period { days: number; basis: Basis; starts: 'receipt' | 'acceptance'; confirmed: boolean }

export interface FormField {
  code: string
  label: Bilingual
  kind: 'text' | 'number' | 'choice' | 'phone' | 'address' | 'date' | 'paragraph'
  required: boolean
  personal: boolean
  unit: string
  hint: Bilingual
  options: Bilingual[]
  maximum: number | null
  minimum: number | null
}

export interface Material {
  code: string
  name: Bilingual
  kind: 'core' | 'deferrable' | 'shared'
  accepts: ('photo' | 'pdf')[]
  hint: Bilingual
  basis: Basis
}

export interface CheckItem {
  code: string
  title: Bilingual
  requirement: string
  basis: Basis
  evidence: string[]
  mandatory: boolean
  veto: boolean
  on_the_spot: boolean
  advice: string
  confirmed: boolean
}

export interface ServiceItem {
  code: string
  version: number
  name: Bilingual
  aliases: string[]
  field: string
  department: Bilingual
  basis: Basis[]
  statutory: Period
  promised: Period
  remote: 'allowed' | 'conditional' | 'forbidden'
  remote_note: Bilingual
  summary: Bilingual
  form: FormField[]
  materials: Material[]
  checklist: CheckItem[]
}

export type CaseStatus =
  | 'received' | 'gap-notice' | 'supplemented' | 'accepted' | 'inspecting' | 'inspected'
  | 'granted' | 'refused' | 'not-accepted' | 'withdrawn'
export type Mode = 'remote' | 'on-site' | 'mixed'
export type InspectionStatus = 'planned' | 'offered' | 'confirmed' | 'running' | 'ended' | 'signing' | 'sealed'
export type Outcome = '' | 'passed' | 'rectify' | 'failed' | 'on-site'
export type Verdict = 'pass' | 'fail' | 'rectify-now' | 'rectify-by' | 'not-applicable' | 'unclear'

export interface Problem {
  type: string
  status: number
  code: string
  title: string
  title_en: string
  details: Record<string, unknown>
}
export interface Done { position: number; answer: Record<string, unknown> }

export interface Session {
  kind: 'none' | 'applicant' | 'staff' | 'guest'
  id: string
  name: string
  roles: string[]
  office: string
  office_name: string
  csrf: string
  inspection_id: string | null
  masked_phone: string
  demo: boolean
}

export interface ItemSummary {
  code: string
  version: number
  name: Bilingual
  summary: Bilingual
  department: Bilingual
  field: string
  remote: string
  promised_days: number
  promised_confirmed: boolean
  statutory_days: number
}

export interface Attachment {
  id: string
  kind: 'photo' | 'pdf'
  name: string | null
  size: number
  sha256: string
  url: string
  thumbnail_url: string
}
export interface Person { id: string; name: string | null; post: Bilingual | null; certificate: string; phone: string | null }
export interface Step {
  position: number
  topic: string
  at: string
  label: Bilingual
  by: string
  channel: string
  detail: string | null
}
export interface Deadline {
  kind: 'promised' | 'statutory' | 'gap-notice'
  starts: string
  days: number
  ends: string
  days_left: number
  provisional: boolean
  basis: string
}
export interface GapView { target: string; label: Bilingual; what: string | null; done: boolean }
export interface GapNotice { number: number; issued_at: string; gaps: GapView[]; supplemented_at: string | null }
export interface MaterialView { code: string; name: Bilingual; kind: string; attachments: Attachment[] }
export interface FormValue { code: string; label: Bilingual; value: string | null; unit: string }
export interface ReturnVisit { id: string; number: string; opened_at: string; closed_at: string | null; officer: Person }

export interface InspectionBrief {
  id: string
  case_id: string
  case_number: string
  item_name: Bilingual
  applicant: string | null
  place: string | null
  mode: Mode
  status: InspectionStatus
  outcome: Outcome
  starts_at: string | null
  ends_at: string | null
  inspectors: Person[]
}

export interface CaseSummary {
  id: string
  number: string
  item_code: string
  item_name: Bilingual
  status: CaseStatus
  received_at: string
  applicant: string | null
  place: string | null
  companion: Person
  office_name: string
  deadline: Deadline | null
  needs: '' | 'applicant' | 'office'
}

/** `may` lists the commands (by class name) that this reader may give now. */
export interface CaseView {
  summary: CaseSummary
  form: FormValue[]
  materials: MaterialView[]
  notices: GapNotice[]
  steps: Step[]
  visits: ReturnVisit[]
  inspections: InspectionBrief[]
  handover: Record<string, unknown> | null
  decision: Record<string, unknown> | null
  evaluation: Record<string, unknown> | null
  complaint_id: string | null
  may: string[]
}

export interface TimelineEntry {
  position: number
  stream: string
  stream_id: string
  version: number
  topic: string
  label: Bilingual
  at: string
  actor: string
  actor_name: string | null
  principal: string
  channel: string
  office: string
  cause: string
  hash: string
  facts: Record<string, unknown>
}
export interface Timeline { case: CaseSummary; entries: TimelineEntry[] }

export interface StillView {
  id: string
  item: string
  taken_at: string
  by: string
  sha256: string
  url: string
  original_url: string
}
export interface CheckView {
  code: string
  title: Bilingual
  requirement: string
  basis: string
  trust: string
  confirmed: boolean
  evidence: string[]
  mandatory: boolean
  veto: boolean
  on_the_spot: boolean
  advice: string
  verdict: Verdict | ''
  note: string | null
  mend_by: string | null
  judged_by: string
  judged_at: string | null
  stills: StillView[]
}
export interface Participant {
  party: string
  role: 'applicant' | 'inspector'
  name: string | null
  certificate: string
  present: boolean
  signed: '' | 'signed' | 'refused'
}
export interface RecordingView {
  part: number
  participant: string
  status: 'running' | 'sealed' | 'recovered'
  head: string
  size: number
  first: string | null
  last: string | null
  gaps: string[][]
  url: string
}
export interface Notice { version: string; text: Bilingual; megabytes: number; answered: '' | 'accepted' | 'refused' }
export interface SheetView {
  status: 'none' | 'drafted' | 'sealed'
  digest: string
  record_url: string
  pdf_url: string
  pdf_sha256: string
  sealed_at: string | null
}
export interface InspectionView {
  brief: InspectionBrief
  checklist: CheckView[]
  participants: Participant[]
  recordings: RecordingView[]
  notice: Notice
  sheet: SheetView
  findings_told: boolean
  started_at: string | null
  ended_at: string | null
  me: string
  may: string[]
}

export interface ComplaintView {
  id: string
  case_id: string
  case_number: string
  item_name: Bilingual
  level: number
  comment: string | null
  status: 'open' | 'answered' | 'escalated' | 'solved' | 'decided'
  office_level: string
  opened_at: string
  due: string
  reply: string | null
  callbacks: Record<string, unknown>[]
  contact: Person
  decision: string | null
  may: string[]
}

export interface Message { id: number; at: string; to: string; text: string }
export interface CodeSent { masked_phone: string; again_in: number }
export interface Invitation {
  inspection_id: string
  item_name: Bilingual
  starts_at: string | null
  masked_phone: string
  state: 'fresh' | 'bound' | 'ended'
}
