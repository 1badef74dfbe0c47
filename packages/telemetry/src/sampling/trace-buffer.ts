// Holds spans by trace until the trace can be decided: its root has ended and the grace is over, or `maxWait` has
// passed since its first span. Late spans follow the decision that is remembered. Invariant: traces, spans, bytes and
// remembered decisions are bounded; there is one timer at most, it never keeps the process alive, and none while
// nothing waits.
import type { Timer } from '@switchgear/core'
import type { SpanData } from '../trace/span-data.ts'
import { checkFunction } from '@switchgear/core/options'
import { DecisionCache } from './decision-cache.ts'
import { markKept } from './mark.ts'
import { estimateSpanBytes } from './span-size.ts'
import { type TraceBufferOptions, type TraceBufferSettings, traceBufferSettings } from './tail-options.ts'
import {
  entryOf,
  hasRemoteParent,
  type TailDecision,
  type TailReason,
  type TailSampler,
  tailReasons,
} from './tail-sampler.ts'
import { WaitingLine, type WaitingTrace } from './waiting-line.ts'

/**
 * Receives kept spans of one trace: those that waited for its decision, or late ones. It must not throw; what it throws
 * is counted.
 */
export type TakeSpans = (spans: readonly SpanData[]) => void

/** What happened so far. `kept` and `dropped` count traces. */
export interface TailTotals {
  readonly kept: Record<TailReason, number>
  readonly dropped: Record<TailReason, number>
  keptSpans: number
  /** Spans of dropped traces, also late ones. */
  droppedSpans: number
  /** Spans that came after their trace was decided, kept or not. */
  late: number
  /** Late spans of kept traces that the byte budget had no room for; they are among `droppedSpans`. */
  lateOverBudget: number
  /** Traces that were decided early because the buffer was full. */
  evicted: number
  /** Spans that came after `close`, and were dropped. */
  afterClose: number
  /** Times that the receiver threw; its spans are lost. */
  takeErrors: number
}

/** Late spans of kept traces. Each decision is an object of its own and so stands for its trace. */
type LateSpans = Map<TailDecision, SpanData[]>

/** Decisions are made at most this much later than they are due, so that many traces share one run of the timer. */
const sweepMs = 50

/**
 * Collects spans until their traces can be decided as wholes.
 *
 * @example
 * const buffer = new TraceBuffer(new TailSampler(), (spans) => store.add(spans))
 * buffer.add(spans)
 */
export class TraceBuffer {
  readonly totals: TailTotals
  readonly #sampler: TailSampler
  readonly #take: TakeSpans
  readonly #settings: TraceBufferSettings
  readonly #decisions: DecisionCache
  /** Traces whose root has not ended, by the time of their first span. */
  readonly #open = new WaitingLine()
  /** Traces whose root has ended, by the time when it arrived. */
  readonly #ending = new WaitingLine()
  #spans = 0
  #bytes = 0
  #timer: Timer | undefined = undefined
  #closed = false

  constructor(sampler: TailSampler, take: TakeSpans, options: TraceBufferOptions = {}) {
    checkFunction(take, 'traceBuffer.take')
    this.#sampler = sampler
    this.#take = take
    this.#settings = traceBufferSettings(options, 'traceBuffer')
    this.#decisions = new DecisionCache(this.#settings.maxDecisions)
    this.totals = {
      kept: noReasons(),
      dropped: noReasons(),
      keptSpans: 0,
      droppedSpans: 0,
      late: 0,
      lateOverBudget: 0,
      evicted: 0,
      afterClose: 0,
      takeErrors: 0,
    }
  }

