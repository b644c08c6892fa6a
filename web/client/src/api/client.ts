import { t } from '@/i18n'
import { uuid } from './ids'
import type { Done, Problem, Session } from './types'

/** Whose session speaks: the guest of an inspection link has a cookie of his own beside any login. */
export type As = 'guest' | undefined

/** A refusal by the service or the network. `code` is the stable public code; `message` is in the reader's language. */
export class ProblemError extends Error {
  readonly code: string
  readonly status: number
  readonly details: Record<string, unknown>
  private readonly zh: string
  private readonly en: string

  constructor(problem: Pick<Problem, 'code' | 'status' | 'title' | 'title_en'> & Partial<Problem>) {
    super(problem.title)
    this.name = 'ProblemError'
    this.code = problem.code
    this.status = problem.status
    this.details = problem.details ?? {}
    this.zh = problem.title
    this.en = problem.title_en || problem.title
  }

  /** Whether the very same may succeed when it is sent again: the line or the service failed, nothing was refused. */
  get passing(): boolean {
    return this.code === 'offline' || [401, 408, 429].includes(this.status) || this.status >= 500
  }

  get text(): string {
    return t(this.zh, this.en)
  }
}

export const offline = () =>
  new ProblemError({
    code: 'offline',
    status: 0,
    title: '网络没有连上，已填写的内容都在。请检查网络后再试一次。',
    title_en: 'No connection. Nothing you entered is lost. Check the network and try again.',
  })

const ROOT = '/api/v1'
const RETRIES = 2
const PAUSE_MS = 800
const csrf = new Map<string, string>()

export function address(path: string, as?: As): string {
  const url = path.startsWith('/api/') ? path : ROOT + path
  return as && !url.includes(`as=${as}`) ? `${url}${url.includes('?') ? '&' : '?'}as=${as}` : url
}

/** Tells the service that a page for the premises speaks, so that the record says where a thing was done. */
export const place = (): Record<string, string> => (/^\/field(\/|$)/.test(location.pathname) ? { 'X-Peiban-Place': 'field' } : {})

export async function session(as?: As): Promise<Session> {
  const found = await get<Session>('/session', as)
  csrf.set(as ?? '', found.csrf)
  return found
}

export function remember(found: Session, as?: As): Session {
  csrf.set(as ?? '', found.csrf)
  return found
}

export async function token(as?: As): Promise<string> {
  if (!csrf.get(as ?? '')) await session(as)
  return csrf.get(as ?? '') ?? ''
}

export async function get<T>(path: string, as?: As): Promise<T> {
  const response = await send(address(path, as), { headers: { Accept: 'application/json' } })
  return read<T>(response)
}

/** The exact bytes of an answer, for what is hashed and signed. */
export async function bytes(path: string, as?: As): Promise<ArrayBuffer> {
  const response = await send(address(path, as), {})
  if (!response.ok) throw await problemOf(response)
  return response.arrayBuffer()
}

/** A change. The same `key` on every attempt lets the service recognise a repetition. */
export async function post<T = Done>(path: string, body: unknown = {}, as?: As, key: string = uuid()): Promise<T> {
  const attempt = async () =>
    send(address(path, as), {
      method: 'POST',
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
        'X-CSRF-Token': await token(as),
      },
      body: JSON.stringify(body),
    })
  let response = await attempt()
  if (response.status === 403 && (await isStaleToken(response.clone()))) {
    csrf.delete(as ?? '')
    response = await attempt()
  }
  return read<T>(response)
}

export async function isStaleToken(response: Response): Promise<boolean> {
  const found = await problemOf(response)
  return found.code.includes('csrf') || found.code.includes('forgery')
}

async function send(url: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    let response: Response | undefined
    try {
      response = await fetch(url, { credentials: 'same-origin', cache: 'no-store', ...init, headers: { ...init.headers, ...place() } })
    } catch {
      if (attempt >= RETRIES) throw offline()
    }
    if (response && (response.status !== 503 || attempt >= RETRIES)) return response
    await new Promise((resolve) => setTimeout(resolve, pause(response, attempt)))
  }
}

function pause(response: Response | undefined, attempt: number): number {
  const asked = Number(response?.headers.get('Retry-After'))
  return asked > 0 ? Math.min(asked, 5) * 1000 : PAUSE_MS * (attempt + 1)
}

async function read<T>(response: Response): Promise<T> {
  if (!response.ok) throw await problemOf(response)
  return (await response.json()) as T
}

export async function problemOf(response: { status: number; text(): Promise<string> }): Promise<ProblemError> {
  try {
    const found = JSON.parse(await response.text()) as Problem
    if (found.code && found.title) return new ProblemError(found)
  } catch {
    // not a problem document: a proxy in between answered
  }
  return new ProblemError({
    code: 'unavailable',
    status: response.status,
    title: '服务暂时没有回应，请过一会儿再试。',
    title_en: 'The service is not answering. Please try again in a moment.',
  })
}
