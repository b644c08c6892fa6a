import { reactive, ref } from 'vue'
import { post, remember, session as read, type As } from '@/api/client'
import { LOGGED_IN, LOGGED_OUT } from '@/api/live'
import type { CodeSent, Session } from '@/api/types'

const NOBODY: Session = {
  kind: 'none', id: '', name: '', roles: [], office: '', office_name: { zh: '', en: '' }, csrf: '', inspection_id: null, masked_phone: '', demo: false,
}

/** Who is logged in, and who came by an inspection link; a browser may be both. */
export const sessions = reactive<{ main: Session; guest: Session; known: boolean }>({ main: NOBODY, guest: NOBODY, known: false })

/** The number just logged in with, for a form that asks for it again; never stored. */
export const ownPhone = ref('')

function set(found: Session, as?: As): Session {
  remember(found, as)
  const before = as === 'guest' ? sessions.guest : sessions.main
  if (as === 'guest') sessions.guest = found
  else {
    sessions.main = found
    sessions.known = true
  }
  if (found.kind !== 'none' && found.id !== before.id) window.dispatchEvent(new Event(LOGGED_IN))
  return found
}

export const loadSession = async (as?: As) => set(await read(as), as)
export const sendCode = (phone: string, key: string) => post<CodeSent>('/login/code', { phone }, undefined, key)
export async function verifyCode(phone: string, code: string, key: string): Promise<Session> {
  const found = await post<Session>('/login/verify', { phone, code }, undefined, key)
  ownPhone.value = phone
  return set(found)
}
export const loginStaff = async (login: string, password: string, key: string) =>
  set(await post<Session>('/login/staff', { login, password }, undefined, key))
export const verifyInvitation = async (token: string, code: string, key: string) =>
  set(await post<Session>('/invitations/verify', { token, code }, 'guest', key), 'guest')

export async function logout(as?: As): Promise<void> {
  set(await post<Session>('/logout', {}, as), as)
  ownPhone.value = ''
  if (!as) forgetDrafts()
}

export const DRAFT = 'peiban.draft.'

/** Drafts hold what a person typed; on a shared phone they must not outlive the login. */
function forgetDrafts(): void {
  for (const name of Object.keys(localStorage)) if (name.startsWith(DRAFT)) localStorage.removeItem(name)
}

/** A login that ended elsewhere or by time: `gone` is called once the pages know that nobody is logged in. */
export function watchLogout(gone: () => void = () => undefined): void {
  let asking = false
  window.addEventListener(LOGGED_OUT, async () => {
    if (asking || sessions.main.kind === 'none') return
    asking = true
    const found = await loadSession().catch(() => undefined)
    asking = false
    if (found?.kind === 'none') gone()
  })
}
