/** Whether a mark of trust (`L`, `P`, `P-old`, `K75`, `L/K80`) is sure enough to be stated without reserve. */
export function isSure(trust: string): boolean {
  if (trust.includes('P-old')) return false
  return [...trust.matchAll(/K(\d+)/g)].every((found) => Number(found[1]) >= 80)
}
