import { onScopeDispose, ref, type Ref } from 'vue'

/** Whether the desk is looked at on a phone. */
export function useNarrow(): Ref<boolean> {
  const query = window.matchMedia('(max-width: 48rem)')
  const narrow = ref(query.matches)
  const changed = () => (narrow.value = query.matches)
  query.addEventListener('change', changed)
  onScopeDispose(() => query.removeEventListener('change', changed))
  return narrow
}
