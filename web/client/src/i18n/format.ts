import { locale, t } from './index'

const ZONE = 'Asia/Shanghai'

function show(value: string | null | undefined, options: Intl.DateTimeFormatOptions): string {
  if (!value) return ''
  // A bare date is a day in Shanghai, not midnight UTC.
  const at = new Date(isDay(value) ? `${value}T12:00:00+08:00` : value)
  return Number.isNaN(at.getTime()) ? value : new Intl.DateTimeFormat(locale.value, { timeZone: ZONE, ...options }).format(at)
}

// One way to write a day in each language: 2026年11月27日, 27 Nov 2026.
export const day = (value: string | null | undefined) => show(value, { year: 'numeric', month: 'short', day: 'numeric' })
export const shortDay = (value: string | null | undefined) => show(value, { month: 'short', day: 'numeric', weekday: 'short' })
export const clock = (value: string | null | undefined) => show(value, { hour: '2-digit', minute: '2-digit', hour12: false })
export const moment = (value: string | null | undefined) =>
  show(value, { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false })
export const precise = (value: string | null | undefined) =>
  show(value, { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })

/** Whether a text is a bare day, as forms give it. */
export const isDay = (value: string) => /^\d{4}-\d{2}-\d{2}$/.test(value)

/** Today's day in Shanghai as YYYY-MM-DD. */
export function today(): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: ZONE }).format(new Date())
}

export function slot(starts: string | null, ends: string | null): string {
  if (!starts) return t('时间待定', 'time to be set')
  return `${shortDay(starts)} ${clock(starts)}${ends ? `\u2060–\u2060${clock(ends)}` : ''}`
}

/** Names one after another. */
export const listed = (names: (string | null | undefined)[]) => names.filter(Boolean).join(t('、', ', '))

export function size(bytes: number): string {
  if (bytes < 1024 * 1024) return `${Math.max(1, Math.round(bytes / 1024))} KB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  return whole >= 3600
    ? `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
    : `${two(Math.floor(whole / 60))}:${two(whole % 60)}`
}

/** A digest in groups that two people can compare aloud. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ')
}
