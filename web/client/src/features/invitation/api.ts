import { get, post } from '@/api/client'
import type { CodeSent, Done, InspectionView, Invitation } from '@/api/types'

const STORED = 'peiban.invitation'

/**
 * The token of the link stands after the `#` and so never reaches a server's log; it leaves the address bar at once
 * and is kept for this tab only, so that the page can be reloaded.
 */
export function takeToken(): string {
  const found = location.hash.replace(/^#/, '')
  if (found) {
    history.replaceState(history.state, '', location.pathname)
    try {
      sessionStorage.setItem(STORED, found)
    } catch {
      // forbidden storage: a reload then needs the link again
    }
    return found
  }
  try {
    return sessionStorage.getItem(STORED) ?? ''
  } catch {
    return ''
  }
}

export const look = (token: string) => post<Invitation>('/invitations/look', { token }, 'guest')
export const sendCode = (token: string, key: string) => post<CodeSent>('/invitations/code', { token }, 'guest', key)
export const guestInspection = (id: string) => get<InspectionView>(`/inspections/${id}`, 'guest')
export const guestCommand = (id: string, verb: string, body: object, key: string) =>
  post<Done>(`/inspections/${id}/${verb}`, body, 'guest', key)
