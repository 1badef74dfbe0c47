// Judges whole traces after they have ended. It owns what it has learnt of the routes and the byte budget; it holds no
// trace, no timer and does no I/O. Invariant: the decision by probability depends on nothing but the trace, so that all
// processes with the same ratio agree; the budget comes after it and is each process's own. Metrics are counted where
// the spans are made, before any of this: what is dropped here is missing in no metric.
import type { Clock } from '@switchgear/core'
import { parseTracestate } from '../propagation/tracestate.ts'
import type { Attributes, SpanData } from '../trace/span-data.ts'
import { ByteBudget } from './byte-budget.ts'
import { OtReader } from './ot-state.ts'
import { keptResilienceEvents } from './resilience-events.ts'
import { RouteTable } from './route-table.ts'
import { estimateTraceBytes } from './span-size.ts'
import { type TailSamplerOptions, type TailSamplerSettings, tailSamplerSettings } from './tail-options.ts'
import { leastProbability, passes, probabilityOf, type Threshold, thresholdOf } from './threshold.ts'

/**
 * What decided on a trace: an error in it; a policy that changed a call; slower than its route's 99th percentile; a
 * rare route; the probability; or the byte budget, which only ever drops.
 */
export type TailReason = 'error' | 'breaker' | 'slow' | 'rare' | 'probability' | 'budget'

/** All reasons, in the order in which they are looked at. */
export const tailReasons: readonly TailReason[] = Object.freeze([
  'error',
  'breaker',
  'slow',
  'rare',
  'probability',
  'budget',
])

/** A decision on a whole trace. */
export interface TailDecision {
  readonly keep: boolean
  readonly reason: TailReason
  /**
   * With which probability a trace that is kept for this reason was kept, by head and tail together; the budget is left
   * out.
   */
  readonly ratio: number
  /**
   * The threshold that the spans of the trace have passed here, to be carried on as their `th`; undefined when there
   * was none.
   */
  readonly threshold: Threshold | undefined
}

/**
 * Decides on whole traces: errors, resilience events, slow and rare ones are kept, of the others a share, all under a
 * budget of bytes per second.
 *
 * @example
 * const sampler = new TailSampler({ ratio: 0.05, bytesPerSecond: '512kb' })
 * const { keep, reason } = sampler.decide(spansOfOneTrace)
 */
export class TailSampler {
  readonly #settings: TailSamplerSettings
  readonly #clock: Clock
  readonly #threshold: Threshold | undefined
  readonly #routes: RouteTable
  readonly #budget: ByteBudget
  readonly #ot = new OtReader()

  constructor(options: TailSamplerOptions = {}) {
    const settings = tailSamplerSettings(options, 'tailSampler')
    const { ratio, bytesPerSecond, burstBytes, overdraftBytes, clock } = settings
    this.#settings = settings
    this.#clock = clock
    this.#threshold = ratio < leastProbability ? undefined : thresholdOf(ratio)
    this.#routes = new RouteTable(settings.maxRoutes, settings.rareWindowMs, clock.now())
    this.#budget = new ByteBudget(bytesPerSecond, burstBytes, overdraftBytes, clock.now())
  }

  /** Routes that are known now. */
  get routes(): number {
    return this.#routes.size
  }

  /** Traces whose route found no place in the table and was judged with all others of that kind. */
  get routesOverflowed(): number {
    return this.#routes.overflowed
  }

  /** Bytes that may be kept now; negative after errors were kept on credit. */
  get budgetBytes(): number {
    return this.#budget.balance(this.#clock.now())
  }

  /**
   * Decides on a trace and learns from it: once per trace. `bytes` is its estimated size, for a caller who knows it
   * already.
   */
  decide(trace: readonly SpanData[], bytes: number = estimateTraceBytes(trace)): TailDecision {
    const nowMs = this.#clock.now()
    const wanted = this.#judge(trace, nowMs)
    if (!wanted.keep || this.#budget.take(bytes, nowMs, wanted.reason === 'error')) return wanted
    return { keep: false, reason: 'budget', ratio: wanted.ratio, threshold: undefined }
  }

  /**
   * Whether the budget has room for `bytes` of late spans of a trace that was kept. They may overdraw: half a trace is
   * worth little.
   */
  admitLate(bytes: number): boolean {
    return this.#budget.take(bytes, this.#clock.now(), true)
  }

  #judge(trace: readonly SpanData[], nowMs: number): TailDecision {
    const root = entryOf(trace)
    // The route is visited and its latency learnt whatever the decision is going to be.
    const byRoute = root === undefined ? undefined : this.#judgeRoute(root, nowMs)
    const named = root ?? trace[0]
    this.#ot.read(named === undefined || named.traceState === '' ? '' : parseTracestate(named.traceState))
    if (trace.some(isError)) return this.#always('error')
    if (trace.some(hasResilienceEvent)) return this.#always('breaker')
    if (byRoute !== undefined) return this.#always(byRoute)
    return this.#byProbability(named?.traceId ?? '')
  }

