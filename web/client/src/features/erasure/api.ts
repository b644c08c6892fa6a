import { get, post } from '@/api/client'
import type { components } from '@/api/schema'
import { t } from '@/i18n'

type Schemas = components['schemas']
export type ErasureView = Schemas['ErasureView']
export type AskedRelease = Schemas['AskedRelease']
export type FoundPerson = Schemas['FoundPerson']
export type ErasableCase = Schemas['ErasableCase']
export type HoldView = Schemas['HoldView']
export type Basis = Schemas['RequestErasure']['basis']
type Choice = [code: string, name: string]

export const erasures = () => get<Schemas['ErasureList']>('/erasures')
export const find = (key: string, words: string) => post<FoundPerson>('/erasures/find', { words }, undefined, key)

export const bases = (): Choice[] => [
  ['purpose-achieved', t('处理目的已实现或不再必要（第一项）', 'The purpose is achieved or gone (item 1)')],
  ['retention-expired', t('停止提供服务或保存期限已满（第二项）', 'The service ended or the period is over (item 2)')],
  ['consent-withdrawn', t('个人撤回同意（第三项）', 'Consent was withdrawn (item 3)')],
  ['unlawful-processing', t('违反法律或约定处理（第四项）', 'Processing was unlawful (item 4)')],
  ['other-law', t('法律、行政法规规定的其他情形（第五项）', 'Another case provided by law (item 5)')],
]
export const declineGrounds = (): Choice[] => [
  ['identity-not-proved', t('申请人身份未核实', 'Identity was not proved')],
  ['wrong-person', t('不是同一个人', 'This is another person')],
  ['still-needed', t('办理仍需要', 'The office still needs it')],
  ['to-be-kept', t('应当依法留存', 'The law asks to keep it')],
  ['asked-twice', t('重复申请', 'Asked for twice')],
]
export const holdBases = (): Choice[] => [
  ['litigation', t('行政诉讼', 'Litigation')],
  ['reconsideration', t('行政复议', 'Administrative reconsideration')],
  ['supervision', t('监督检查、审计', 'Supervision or audit')],
  ['criminal', t('刑事侦查', 'Criminal investigation')],
]
export const releaseGrounds = (): Choice[] => [
  ['matter-ended', t('留存事由已经结束', 'The matter has ended')],
  ['period-shorter', t('经确认的保存期限已满', 'The confirmed period is over')],
  ['placed-in-error', t('登记有误', 'Placed in error')],
]

const archive = (): Choice[] => [
  ['archive-decided', t('许可决定归档', 'Archive: decided')],
  ['archive-inspected', t('勘验材料归档', 'Archive: inspected')],
]
const answers = (): Choice[] => [
  ...releaseGrounds(),
  ['matter-not-ended', t('留存事由尚未结束', 'The matter has not ended')],
  ['period-runs', t('保存期限未满', 'The period still runs')],
]
const named = (choices: Choice[], code: string) => choices.find(([key]) => key === code)?.[1] ?? code
export const basisWord = (code: string) => named(bases(), code)
export const declineWord = (code: string) => named(declineGrounds(), code)
export const holdWord = (code: string) => named([...holdBases(), ...archive()], code)
export const groundWord = (code: string) => named(answers(), code)

export const whyWord = (why: string) =>
  ({ held: t('依法留存，不删', 'held by law, stays'), open: t('仍在办理，不删', 'still open, stays'), erased: t('已经删除', 'already erased') })[why] ?? ''

export const statusWord = (status: string) =>
  ({
    requested: t('待另一人批准', 'waits for a second person'),
    approved: t('已批准，正在删除', 'approved, being carried out'),
    declined: t('未批准', 'declined'),
    erased: t('已删除', 'erased'),
    'held-back': t('因留存未删除', 'held back'),
  })[status] ?? status
export const statusTone = (status: string) =>
  ({ requested: 'warm', approved: 'warm', declined: 'plain', erased: 'good', 'held-back': 'plain' })[status] ?? ''
