// What a store should answer, told simply: all spans in memory, every question put to each of them. And questions about them.
import type { SpanQuery } from '../../src/store/query.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import type { Dice } from '../long-run.ts'

interface Known {
  readonly id: string
  readonly arrival: number
  /** When it began, as far as was known when it first came in. */
  readonly at: number
  readonly spans: SpanData[]
}

/** All that was added. */
export class NaiveStore {
  readonly traces: Map<string, Known> = new Map()

  /** Answers how many were new. */
  add(spans: readonly SpanData[]): number {
    const byTrace = Map.groupBy(spans, ({ traceId }) => traceId)
    let stored = 0
    for (const [id, some] of byTrace) {
      const fresh = {
        id,
        arrival: this.traces.size,
        at: Math.min(...some.map(({ startMicros }) => startMicros)),
        spans: [],
      }
      const known = this.traces.get(id) ?? fresh
      this.traces.set(id, known)
      for (const span of some) {
        if (known.spans.some(({ spanId, kind }) => spanId === span.spanId && kind === span.kind)) continue
        known.spans.push(span)
        stored++
      }
    }
    return stored
  }

  /** Ids of the traces, the newest first. */
  find(query: SpanQuery): string[] {
    const { fromMicros = -Infinity, toMicros = Infinity } = query
    return [...this.traces.values()]
      .filter(({ at, spans }) => at >= fromMicros && at < toMicros && traceMatches(spans, query))
      .toSorted((a, b) => b.at - a.at || b.arrival - a.arrival)
      .map(({ id }) => id)
  }
}

function traceMatches(spans: readonly SpanData[], query: SpanQuery): boolean {
  const { service, route, text, attributes = {}, minDurationNanos = 0, maxDurationNanos = Infinity } = query
  const ofSpans =
    service !== undefined || route !== undefined || text !== undefined || Object.keys(attributes).length > 0
  if (ofSpans) return spans.some((span) => spanMatches(span, query))
  const start = Math.min(...spans.map(({ startMicros }) => startMicros))
  const end = Math.max(...spans.map(({ startMicros, durationNanos }) => startMicros + durationNanos / 1000))
  const nanos = Math.round((end - start) * 1000)
  if (nanos < minDurationNanos || nanos > maxDurationNanos) return false
  return query.errorsOnly !== true || spans.some(({ status }) => status === 'error')
}

function spanMatches(span: SpanData, query: SpanQuery): boolean {
  const { service, route, text, attributes = {}, minDurationNanos = 0, maxDurationNanos = Infinity } = query
  if (span.durationNanos < minDurationNanos || span.durationNanos > maxDurationNanos) return false
  if (query.errorsOnly === true && span.status !== 'error') return false
  if (service !== undefined && span.resource.attributes['service.name'] !== service) return false
  if (route !== undefined && span.attributes['http.route'] !== route && span.name !== route) return false
  for (const [key, value] of Object.entries(attributes)) {
    if (span.attributes[key] !== value && span.resource.attributes[key] !== value) return false
  }
  return text === undefined || holdsText(span, text)
}

function holdsText(span: SpanData, text: string): boolean {
  const lower = (value: unknown): string => String(value).replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
  const parts = (attributes: SpanData['attributes']): unknown[] => Object.entries(attributes).flat(2)
  const events = span.events.flatMap(({ name, attributes }) => [name, ...parts(attributes)])
  return [span.name, span.statusMessage, ...parts(span.attributes), ...events].some((part) =>
    lower(part).includes(lower(text)),
  )
}

/** A question whose values mostly come from spans that are there, bounds exactly at their values among them. */
export function question(dice: Dice, spans: readonly SpanData[]): SpanQuery {
  const { chance, below } = dice
  const some = dice.pick(spans)
  const other = chance(0.7) ? some : dice.pick(spans)
  const all = Object.entries({ ...some.resource.attributes, ...some.attributes })
  const scalars = all.filter((entry): entry is [string, string | number | boolean] => typeof entry[1] !== 'object')
  const picked = chance(0.3) ? [dice.pick(scalars), ...(chance(0.3) ? [dice.pick(scalars)] : [])] : []
  const words = [
    some.name.slice(below(3), 3 + below(8)),
    ...scalars.map(([, value]) => String(value)).filter((word) => /^[\w ]+$/.test(word)),
  ]
  const text = dice.pick(words.filter((word) => word !== ''))
  const nudge = dice.pick([0, 0, 1, -1, 300])
  return {
    ...(chance(0.3) && { service: String(other.resource.attributes['service.name']) }),
    ...(chance(0.2) && { route: chance(0.5) ? some.name : String(some.attributes['http.route'] ?? 'GET /') }),
    ...(chance(0.3) && { minDurationNanos: Math.max(0, some.durationNanos + nudge) }),
    ...(chance(0.2) && { maxDurationNanos: Math.max(0, some.durationNanos + nudge) }),
    ...(chance(0.2) && { errorsOnly: true }),
    ...(picked.length > 0 && { attributes: Object.fromEntries(picked) }),
    ...(chance(0.2) && { fromMicros: some.startMicros }),
    ...(chance(0.2) && { toMicros: other.startMicros + below(3) }),
    ...(chance(0.15) &&
      text !== undefined && { text: (chance(0.5) ? text.toUpperCase() : text).slice(0, 200).toWellFormed() }),
    limit: dice.pick([1, 2, 7, 50, 1000]),
  }
}