  #judgeRoute(root: SpanData, nowMs: number): 'slow' | 'rare' | undefined {
    const { minSamples, rareBelow, rareWindowMs } = this.#settings
    const service = root.resource.attributes['service.name']
    const own = this.#routes.find(typeof service === 'string' ? service : '', routeOf(root), nowMs)
    const stats = own ?? this.#routes.overflow
    const seen = stats.visit(nowMs, rareWindowMs)
    const durationMs = root.durationNanos / 1e6
    const slow = durationMs > stats.p99Ms(minSamples)
    // A failure is often quicker or slower than anything that works, and is kept in any case.
    if (!isError(root)) stats.learn(durationMs)
    if (slow) return 'slow'
    return own !== undefined && seen < rareBelow ? 'rare' : undefined
  }

  #always(reason: TailReason): TailDecision {
    return { keep: true, reason, ratio: this.#headRatio(), threshold: undefined }
  }

  /** The share that the head sampler let through, as the trace state says; 1 when it says nothing. */
  #headRatio(): number {
    return this.#ot.hasThreshold ? probabilityOf(this.#ot.thresholdHigh, this.#ot.thresholdLow) : 1
  }

  /**
   * The specification's "equalizing downstream sampler": a trace that the head already thinned out to the ratio or
   * below is not thinned out again.
   */
  #byProbability(traceId: string): TailDecision {
    const ot = this.#ot
    const threshold = this.#threshold
    if (threshold === undefined) return { keep: false, reason: 'probability', ratio: 0, threshold }
    const headIsStricter = ot.hasThreshold && passes(threshold, ot.thresholdHigh, ot.thresholdLow)
    const high = ot.hasRandomness ? ot.randomHigh : Number.parseInt(traceId.slice(18, 24), 16)
    const low = ot.hasRandomness ? ot.randomLow : Number.parseInt(traceId.slice(24, 32), 16)
    const keep = passes(threshold, high, low)
    const ratio = headIsStricter ? this.#headRatio() : probabilityOf(threshold.high, threshold.low)
    return { keep, reason: 'probability', ratio, threshold: headIsStricter ? undefined : threshold }
  }
}

/**
 * The span that stands for the trace: its root or, where that is missing, the earliest span that came in from another
 * process. Undefined when neither is there.
 */
export function entryOf(trace: readonly SpanData[]): SpanData | undefined {
  let entry: SpanData | undefined
  for (const span of trace) {
    if (span.parentSpanId === undefined) return span
    if (hasRemoteParent(span) && (entry === undefined || span.startMicros < entry.startMicros)) entry = span
  }
  return entry
}

/** Whether the parent of a span is known to be in another process. */
export function hasRemoteParent(span: SpanData): boolean {
  return (span.flags & 0x300) === 0x300
}

function isError(span: SpanData): boolean {
  return span.status === 'error' || span.attributes['error.type'] !== undefined
}

function hasResilienceEvent(span: SpanData): boolean {
  if (keptResilienceEvents.has(span.name)) return true
  for (const event of span.events) if (keptResilienceEvents.has(event.name)) return true
  return namesResilienceEvent(span.attributes)
}

function namesResilienceEvent(attributes: Attributes): boolean {
  for (const key in attributes) {
    if (key.startsWith('switchgear.') && keptResilienceEvents.has(key) && attributes[key] !== false) return true
  }
  return false
}

/** The route of a server's span, else the name of the span, which by the conventions has few different values. */
function routeOf({ name, attributes }: SpanData): string {
  const route = attributes['http.route']
  return typeof route === 'string' ? `${String(attributes['http.request.method'] ?? '')} ${route}` : name
}
