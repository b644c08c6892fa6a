import { inject, type InjectionKey } from 'vue'

/** Where somebody can go who stands before something that is not there: an address within the pages and its name. */
export type WaysOut = () => { to: string; name: string }[]
export const WAYS_OUT: InjectionKey<WaysOut> = Symbol('ways out')
export const useWaysOut = () => inject(WAYS_OUT, () => [])
