import { say, t } from '@/i18n'
import { day, isDay, slot } from '@/i18n/format'
import type { CaseStatus, CaseSummary, CaseView, Deadline, FormValue, InspectionBrief, InspectionStatus, Mode, Verdict } from '@/api/types'

/** Tone of a mark; the words carry the meaning, the colour only repeats it. */
export type Tone = '' | 'good' | 'warm' | 'bad' | 'plain'

export function caseStatus(status: CaseStatus): string {
  switch (status) {
    case 'received': return t('已收件', 'Received')
    case 'gap-notice': return t('待补正', 'Waiting for supplement')
    case 'supplemented': return t('已补正', 'Supplemented')
    case 'accepted': return t('已受理', 'Accepted')
    case 'inspecting': return t('勘验中', 'Inspection under way')
    case 'inspected': return t('勘验完成', 'Inspected')
    case 'granted': return t('准予许可', 'Granted')
    case 'refused': return t('不予许可', 'Not granted')
    case 'not-accepted': return t('不予受理', 'Not accepted')
    case 'withdrawn': return t('已撤回', 'Withdrawn')
  }
}

export function caseTone(status: CaseStatus): Tone {
  if (status === 'granted') return 'good'
  if (status === 'gap-notice') return 'warm'
  if (status === 'refused' || status === 'not-accepted') return 'bad'
  return status === 'withdrawn' ? 'plain' : ''
}

/** What is happening and what the applicant has to do, in plain words. */
export function headline({ summary, inspections, follow_up }: CaseView): string {
  const name = summary.companion.name ?? t('陪伴人', 'your companion')
  switch (summary.status) {
    case 'received': return t(`${name} 正在看您的材料，有问题会一次告诉您`, `${name} is reading your papers and will tell you everything at once`)
    case 'gap-notice': return t('需要您补充材料，补齐后马上继续', 'Something is missing. Once you add it, we go on at once')
    case 'supplemented': return t(`材料已补上，${name} 正在看`, `${name} is reading what you added`)
    case 'accepted': return t('已受理，正在审查；需要看现场时会约您', 'Accepted and under review. We will make an appointment if we need to see the place')
    case 'inspecting': return underWay(inspections.slice(-1)[0], summary.inspection_outcome)
    case 'inspected': return inspected(inspections.slice(-1)[0], summary.inspection_outcome, follow_up?.due ?? null)
    case 'granted': return t('办好了，准予许可', 'Done: the licence is granted')
    case 'refused': return t('未能批准，理由和救济途径见下', 'Not granted. Reasons and remedies are below')
    case 'not-accepted': return t('不属于这里受理，去哪里办见下', 'Not accepted here. Where to go is below')
    case 'withdrawn': return t('您已撤回这次申请', 'You withdrew this application')
  }
}

/** before: how the inspection before this one ended, if there was one. */
function underWay(inspection: InspectionBrief | undefined, before: string): string {
  const when = slot(inspection?.starts_at ?? null, null)
  switch (inspection?.status) {
    case 'offered': return before ? t('请您确认复核勘验的时间', 'Please confirm the time of the second inspection') : t('请您确认勘验时间', 'Please confirm the time of the inspection')
    case 'confirmed': return before ? t(`复核勘验约在 ${when}`, `The second inspection is on ${when}`) : t(`勘验约在 ${when}`, `The inspection is on ${when}`)
    case 'running': return t('正在勘验', 'The inspection is under way')
    case 'ended':
    case 'signing': return t('勘验已结束，等各方在勘验单上签名', 'The inspection has ended; the sheet is being signed')
    default:
      if (inspection?.slot_withdrawn) return t('已改为上门勘验，正在另约上门时间', 'The inspection is on site now; a time for the visit is being arranged')
      return before
        ? t('要复核一次，正在安排时间', 'We look once more; the time is being arranged')
        : t('要看一次现场，正在安排时间', 'We need to see the place; the time is being arranged')
  }
}

