// How results are shown: one aligned line per runtime, the exclusions with their reasons, and a closing line.
import { exclusions } from './exclusions.ts'

/** One line of the result. */
export interface Row {
  readonly name: string
  readonly version: string
  readonly passed: number
  readonly failed: number
  /** Tests that skip themselves, or are left out by their title where the runtime tells of those. */
  readonly skipped: number
  /** Lines of the table of exclusions that hold here. */
  readonly excluded: number
  readonly seconds: number
  readonly verdict: 'passed' | 'failed' | 'missing'
  /** Why it is missing. */
  readonly why?: string
}

/** Above the lines. */
export const heading: string = columns('runtime', 'version', 'passed', 'failed', 'skipped', 'excluded', 'seconds', '')

/** One line. */
export function line(row: Row): string {
  const { name, version, passed, failed, skipped, excluded, seconds, verdict, why } = row
  if (verdict === 'missing') return `${name.padEnd(10)}MISSING: ${why}`
  const last = verdict === 'failed' ? 'FAILED' : ''
  return columns(name, version, `${passed}`, `${failed}`, `${skipped}`, `${excluded}`, seconds.toFixed(1), last)
}

function columns(name: string, version: string, ...numbers: readonly string[]): string {
  const verdict = numbers.at(-1) ?? ''
  const right = numbers.slice(0, -1).map((text) => text.padStart(10))
  return `${name.padEnd(10)}${version.padEnd(18)}${right.join('')}  ${verdict}`.trimEnd()
}

/** Each exclusion, where it holds, and why below it. */
export function exclusionLines(): readonly string[] {
  return exclusions.map(({ tests, on, reason }) => {
    const what = typeof tests === 'string' ? tests : `tests '${tests.source}'`
    return `  ${what}, on ${typeof on === 'string' ? on : on.join(', ')}\n    ${reason}`
  })
}

/** What it comes to. A missing runtime is one that failed where `strict`. */
export function closing(rows: readonly Row[], strict: boolean): { readonly text: string; readonly good: boolean } {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0)
  const missing = rows.filter(({ verdict }) => verdict === 'missing').map(({ name }) => name)
  const bad = rows.filter(({ verdict }) => verdict === 'failed').map(({ name }) => name)
  const lines = [
    ...(bad.length === 0 ? [] : [`failed on ${bad.join(', ')}`]),
    ...(missing.length === 0 ? [] : [`not run, because missing: ${missing.join(', ')}`]),
    ...(strict && missing.length > 0 ? ['nothing may be missing here, because CI is set'] : []),
    `${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed`,
  ]
  const ran = rows.length > missing.length
  return { text: lines.join('\n'), good: ran && bad.length === 0 && (!strict || missing.length === 0) }
}
