// The clocks of two machines differ, so that a child may seem to begin before its parent. For display it is moved to where it
// can have been; the spans themselves stay as they were measured.
// The rule is the one that Jaeger's clock skew adjuster made usual.
import type { SpanData } from '../trace/span-data.ts'
import type { Forest } from './forest.ts'

/**
 * Microseconds by which each span has to be moved: 0 for most. Only where a span and its parent come from different
 * processes; what hangs on a moved span in its process moves with it. A child that fits into its parent but lies outside is
 * moved inside, where it is out by little, else put in its middle, as if both ways had taken the same time; one that is longer begins no earlier than its parent. The
 * receiver of a message may begin after its sender has ended, and only has to begin no earlier.
 */
export function skewOf(spans: readonly SpanData[], { parents, order }: Forest): number[] {
  const shifts = spans.map(() => 0)
  for (const number of order) {
    const parentNumber = parents[number] ?? -1
    const span = spans[number]
    const parent = spans[parentNumber]
    if (span === undefined || parent === undefined) continue
    const inherited = shifts[parentNumber] ?? 0
    // A span of the same process has the same clock: it goes where its parent goes.
    shifts[number] = sameProcess(span, parent) ? inherited : shiftInto(span, parent, inherited)
  }
  return shifts
}

/** Up to here a child is moved no further than it has to be. */
const nearMicros = 2000

function shiftInto(span: SpanData, parent: SpanData, parentShift: number): number {
  const start = parent.startMicros + parentShift
  const length = parent.durationNanos / 1000
  const own = span.durationNanos / 1000
  const early = span.startMicros < start
  const isMessage = span.kind === 'consumer' || parent.kind === 'producer'
  if (isMessage || own > length) return early ? start - span.startMicros : 0
  const outside = early ? start - span.startMicros : span.startMicros + own - (start + length)
  if (outside <= 0) return 0
  // Processes of one machine differ by so little; putting a child into the middle for that would show what was not.
  if (outside <= nearMicros) return early ? outside : -outside
  return start + (length - own) / 2 - span.startMicros
}

function sameProcess({ resource: a }: SpanData, { resource: b }: SpanData): boolean {
  if (a === b) return true
  return identity.every((key) => a.attributes[key] === b.attributes[key])
}

const identity = ['service.name', 'service.instance.id', 'host.name', 'host.id', 'process.pid', 'k8s.pod.uid'] as const
