import { sessions } from '@/features/session/session'

/** Where one's work is, by post: a companion's cases, a complaint officer's complaints, a supervisor's oversight. */
export function landing(): string {
  const has = (role: string) => sessions.main.roles.includes(role)
  if (has('officer') || has('reviewer')) return '/'
  if (has('complaints') || has('head')) return '/complaints'
  return has('supervisor') ? '/oversight' : '/'
}
