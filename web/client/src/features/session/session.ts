import { reactive } from 'vue'
import { post, remember, session as read, type As } from '@/api/client'
import type { CodeSent, Session } from '@/api/types'

const NOBODY: Session = {
  kind: 'none', id: '', name: '', roles: [], office: '', office_name: { zh: '', en: '' }, csrf: '', inspection_id: null, masked_phone: '', demo: false,
}

/** Who is logged in, and who came by an inspection link; a browser may be both. */
export const sessions = reactive<{ main: Session; guest: Session; known: boolean }>({ main: NOBODY, guest: NOBODY, known: false })

function set(found: Session, as?: As): Session {
  remember(found, as)
  if (as === 'guest') sessions.guest = found
  else {
    sessions.main = found
    sessions.known = true
  }
  return found
}

export const loadSession = async (as?: As) => set(await read(as), as)
export const sendCode = (phone: string, key: string) => post<CodeSent>('/login/code', { phone }, undefined, key)
export const verifyCode = async (phone: string, code: string, key: string) =>
  set(await post<Session>('/login/verify', { phone, code }, undefined, key))
export const loginStaff = async (login: string, password: string, key: string) =>
  set(await post<Session>('/login/staff', { login, password }, undefined, key))
export const verifyInvitation = async (token: string, code: string, key: string) =>
  set(await post<Session>('/invitations/verify', { token, code }, 'guest', key), 'guest')

export async function logout(as?: As): Promise<void> {
  set(await post<Session>('/logout', {}, as), as)
  if (!as) forgetDrafts()
}

export const DRAFT = 'peiban.draft.'

/** Drafts hold what a person typed; on a shared phone they must not outlive the login. */
function forgetDrafts(): void {
  for (const name of Object.keys(localStorage)) if (name.startsWith(DRAFT)) localStorage.removeItem(name)
}
