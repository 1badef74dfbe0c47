// Random trees of spans for property tests: children inside, beside, before and beyond their parents, in several services.
import fc from 'fast-check'
import type { SpanData, SpanKind } from '../../src/trace/span-data.ts'
import { span } from './spans.ts'

/** The seed of property tests. */
export const seed: number = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)

const kinds: readonly SpanKind[] = ['internal', 'server', 'client', 'producer', 'consumer']

const node = fc.record({
  parent: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  start: fc.double({ min: -0.3, max: 1.2, noNaN: true }),
  length: fc.double({ min: 0, max: 1.5, noNaN: true }),
  kind: fc.constantFrom(...kinds),
  service: fc.constantFrom('a', 'b', 'c'),
  name: fc.constantFrom('x', 'y', 'z'),
  failed: fc.boolean(),
})

/** A trace with one root; times to a quarter of a microsecond, as a tracer has them. */
export const randomTrace: fc.Arbitrary<SpanData[]> = fc.array(node, { maxLength: 40 }).map((nodes) => {
  const spans: SpanData[] = [span({ id: 0, ms: 100, service: 'a', name: 'root' })]
  for (const [index, { parent, start, length, kind, service, name, failed }] of nodes.entries()) {
    const at = Math.floor(parent * spans.length)
    const above = spans[at] ?? span()
    const made = span({ id: index + 1, parent: at, kind, service, name, status: failed ? 'error' : 'unset' })
    const startMicros = above.startMicros + Math.round((start * above.durationNanos) / 250) / 4
    spans.push({ ...made, startMicros, durationNanos: Math.round(length * above.durationNanos) })
  }
  return spans
})
