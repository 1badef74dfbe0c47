// Which endpoints did worse than their siblings in an interval. Pure arithmetic over counts. Three measures, and one condition for
// all: the difference must be more than chance makes, else a service that fails a little would lose an endpoint now and then.
import type { EjectionRules } from './options.ts'

/** What became of the calls of one endpoint in an interval. */
export interface Tally {
  readonly calls: number
  readonly failures: number
  /** Failures since its last success, whenever that was. Default 0. */
  readonly failuresInRow?: number
}

/** One that did worse. */
export interface Outlier<T> {
  readonly of: T
  readonly reason: 'success-rate' | 'failure-share' | 'consecutive-failures'
  /** In words for a person. */
  readonly detail: string
  readonly failureShare: number
}

/** Standard errors between an endpoint and its siblings that chance does not make: once in 30 000 where shares are not extreme. */
const notByChance = 4
/**
 * Failures in a row after which an endpoint is compared that had too few calls for a share: a balancer that looks at latency shuns one
 * that hangs or refuses after a few calls, so that it would never have enough of them, and never enough in a row.
 */
const fewestInRow = 3

/**
 * The outliers among `tallies`, the worst first; both measures are relative, so it finds none where all fail alike.
 *
 * - success rate: below mean - `stdevFactor` * standard deviation of the rates of those with enough calls (Envoy's success rate
 *   outlier detection), and `gap` below the mean;
 * - failure share: at least `share` of its calls failed;
 * - failures in a row: its last calls failed, three at least.
 *
 * @example
 * outliers([{ calls: 100, failures: 60 }, { calls: 100, failures: 1 }], ejectionRules({}, 'ejection'))[0]?.reason // 'failure-share'
 */
export function outliers<T extends Tally>(tallies: readonly T[], rules: EjectionRules): readonly Outlier<T>[] {
  const all = { calls: 0, failures: 0 }
  for (const { calls, failures } of tallies) {
    all.calls += calls
    all.failures += failures
  }
  const threshold = successThreshold(tallies, rules)
  return tallies
    .map((tally) => byFailures(tally, tallies.length, all, rules) ?? bySuccesses(tally, threshold, all, rules))
    .filter((outlier) => outlier !== undefined)
    .toSorted((one, other) => other.failureShare - one.failureShare)
}

function byFailures<T extends Tally>(
  of: T,
  endpoints: number,
  all: Tally,
  rules: EjectionRules,
): Outlier<T> | undefined {
  const { failureShare: rule } = rules
  const others = without(all, of)
  if (rule === undefined || endpoints < rule.endpoints || others.calls < rule.calls) return undefined
  const failureShare = of.failures / of.calls
  if (of.calls >= rule.calls && failureShare >= rule.share && isWorse(of, others))
    return { of, reason: 'failure-share', detail: `${of.failures} of ${of.calls} calls failed`, failureShare }
  const { failuresInRow: row = 0 } = of
  if (row < fewestInRow || !isWorse({ calls: row, failures: row }, others)) return undefined
  return { of, reason: 'consecutive-failures', detail: `its last ${row} calls failed`, failureShare: 1 }
}

function bySuccesses<T extends Tally>(
  of: T,
  threshold: number | undefined,
  all: Tally,
  rules: EjectionRules,
): Outlier<T> | undefined {
  if (threshold === undefined || of.calls < (rules.successRate?.calls ?? Infinity)) return undefined
  const failureShare = of.failures / of.calls
  if (1 - failureShare >= threshold || !isWorse(of, without(all, of))) return undefined
  const detail = `${percent(1 - failureShare)} of its calls succeeded, where ${percent(threshold)} would be usual`
  return { of, reason: 'success-rate', detail, failureShare }
}

/** The success rate below which one is an outlier; undefined where too few have enough calls. */
function successThreshold(tallies: readonly Tally[], { successRate: rule }: EjectionRules): number | undefined {
  if (rule === undefined) return undefined
  const rates = tallies.filter(({ calls }) => calls >= rule.calls).map(({ calls, failures }) => 1 - failures / calls)
  if (rates.length < rule.endpoints) return undefined
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length
  return Math.min(mean - rule.stdevFactor * Math.sqrt(variance), mean - rule.gap)
}

/** The test of two proportions, pooled: an endpoint against its siblings taken together. */
function isWorse(one: Tally, others: Tally): boolean {
  if (others.calls === 0) return false
  const pooled = (one.failures + others.failures) / (one.calls + others.calls)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / one.calls + 1 / others.calls))
  return one.failures / one.calls - others.failures / others.calls > notByChance * error
}

function without(all: Tally, one: Tally): Tally {
  return { calls: all.calls - one.calls, failures: all.failures - one.failures }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
