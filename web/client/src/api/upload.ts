import { address, offline, place, ProblemError, problemOf, token, type As } from './client'
import { uuid } from './ids'

/** Largest file the service takes; refused here first, before minutes of uploading are lost. */
export const LARGEST_BYTES = 20 * 1024 * 1024

export interface Upload<T> {
  done: Promise<T>
  cancel(): void
}

/** Sends a form with progress (0…1), which `fetch` cannot report. The same key is used when it is sent again. */
export function upload<T>(
  path: string,
  fields: Record<string, string | Blob>,
  options: { as?: As; key?: string; name?: string; onProgress?: (share: number) => void } = {},
): Upload<T> {
  const request = new XMLHttpRequest()
  const form = new FormData()
  // The file comes last: the service then knows what it is for before its bytes arrive.
  for (const [name, value] of Object.entries(fields)) if (typeof value === 'string') form.append(name, value)
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== 'string') form.append(name, value, options.name ?? (value instanceof File ? value.name : 'photo.jpg'))
  }
  const start = async (): Promise<T> => {
    const csrf = await token(options.as)
    return new Promise<T>((resolve, reject) => {
      request.open('POST', address(path, options.as))
      request.setRequestHeader('Accept', 'application/json')
      request.setRequestHeader('Idempotency-Key', options.key ?? uuid())
      request.setRequestHeader('X-CSRF-Token', csrf)
      for (const [name, value] of Object.entries(place())) request.setRequestHeader(name, value)
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) options.onProgress?.(event.loaded / event.total)
      }
      request.onerror = () => reject(offline())
      request.onabort = () =>
        reject(new ProblemError({ code: 'cancelled', status: 0, title: '已取消上传。', title_en: 'Upload cancelled.' }))
      request.onload = async () => {
        if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as T)
        else reject(await problemOf({ status: request.status, text: async () => request.responseText }))
      }
      request.send(form)
    })
  }
  return { done: start(), cancel: () => request.abort() }
}
