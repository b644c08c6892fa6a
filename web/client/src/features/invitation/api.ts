import { get, post } from '@/api/client'
import type { CodeSent, Done, InspectionView, Invitation } from '@/api/types'

const STORED = 'peiban.invitation'
let taken = ''

/**
 * The token of the link stands after the `#` and so never reaches a server's log. It leaves the address bar before the
 * router sees it, which would otherwise write it into the browser's history, and is kept for this tab only.
 */
export function takeToken(): void {
  const found = location.hash.replace(/^#/, '')
  if (!found) return
  history.replaceState(history.state, '', location.pathname)
  taken = found
  try {
    sessionStorage.setItem(STORED, found)
  } catch {
    // forbidden storage: a reload then needs the link again
  }
}

export function invitationToken(): string {
  try {
    return taken || (sessionStorage.getItem(STORED) ?? '')
  } catch {
    return taken
  }
}

export const look = (token: string) => post<Invitation>('/invitations/look', { token }, 'guest')
export const sendCode = (token: string, key: string) => post<CodeSent>('/invitations/code', { token }, 'guest', key)
export const guestInspection = (id: string) => get<InspectionView>(`/inspections/${id}`, 'guest')
export const guestCommand = (id: string, verb: string, body: object, key: string) =>
  post<Done>(`/inspections/${id}/${verb}`, body, 'guest', key)
