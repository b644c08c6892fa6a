import type { FormField } from '@/api/types'
import { say, t } from '@/i18n'
import { unitWord } from '@/ui/words'

/** What is wrong with a value, in words; empty when nothing is. The service checks again. */
export function wrong(field: FormField, value: string | undefined): string {
  const text = (value ?? '').trim()
  const picked = field.kind === 'choice' || field.kind === 'date'
  if (!text && picked) return field.required ? t(`请选择${field.label.zh}`, `Please choose: ${say(field.label)}`) : ''
  if (!text) return field.required ? t(`请填写${field.label.zh}`, `Please fill in: ${say(field.label)}`) : ''
  if (field.kind === 'phone' && !/^1[3-9]\d{9}$/.test(text.replace(/[\s-]/g, ''))) return t('手机号码应为 11 位数字', 'A mobile number has 11 digits')
  if (field.kind === 'number') return wrongNumber(field, text)
  if (field.kind === 'date' && !/^\d{4}-\d{2}-\d{2}$/.test(text)) return t('请选择日期', 'Choose a date')
  if (text.length > 2000) return t('最多 2000 字', 'At most 2000 characters')
  return ''
}

function wrongNumber(field: FormField, text: string): string {
  if (!/^-?\d+(\.\d+)?$/.test(text)) return t('请填写数字', 'Enter a number')
  const number = Number(text)
  if (field.minimum !== null && number < field.minimum) return t(`不能小于 ${field.minimum}${unitWord(field.unit)}`, `At least ${field.minimum}${unitWord(field.unit)}`)
  if (field.maximum !== null && number > field.maximum) return t(`不能大于 ${field.maximum}${unitWord(field.unit)}`, `At most ${field.maximum}${unitWord(field.unit)}`)
  return ''
}

/** The fields that the service refused, from a problem's details: `fields: {code: {zh, en} | text}`. */
export function refusedFields(details: Record<string, unknown>): Record<string, string> {
  const found: Record<string, string> = {}
  const fields = details.fields
  if (fields && typeof fields === 'object') {
    for (const [code, why] of Object.entries(fields)) {
      found[code] = typeof why === 'object' && why !== null ? say(why as { zh: string; en: string }) : String(why)
    }
  }
  return found
}
