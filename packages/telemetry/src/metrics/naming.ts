// The rules for names of metrics and labels, checked once when a family is registered: those of the Prometheus data model and,
// because the same families are written as OpenMetrics, those of OpenMetrics 1.0 (suffixes, units, names that collide).
import { OptionsError } from '@switchgear/core'
import type { Family } from './family.ts'

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/

/** The name that OpenMetrics gives a family: that of a counter without `_total`. */
export function baseName({ name, type }: { readonly name: string; readonly type: string }): string {
  return type === 'counter' && name.endsWith('_total') ? name.slice(0, -'_total'.length) : name
}

/**
 * Every name that the samples of a family have, or may have. Two families must not share one. `open`: with the names that
 * OpenMetrics keeps for a family and the older format does not.
 */
export function claimedNames(
  family: { readonly name: string; readonly type: string },
  open: boolean = true,
): readonly string[] {
  const { name, type } = family
  const base = baseName(family)
  const created = open ? [`${base}_created`] : []
  if (type === 'counter') return open ? [base, `${base}_total`, ...created] : [name]
  if (type === 'summary') return [name, `${name}_count`, `${name}_sum`, ...created]
  if (type === 'histogram') return [name, `${name}_bucket`, `${name}_count`, `${name}_sum`, ...created]
  return [name]
}

/** Throws `SG_BAD_OPTIONS` for a name, a label or bounds that cannot be written. */
export function checkFamily(family: Omit<Family, 'series'> & { readonly bounds?: readonly number[] }): void {
  const { name, type, unit, labelNames } = family
  refuseUnless(metricName.test(name), 'metric name', `to match ${metricName.source}`, name)
  refuseUnless(type !== 'counter' || name.endsWith('_total'), 'name of a counter', 'to end with _total', name)
  const named = unit === undefined || baseName(family).endsWith(`_${unit}`)
  refuseUnless(named, `name of a metric in ${unit}`, `to have the suffix _${unit}`, name)
  for (const label of labelNames) {
    refuseUnless(labelName.test(label), `label name of ${name}`, `to match ${labelName.source}`, label)
    const reserved = (type === 'histogram' && label === 'le') || (type === 'summary' && label === 'quantile')
    refuseUnless(!reserved, `label name of ${name}`, 'not to be reserved', label)
  }
  refuseUnless(new Set(labelNames).size === labelNames.length, `label names of ${name}`, 'to differ', labelNames.join())
  checkBounds(family.bounds ?? [], name)
}

/**
 * Sums of histograms are counters, so nothing below 0 is observed and no bound is below 0. The search for a bucket is linear,
 * hence the bound on bounds.
 */
function checkBounds(bounds: readonly number[], name: string): void {
  refuseUnless(bounds.length <= 64, `bounds of ${name}`, 'to be at most 64', String(bounds.length))
  let before = -1
  for (const bound of bounds) {
    const holds = bound > before && bound >= 0 && bound < Infinity
    refuseUnless(holds, `bounds of ${name}`, 'to be finite, >= 0 and ascending', bounds.join())
    before = bound
  }
}

function refuseUnless(holds: boolean, what: string, bound: string, value: string): void {
  if (!holds) throw new OptionsError(`metrics: the ${what} has ${bound}, got '${value}'`)
}
