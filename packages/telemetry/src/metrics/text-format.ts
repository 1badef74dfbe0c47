// How families are written: the Prometheus text format 0.0.4 and OpenMetrics 1.0.0. One piece of text per series, made in one
// go from what the family yielded, so that no series is ever torn. It must not wait and holds nothing.
// https://prometheus.io/docs/instrumenting/exposition_formats/ and the OpenMetrics specification, 1.0.
import type { Exemplar, Family, HistogramFamily, HistogramSeries, NumberSeries, Scrape } from './family.ts'
import { escapeHelp, labelText } from './label-text.ts'
import { baseName } from './naming.ts'

/** Which format: 'text' is Prometheus 0.0.4. */
export type TextFormat = 'text' | 'openmetrics'

/** Value of the `content-type` header of each format. */
export const contentTypes: Readonly<Record<TextFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** A family as pieces of text: what stands above it, then series by series. */
export function* familyText(family: Family, format: TextFormat, scrape: Scrape): Generator<string> {
  yield headText(family, format)
  if (!('bounds' in family)) {
    for (const series of family.series(scrape)) yield numberText(family.name, labelsOf(family, series), series, format)
    return
  }
  const prefixes = bucketPrefixes(family, format)
  for (const series of family.series(scrape)) {
    yield histogramText(family, prefixes, labelsOf(family, series), series, format)
  }
}

/** The lines above the series. OpenMetrics wants the type first and leaves `_total` out of the name. */
export function headText(
  family: { readonly name: string; readonly help: string; readonly type: string; readonly unit?: string | undefined },
  format: TextFormat,
): string {
  const { name, help, type, unit } = family
  if (format === 'text') return `# HELP ${name} ${escapeHelp(help, false)}\n# TYPE ${name} ${type}\n`
  const base = baseName(family)
  const unitLine = unit === undefined ? '' : `# UNIT ${base} ${unit}\n`
  return `# TYPE ${base} ${type}\n${unitLine}# HELP ${base} ${escapeHelp(help, true)}\n`
}

/** A sample: `labels` is '' or the text between the braces. */
export function sampleText(name: string, labels: string, value: number, exemplar: string = ''): string {
  return labels === ''
    ? `${name} ${numberOf(value)}${exemplar}\n`
    : `${name}{${labels}} ${numberOf(value)}${exemplar}\n`
}

/** A number as both formats take it, exact to the bit. */
export function numberOf(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

/**
 * A bound as value of the label `le`. The values of labels are compared as text, so OpenMetrics asks everybody to write them
 * alike ("Canonical Numbers"): `1.0`, `1e+06`, `1e-05`. The older format has them as they come.
 */
export function boundText(bound: number, format: TextFormat): string {
  if (bound === Infinity) return '+Inf'
  if (format === 'text') return String(bound)
  if (bound !== 0 && (bound < 1e-4 || bound >= 1e6)) {
    return bound.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

function labelsOf(family: Family, series: NumberSeries | HistogramSeries): string {
  return series.labelText ?? labelText(family.labelNames, series.labels)
}

function numberText(name: string, labels: string, series: NumberSeries, format: TextFormat): string {
  const exemplar = format === 'openmetrics' && series.exemplar !== undefined ? exemplarText(series.exemplar) : ''
  return sampleText(name, labels, series.value, exemplar)
}

/** Made once per family: what all its series have in common. */
function bucketPrefixes(family: HistogramFamily, format: TextFormat): readonly string[] {
  if (family.type === 'summary') return []
  return [...family.bounds, Infinity].map((bound) => `${family.name}_bucket{le="${boundText(bound, format)}"`)
}

function histogramText(
  { name }: HistogramFamily,
  prefixes: readonly string[],
  labels: string,
  { counts, sum, exemplars }: HistogramSeries,
  format: TextFormat,
): string {
  let text = ''
  const rest = labels === '' ? '} ' : `,${labels}} `
  let count = 0
  for (let bucket = 0; bucket < counts.length; bucket++) {
    count += counts[bucket] ?? 0
    const prefix = prefixes[bucket]
    if (prefix === undefined) continue
    const exemplar = format === 'openmetrics' ? exemplars?.[bucket] : undefined
    text += `${prefix}${rest}${count}${exemplar === undefined ? '' : exemplarText(exemplar)}\n`
  }
  return `${text}${sampleText(`${name}_sum`, labels, sum)}${sampleText(`${name}_count`, labels, count)}`
}

function exemplarText({ traceId, spanId, value, timeMs }: Exemplar): string {
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${numberOf(value)} ${(timeMs / 1000).toFixed(3)}`
}
