import { computed, ref, shallowRef, watch } from 'vue'
import { get } from '@/api/client'
import type { CheckView, InspectionView, Verdict } from '@/api/types'
import { sessions } from '@/features/session/session'
import { t } from '@/i18n'
import { today } from '@/i18n/format'
import { endOfDay, needsNote, type useInspection } from './useInspection'

interface Entry {
  verdict: Verdict | ''
  note: string
  mendBy: string
}
const stored = (check: CheckView): Entry => ({ verdict: check.verdict, note: check.note ?? '', mendBy: check.mend_by?.slice(0, 10) ?? '' })
const same = (a: Entry, b: Entry) => a.verdict === b.verdict && a.note === b.note && a.mendBy === b.mendBy

/** Whether a verdict is somebody else's, whom a change would silently overrule. */
export const byColleague = (check: CheckView) => !!check.verdict && !!check.judged_by && check.judged_by !== sessions.main.name

/**
 * One inspector's judging beside a colleague who judges too: his choice and his half-written words are his own, and a
 * verdict that the other has given is never replaced without asking.
 */
export function useJudging(id: string, work: ReturnType<typeof useInspection>, current: () => CheckView | undefined) {
  const verdict = ref<Verdict | ''>('')
  const note = ref('')
  const mendBy = ref('')
  /** The colleague's verdict on the item that was about to be judged otherwise. */
  const clash = shallowRef<CheckView>()
  const kept = new Map<string, Entry>()
  const mine = new Set<string>()
  let of = ''
  let base: Entry = { verdict: '', note: '', mendBy: '' }

  const entry = (): Entry => ({ verdict: verdict.value, note: note.value, mendBy: mendBy.value })
  function show(one: Entry): void {
    verdict.value = one.verdict
    note.value = one.note
    mendBy.value = one.mendBy
  }
  watch(() => [current()?.code, current()?.judged_at, current()?.verdict], () => {
    const check = current()
    if (!check) return
    const touched = !same(entry(), base)
    if (check.code !== of) {
      if (of && touched) kept.set(of, entry())
      else kept.delete(of)
      clash.value = undefined
      of = check.code
      base = stored(check)
      show(kept.get(check.code) ?? base)
    } else {
      base = stored(check)
      if (!touched) show(base)
    }
  }, { immediate: true })

  const looking = ref(false)
  const busy = computed(() => looking.value || work.give.busy.value)
  const late = computed(() => verdict.value === 'rectify-by' && !!mendBy.value && mendBy.value <= today())
  const ready = computed(() => {
    const check = current()
    if (!check || !verdict.value || busy.value) return false
    return (!needsNote(check, verdict.value) || !!note.value.trim()) && (verdict.value !== 'rectify-by' || mendBy.value > today())
  })

  /** True once it is recorded. What the colleague may have judged a moment ago is looked at first. */
  async function save(sure = false): Promise<boolean> {
    const check = current()
    if (!check || !ready.value) return false
    const given = { verdict: verdict.value as Verdict, note: note.value, mend_by: mendBy.value ? endOfDay(mendBy.value) : null }
    if (!sure) {
      looking.value = true
      const now = await get<InspectionView>(`/inspections/${id}`).catch(() => undefined)
      looking.value = false
      if (current()?.code !== check.code) return false
      const other = now?.checklist.find((one) => one.code === check.code)
      if (other && byColleague(other) && !(other.verdict === given.verdict && (other.note ?? '') === given.note.trim())) {
        clash.value = other
        return false
      }
    }
    clash.value = undefined
    if (!(await work.judge(check, given))) return false
    mine.add(check.code)
    kept.delete(check.code)
    if (of === check.code) base = entry()
    return true
  }

  /** What is entered here is dropped for what the colleague has found. */
  function yieldTo(): void {
    if (clash.value) show(base = stored(clash.value))
    clash.value = undefined
  }

  const open = (one: CheckView) => !one.verdict && !mine.has(one.code)
  /** The next item that nobody has judged; from the last one on, the first that was skipped. */
  function next(): { code: string; back: boolean } | undefined {
    const list = work.checklist.value
    const at = list.findIndex((one) => one.code === current()?.code)
    const ahead = list.slice(at + 1).find(open)
    if (ahead) return { code: ahead.code, back: false }
    const skipped = list.slice(0, Math.max(at, 0)).find(open)
    return skipped && { code: skipped.code, back: true }
  }
  const last = computed(() => !work.checklist.value.some((one) => one.code !== current()?.code && open(one)))
  const saveWord = computed(() => {
    if (last.value) return current()?.verdict ? t('更改', 'Change') : t('记下', 'Save')
    return current()?.verdict ? t('更改，下一项', 'Change, next') : t('记下，下一项', 'Save, next')
  })
  return { verdict, note, mendBy, clash, busy, late, ready, save, yieldTo, next, saveWord }
}