  /** What waits now; `bytes` is an estimate. */
  get waiting(): { readonly traces: number; readonly spans: number; readonly bytes: number } {
    return { traces: this.#open.size + this.#ending.size, spans: this.#spans, bytes: this.#bytes }
  }

  /** Takes finished spans, in any order and of any traces. */
  add(spans: readonly SpanData[]): void {
    if (this.#closed) {
      this.totals.afterClose += spans.length
      return
    }
    const nowMs = this.#settings.clock.now()
    const late: LateSpans = new Map()
    for (const span of spans) this.#place(span, nowMs, late)
    for (const [decision, kept] of late) this.#give(kept, decision, kept.find(isRoot))
    this.#setTimer(nowMs)
  }

  /** Decides all that wait, now. */
  flush(): void {
    this.#decideDue(this.#ending, Infinity)
    this.#decideDue(this.#open, Infinity)
    this.#stopTimer()
  }

  /** Decides all that wait and takes no more. */
  close(): void {
    this.flush()
    this.#closed = true
    this.#decisions.clear()
  }

  #place(span: SpanData, nowMs: number, late: LateSpans): void {
    const id = span.traceId
    let trace = this.#ending.get(id) ?? this.#open.get(id)
    if (trace === undefined) {
      const decision = this.#decisions.get(id)
      if (decision !== undefined) return this.#follow(span, decision, late)
      trace = { id, spans: [], bytes: 0, dueMs: nowMs + this.#settings.maxWaitMs }
      this.#open.add(trace)
    }
    const bytes = estimateSpanBytes(span)
    trace.spans.push(span)
    trace.bytes += bytes
    this.#spans++
    this.#bytes += bytes
    if (this.#endsTrace(span) && this.#open.delete(id)) {
      trace.dueMs = nowMs + this.#settings.graceMs
      this.#ending.add(trace)
    }
    this.#makeRoom()
  }

  #endsTrace(span: SpanData): boolean {
    return isRoot(span) || (this.#settings.endsAtEntry && hasRemoteParent(span))
  }

  /** Decides early: first those whose root has ended, because they miss the least, then the oldest. */
  #makeRoom(): void {
    const { maxTraces, maxSpans, maxBytes } = this.#settings
    while (this.#open.size + this.#ending.size > maxTraces || this.#spans > maxSpans || this.#bytes > maxBytes) {
      const trace = this.#ending.first ?? this.#open.first
      if (trace === undefined) return
      this.totals.evicted++
      this.#decide(trace)
    }
  }

  #decide(trace: WaitingTrace): void {
    if (!this.#ending.delete(trace.id)) this.#open.delete(trace.id)
    this.#spans -= trace.spans.length
    this.#bytes -= trace.bytes
    const decision = this.#sampler.decide(trace.spans, trace.bytes)
    this.#decisions.set(trace.id, decision)
    if (decision.keep) {
      this.totals.kept[decision.reason]++
      this.#give(trace.spans, decision, entryOf(trace.spans))
    } else {
      this.totals.dropped[decision.reason]++
      this.totals.droppedSpans += trace.spans.length
    }
  }

  #follow(span: SpanData, decision: TailDecision, late: LateSpans): void {
    this.totals.late++
    if (decision.keep && this.#sampler.admitLate(estimateSpanBytes(span))) {
      const others = late.get(decision)
      if (others === undefined) late.set(decision, [span])
      else others.push(span)
      return
    }
    this.totals.droppedSpans++
    if (decision.keep) this.totals.lateOverBudget++
  }

  #give(spans: readonly SpanData[], decision: TailDecision, root: SpanData | undefined): void {
    try {
      this.#take(markKept(spans, decision, root))
      this.totals.keptSpans += spans.length
    } catch {
      // Spans come from the hot path of somebody else, who cannot do anything about a broken receiver. The count tells
      // of it.
      this.totals.takeErrors++
    }
  }

  #setTimer(nowMs: number): void {
    if (this.#open.size + this.#ending.size === 0) return this.#stopTimer()
    if (this.#timer !== undefined) return
    const nextMs = Math.min(this.#ending.first?.dueMs ?? Infinity, this.#open.first?.dueMs ?? Infinity)
    // What arrives while the timer is set may be due earlier: the timer never sleeps longer than the shorter of the two
    // waits.
    const { clock, graceMs, maxWaitMs } = this.#settings
    const waitMs = Math.max(sweepMs, Math.min(nextMs - nowMs, graceMs, maxWaitMs))
    this.#timer = clock.setTimer(() => this.#sweep(), waitMs)
    this.#timer.hold?.(false)
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #sweep(): void {
    this.#timer = undefined
    const nowMs = this.#settings.clock.now()
    this.#decideDue(this.#ending, nowMs)
    this.#decideDue(this.#open, nowMs)
    this.#setTimer(nowMs)
  }

  #decideDue(line: WaitingLine, nowMs: number): void {
    for (let trace = line.first; trace !== undefined && trace.dueMs <= nowMs; trace = line.first) this.#decide(trace)
  }
}

function isRoot(span: SpanData): boolean {
  return span.parentSpanId === undefined
}

function noReasons(): Record<TailReason, number> {
  return Object.fromEntries(tailReasons.map((reason) => [reason, 0])) as Record<TailReason, number>
}
