import { get } from '@/api/client'
import type { Person } from '@/api/types'

export const colleagues = async (role: 'reviewer' | 'officer') => (await get<{ people: Person[] }>(`/colleagues?role=${role}`)).people

/** Commands name staff by uuid, pages by `staff:<uuid>`. */
export const bare = (id: string) => id.replace(/^staff:/, '')
