// What telemetry tells of itself: spans that were dropped before anybody saw them, and how delivery goes. It reads totals that
// the tracer, the exporters and the store keep anyway. Invariant: a part that is not in use shows no series.
import type { OtlpTotals } from '../../otlp/transport-totals.ts'
import type { TailTotals } from '../../sampling/trace-buffer.ts'
import type { StoreTotals } from '../../store/ledger.ts'
import type { TracerTotals } from '../../trace/tracer.ts'
import type { NumberFamily, NumberSeries } from '../family.ts'

/** Who keeps the totals. `exporters` by signal, such as `traces` and `metrics`. */
export interface TelemetrySources {
  readonly tracer: { readonly totals: TracerTotals }
  readonly exporters?: Readonly<Record<string, { readonly totals: OtlpTotals } | undefined>> | undefined
  readonly tail?: { readonly totals: TailTotals } | undefined
  readonly store?: { readonly totals: StoreTotals } | undefined
}

type Type = NumberFamily['type']
/** Label values, then the number. */
type Row = readonly [...labels: string[], value: number]

/**
 * Families of telemetry itself, for `MetricRegistry.collect`.
 *
 * @example
 * const undo = telemetryFamilies({ tracer, exporters: { traces: exporter } }).map((family) => metrics.instruments.collect(family))
 */
export function telemetryFamilies(sources: TelemetrySources): NumberFamily[] {
  return [...tracerFamilies(sources), ...exportFamilies(sources), ...tailFamilies(sources), ...storeFamilies(sources)]
}

function tracerFamilies({ tracer }: TelemetrySources): NumberFamily[] {
  const of = (name: string, help: string, read: (totals: TracerTotals) => number): NumberFamily =>
    family('counter', name, help, [], () => [[read(tracer.totals)]])
  return [
    of('switchgear_spans_started_total', 'Recorded spans that were begun.', ({ started }) => started),
    of('switchgear_spans_ended_total', 'Recorded spans that ended and went to the consumers.', ({ ended }) => ended),
    of(
      'switchgear_spans_dropped_total',
      'Recorded spans that were lost because no block was free when they ended, or after the close.',
      ({ dropped }) => dropped,
    ),
    of('switchgear_spans_unsampled_total', 'Spans that were not recorded.', ({ unsampled }) => unsampled),
    of(
      'switchgear_sampler_errors_total',
      'Samplers that threw; their traces are not sampled.',
      ({ samplerErrors }) => samplerErrors,
    ),
  ]
}

function exportFamilies({ exporters = {} }: TelemetrySources): NumberFamily[] {
  const all = (): [string, OtlpTotals][] =>
    Object.entries(exporters).flatMap(([signal, exporter]) =>
      exporter === undefined ? [] : [[signal, exporter.totals]],
    )
  const of = (type: Type, name: string, help: string, read: (totals: OtlpTotals) => number): NumberFamily =>
    family(type, name, help, ['signal'], () => all().map(([signal, totals]) => [signal, read(totals)]))
  return [
    of('counter', 'switchgear_export_items_total', 'Spans or points that were delivered.', (totals) => totals.exported),
    family(
      'counter',
      'switchgear_export_dropped_total',
      'Spans or points that were not delivered.',
      ['signal', 'reason'],
      () =>
        all().flatMap(([signal, { dropped }]) =>
          Object.entries(dropped).map(([reason, count]): Row => [signal, snakeCase(reason), count]),
        ),
    ),
    of('gauge', 'switchgear_export_queued', 'Spans or points waiting or being sent.', (totals) => totals.queued),
    of(
      'gauge',
      'switchgear_export_queued_bytes',
      'Size of what waits or is being sent.',
      (totals) => totals.queuedBytes,
    ),
    of(
      'counter',
      'switchgear_export_requests_total',
      'Requests to the collector, the repeated ones among them.',
      (totals) => totals.requests,
    ),
    of('counter', 'switchgear_export_retries_total', 'Requests that were repeated.', (totals) => totals.retries),
    of('counter', 'switchgear_export_sent_bytes_total', 'Bodies of all requests, as sent.', (totals) => totals.bytes),
  ]
}

function tailFamilies({ tail }: TelemetrySources): NumberFamily[] {
  const rows = (read: (totals: TailTotals) => Row[]) => (): Row[] => (tail === undefined ? [] : read(tail.totals))
  return [
    family(
      'counter',
      'switchgear_tail_traces_total',
      'Traces that were decided as wholes, by decision and its reason.',
      ['decision', 'reason'],
      rows(({ kept, dropped }) => [
        ...Object.entries(kept).map(([reason, count]): Row => ['kept', snakeCase(reason), count]),
        ...Object.entries(dropped).map(([reason, count]): Row => ['dropped', snakeCase(reason), count]),
      ]),
    ),
    family(
      'counter',
      'switchgear_tail_spans_total',
      'Spans of traces that were decided as wholes.',
      ['decision'],
      rows(({ keptSpans, droppedSpans }) => [
        ['kept', keptSpans],
        ['dropped', droppedSpans],
      ]),
    ),
    family(
      'counter',
      'switchgear_tail_evicted_total',
      'Traces that were decided early because the buffer was full.',
      [],
      rows(({ evicted }) => [[evicted]]),
    ),
  ]
}

function storeFamilies({ store }: TelemetrySources): NumberFamily[] {
  const rows = (read: (totals: StoreTotals) => Row[]) => (): Row[] => (store === undefined ? [] : read(store.totals))
  const of = (type: Type, name: string, help: string, read: (totals: StoreTotals) => number): NumberFamily =>
    family(
      type,
      name,
      help,
      [],
      rows((totals) => [[read(totals)]]),
    )
  return [
    of('counter', 'switchgear_store_spans_stored_total', 'Spans that were stored.', ({ stored }) => stored),
    family(
      'counter',
      'switchgear_store_spans_dropped_total',
      'Spans that were not stored.',
      ['reason'],
      rows(({ dropped }) => Object.entries(dropped).map(([reason, count]): Row => [snakeCase(reason), count])),
    ),
    of(
      'counter',
      'switchgear_store_spans_evicted_total',
      'Stored spans that were deleted to keep within the byte cap.',
      ({ evicted }) => evicted.spans,
    ),
    of('gauge', 'switchgear_store_spans', 'Spans in the store.', ({ spans }) => spans),
    of('gauge', 'switchgear_store_bytes', 'Size of the store.', ({ bytes }) => bytes),
    of('gauge', 'switchgear_store_max_bytes', 'How large the store may become.', ({ maxBytes }) => maxBytes),
  ]
}

function family(
  type: Type,
  name: string,
  help: string,
  labelNames: readonly string[],
  rows: () => Row[],
): NumberFamily {
  const unit = /_bytes(_total)?$/.test(name) ? 'bytes' : undefined
  const series = (): NumberSeries[] =>
    rows().map((row) => ({ labels: row.slice(0, -1).map(String), value: Number(row.at(-1)) }))
  return { name, help, type, unit, labelNames, series }
}

/** Values of labels are written like names: `queueFull` becomes `queue_full`. */
function snakeCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