function inspected(inspection: InspectionBrief | undefined, outcome: string, due: string | null): string {
  if (inspection && ['ended', 'signing'].includes(inspection.status)) return underWay(inspection, '')
  if (inspection && inspection.status !== 'sealed') return underWay(inspection, outcome)
  switch (outcome) {
    case 'rectify': return due
      ? t(`有项目要整改，请在 ${day(due)} 前改好，之后再看一次`, `Something has to be mended by ${day(due)}; then we look once more`)
      : t('有项目要整改，改好后再看一次', 'Something has to be mended; then we look once more')
    case 'failed': return t('有必须符合的项目没有通过，怎么办见下', 'Something that has to be met was not passed; what to do is below')
    case 'on-site': return inspection?.mode === 'remote'
      ? t('有项目要到现场看，会再与您约时间', 'Something has to be seen on site; we will arrange a time')
      : t('有项目没看清，要再看一次，会与您约时间', 'Something could not be seen clearly; we will arrange another time')
    default: return t('勘验已完成，正在作出决定', 'The inspection is done; the decision is being made')
  }
}

/** The applicant's own view: what waits for her is said to her. */
export const inspectionStatusForHer = (status: InspectionStatus) => (status === 'offered' ? t('待您确认时间', 'please confirm') : inspectionStatus(status))

/** What a change to a visit on site means; a time that was agreed on for a call is none for a visit. */
export function onSiteMeans({ starts_at, ends_at }: InspectionBrief): string {
  const kept = t('排队顺序保留，办理期限和结果不受影响，也不收费。', 'Your turn, the deadline and the result are not affected, and it is free.')
  const when = slot(starts_at, ends_at)
  return kept + (starts_at
    ? t(`原定的 ${when} 取消，工作人员会另提上门时间，并短信通知您。`, ` The time ${when} is cancelled; the office proposes one for the visit and sends you a message.`)
    : t('上门的时间随后与您约。', ' The time of the visit will be arranged with you.'))
}

/** For the desk: which time is owed to the applicant, and why. */
export function slotOwed({ slot_withdrawn }: InspectionBrief): string {
  return slot_withdrawn
    ? t('已改为现场勘验，原定时间取消，要另约上门时间', 'Moved on site, the time is cancelled: offer one for the visit')
    : t('还没约时间，请提出勘验时间', 'No time yet: offer one')
}

export function modeWord(mode: Mode): string {
  return { remote: t('远程视频', 'by video'), 'on-site': t('上门现场', 'on site'), mixed: t('视频＋现场', 'video and on site') }[mode]
}

export function inspectionStatus(status: InspectionStatus): string {
  return {
    planned: t('待约时间', 'to be scheduled'),
    offered: t('待申请人确认时间', 'time offered'),
    confirmed: t('已约定', 'confirmed'),
    running: t('进行中', 'under way'),
    ended: t('已结束', 'ended'),
    signing: t('待签名', 'to be signed'),
    sealed: t('已归档', 'sealed'),
  }[status]
}

export function outcomeWord(outcome: string): string {
  return ({
    '': '',
    passed: t('通过', 'passed'),
    rectify: t('整改后复核', 'to be mended and looked at again'),
    failed: t('不通过', 'not passed'),
    'on-site': t('转现场核查', 'to be looked at on site'),
  } as Record<string, string>)[outcome] ?? ''
}

export function outcomeTone(outcome: string): Tone {
  return ({ '': 'plain', passed: 'good', rectify: 'warm', failed: 'bad', 'on-site': '' } as Record<string, Tone>)[outcome] ?? 'plain'
}

/** What the latest inspection left open, while the case waits for it; empty otherwise. */
export function leftOpen({ status, inspection_outcome }: CaseSummary): string {
  return ['inspecting', 'inspected'].includes(status) && inspection_outcome !== 'passed' ? inspection_outcome : ''
}

