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
    void load()
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
  const byVideo = computed(() => view.value?.brief.mode === 'remote')
  return {
    checklist,
    judged: computed(() => checklist.value.filter((one) => one.verdict).length),
    /** Mandatory and still open; what video cannot show is left to the visit. */
    openItems: computed(() => checklist.value.filter((one) => one.mandatory && !one.verdict && !(one.on_the_spot && byVideo.value))),
    /** Whether a verdict can be given: what has to be seen on the spot cannot pass by video. */
    allowed: (check: CheckView, verdict: Verdict) => !(check.on_the_spot && byVideo.value) || BY_VIDEO.includes(verdict),
  }
}

const BY_VIDEO: Verdict[] = ['unclear', 'fail', 'not-applicable']
const NOTED: Verdict[] = ['fail', 'rectify-now', 'rectify-by']

/** Whether a verdict has to be explained. */
export function needsNote(check: CheckView, verdict: Verdict | ''): boolean {
  return !!verdict && (NOTED.includes(verdict) || (verdict === 'not-applicable' && check.mandatory))
}

/** The last moment of a day in Shanghai, as the time by which something is to be mended. */
export function endOfDay(day: string): string {
  return `${day}T23:59:59+08:00`
}
