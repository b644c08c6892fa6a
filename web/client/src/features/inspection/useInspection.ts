import { computed, type Ref } from 'vue'
import { get, post } from '@/api/client'
import { follow } from '@/api/live'
import type { CheckView, Done, InspectionView, Verdict } from '@/api/types'
import { useAction, useLoad } from '@/ui/useLoad'

export interface Judgement {
  verdict: Verdict
  note: string
  mend_by: string | null
}

/** An inspection as an inspector works on it: the view, kept fresh, and what he may do. */
export function useInspection(id: string) {
  const { data: view, problem, loading, load } = useLoad(() => get<InspectionView>(`/inspections/${id}`))
  follow(`/inspections/${id}/live`, load)
  const may = (command: string) => view.value?.may.includes(command) ?? false

  const give = useAction(async (key, verb: string, body: object) => {
    const done = await post<Done>(`/inspections/${id}/${verb}`, body, undefined, key)
    await load()
    return done
  })

  /** Judges an item; its stills so far are cited as evidence. */
  const judge = (check: CheckView, given: Judgement) =>
    give.run(`items/${check.code}/judge`, {
      verdict: given.verdict,
      note: given.note.trim(),
      stills: check.stills.map((still) => still.id),
      mend_by: given.verdict === 'rectify-by' ? given.mend_by : null,
    })

  return { view, problem, loading, load, may, give, judge, ...progress(view) }
}

function progress(view: Ref<InspectionView | undefined>) {
  const checklist = computed(() => view.value?.checklist ?? [])
  return {
    checklist,
    judged: computed(() => checklist.value.filter((one) => one.verdict).length),
    openItems: computed(() => checklist.value.filter((one) => one.mandatory && !one.verdict)),
  }
}

const NOTED: Verdict[] = ['fail', 'rectify-now', 'rectify-by', 'not-applicable', 'unclear']

/** Whether a verdict has to be explained: everything but a plain pass. */
export const needsNote = (verdict: Verdict | '') => NOTED.includes(verdict as Verdict)

/** The end of a day in Shanghai, `days` from now, as the last moment to mend something. */
export function endOfDay(day: string): string {
  return `${day}T23:59:59+08:00`
}