export const VERDICTS: Verdict[] = ['pass', 'rectify-now', 'rectify-by', 'fail', 'not-applicable', 'unclear']

/** The words that the printed sheet uses. */
export function verdictWord(verdict: Verdict | '' | null): string {
  switch (verdict) {
    case 'pass': return t('符合', 'Meets')
    case 'rectify-now': return t('现场整改', 'Mended on the spot')
    case 'rectify-by': return t('限期整改', 'Mend by a date')
    case 'fail': return t('不符合', 'Does not meet')
    case 'not-applicable': return t('不适用', 'Not applicable')
    case 'unclear': return t('看不清', 'Unclear')
    default: return t('未判定', 'Not judged')
  }
}

export function verdictTone(verdict: Verdict | '' | null): Tone {
  if (verdict === 'pass' || verdict === 'rectify-now') return 'good'
  if (verdict === 'fail') return 'bad'
  return verdict === 'rectify-by' || verdict === 'unclear' ? 'warm' : 'plain'
}

export function evidenceWord(kind: string): string {
  const words: Record<string, string> = {
    still: t('照片', 'still'),
    passage: t('连续走拍', 'walk-through'),
    measurement: t('测量读数', 'measurement'),
    document: t('证件文件', 'document'),
    statement: t('当面说明', 'statement'),
  }
  return words[kind] ?? kind
}

export function deadlineWord(deadline: Deadline): string {
  if (deadline.days_left < 0) return t(`已超期 ${-deadline.days_left} 个工作日`, `${-deadline.days_left} working days overdue`)
  if (deadline.days_left === 0) return t('今天到期', 'due today')
  return t(`还剩 ${deadline.days_left} 个工作日`, deadline.days_left === 1 ? '1 working day left' : `${deadline.days_left} working days left`)
}

export function deadlineTone(deadline: Deadline): Tone {
  return deadline.days_left < 0 ? 'bad' : deadline.days_left <= 2 ? 'warm' : ''
}

export function channelWord(channel: string): string {
  const words: Record<string, string> = {
    phone: t('手机', 'phone'),
    counter: t('窗口', 'counter'),
    desk: t('工作台', 'desk'),
    video: t('视频', 'video'),
    field: t('现场', 'on site'),
    cli: t('命令行', 'command line'),
    system: t('系统', 'system'),
  }
  return words[channel] ?? channel
}

/** Whoever has no name on a page is called by his part, in these words of the service. */
export function whoWord(name: string | null): string {
  const parts: Record<string, string> = { 申请人: t('申请人', 'applicant'), 工作人员: t('工作人员', 'staff'), 系统: t('系统', 'system') }
  return parts[name ?? ''] ?? name ?? ''
}

/** The unit of a number in a form, before which a space stands in English. */
export function unitWord(unit: string): string {
  const units: Record<string, string> = {
    '㎡': t('㎡', ' m²'),
    人: t('人', ' people'),
    个: t('个', ''),
    座: t('座', ' seats'),
    张: t('张', ''),
    把: t('把', ''),
  }
  return units[unit] ?? unit
}

/** What was entered: a choice in the reader's language, a number with its unit. Null once it was erased. */
export function entered(given: FormValue): string | null {
  if (given.choice) return say(given.choice)
  return given.value && (isDay(given.value) ? day(given.value) : given.value + unitWord(given.unit))
}

export function levelWord(level: number): string {
  return ['', t('非常不满意', 'Very dissatisfied'), t('不满意', 'Dissatisfied'), t('基本满意', 'Fairly satisfied'), t('满意', 'Satisfied'), t('非常满意', 'Very satisfied')][level] ?? ''
}

/** How the applicant wished the premises to be looked at. */
export const wishWord = (wish: string) =>
  ({ either: t('都可以，由陪伴人安排', 'either, as arranged'), remote: t('用手机视频看', 'by phone video'), 'on-site': t('请上门看', 'on site, please') })[wish] ?? wish
