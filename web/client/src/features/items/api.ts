import { get } from '@/api/client'
import type { ItemSummary, ServiceItem } from '@/api/types'

export const findItems = async (words: string) =>
  (await get<{ items: ItemSummary[] }>(`/items?q=${encodeURIComponent(words)}`)).items

const read = new Map<string, Promise<ServiceItem>>()

/** An item; read once a visit, for a published version does not change. */
export function item(code: string): Promise<ServiceItem> {
  let found = read.get(code)
  if (!found) {
    found = get<{ item: ServiceItem }>(`/items/${encodeURIComponent(code)}`).then((answer) => answer.item)
    found.catch(() => read.delete(code))
    read.set(code, found)
  }
  return found
}
