import { computed, ref, watchEffect } from 'vue'
import type { Bilingual } from '@/api/types'

export type Language = 'zh' | 'en'

const LANGUAGE = 'peiban.language'
const LARGE = 'peiban.large-text'

function stored(name: string): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null // storage can be forbidden; the choice then lasts for this page only
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(name, value)
  } catch {
    // as above
  }
}

export const language = ref<Language>(stored(LANGUAGE) === 'en' ? 'en' : 'zh')
export const largeText = ref(stored(LARGE) === 'yes')

watchEffect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
  store(LANGUAGE, language.value)
})
watchEffect(() => {
  document.documentElement.classList.toggle('large-text', largeText.value)
  store(LARGE, largeText.value ? 'yes' : 'no')
})

/** Both languages stand where they are used, so that neither can be forgotten. */
export function t(zh: string, en: string): string {
  return language.value === 'zh' ? zh : en
}

/** A bilingual value of the service; Chinese stands in where English is missing. */
export function say(text: Bilingual | null | undefined): string {
  if (!text) return ''
  return language.value === 'en' && text.en ? text.en : text.zh
}

export const locale = computed(() => (language.value === 'zh' ? 'zh-CN' : 'en-GB'))
