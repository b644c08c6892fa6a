/**
 * Shapes of the answers under /api/v1, by name; generated from the service's own description (`npm run types`).
 * Where the description leaves a dictionary open or a code as plain text, the closed type is given here.
 */
import type { components } from './schema'

type Schemas = components['schemas']
type Closed<Name extends keyof Schemas, Parts> = Omit<Schemas[Name], keyof Parts> & Parts

export type Verdict = Schemas['JudgeItem']['verdict']
export type Bilingual = Schemas['Bilingual']
export type Basis = Schemas['Basis']
export type FormField = Schemas['Field']
export type Material = Closed<'Material', { accepts: ('photo' | 'pdf')[] }>
export type CheckItem = Schemas['CheckItem']
export type ServiceItem = Closed<'ServiceItem', { materials: Material[] }>
export type ItemSummary = Schemas['ItemSummary']

export type Problem = Closed<'Problem', { details: Record<string, unknown> }>
export type Done = Closed<'Done', { answer: Record<string, unknown> }>
export type Session = Schemas['Session']
export type CodeSent = Schemas['CodeSent']

export type Person = Schemas['Person']
export type Attachment = Schemas['Attachment']
export type Step = Schemas['Step']
export type Deadline = Schemas['Deadline']
export type GapView = Schemas['GapView']
export type GapNotice = Schemas['GapNotice']
export type MaterialView = Schemas['MaterialView']
export type FormValue = Schemas['FormValue']
export type ReturnVisit = Schemas['ReturnVisit']
export type CaseSummary = Schemas['CaseSummary']
export type CaseStatus = CaseSummary['status']

/** Of a refusal of acceptance `acceptance` is false and `right_authority` says where to go. */
export interface Decision {
  granted: boolean
  acceptance: boolean
  at: string
  by: Person
  reasons: string | null
  right_authority?: string
  remedies: (Bilingual & { code: string })[]
  basis: string
}
export interface Evaluation { level: number; real_named: boolean; comment: string | null; at: string }
export interface Handover { to: Person; by: Person; at: string; note: string | null }
export interface HandoverDeclined { by: Person; at: string; reason: string | null }
export type FollowUp = Schemas['FollowUp']
export type Licence = Schemas['Licence']

/** `may` lists the commands, by name, that this reader may give now. */
export type CaseView = Closed<'CaseView', { decision: Decision | null; evaluation: Evaluation | null; handover: Handover | null; handover_declined: HandoverDeclined | null }>

export type TimelineEntry = Closed<'TimelineEntry', { facts: Record<string, unknown> }>
export type Timeline = Closed<'Timeline', { entries: TimelineEntry[] }>

export type InspectionBrief = Schemas['InspectionBrief']
export type Mode = InspectionBrief['mode']
export type InspectionStatus = InspectionBrief['status']
export type Outcome = InspectionBrief['outcome']
export type StillView = Schemas['StillView']
export type CheckView = Closed<'CheckView', { verdict: Verdict | '' }>
export type Participant = Schemas['Participant']
export type RecordingView = Schemas['RecordingView']
export type Notice = Schemas['Notice']
export type SheetView = Schemas['SheetView']
export type InspectionView = Closed<'InspectionView', { checklist: CheckView[] }>
export type Invitation = Schemas['Invitation']

export interface Callback { at: string; by: string; result: 'solved' | 'partly' | 'unsolved' | 'not-reached'; attempt: number; note: string | null }
export type ComplaintView = Closed<'ComplaintView', { callbacks: Callback[] }>
export type Message = Schemas['Message']
export type Waiting = Schemas['Waiting']
