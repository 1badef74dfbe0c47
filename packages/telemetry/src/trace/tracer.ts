// The hot path: begins spans and takes them when they end. Owns what is decided once per trace, the head sampling, and the
// counts. Invariant: a span follows the one above it in the same process; the sampler is asked only for the first span of a
// trace in this process. Nothing here throws at those who trace.
import { type Clock, type Duration, OptionsError, parseDuration, systemClock } from '@switchgear/core'
import type { Span as ApiSpan } from '@opentelemetry/api'

import type { SpanConsumer } from './consumer.ts'
import { Delivery } from './delivery.ts'
import { IdSource } from './ids.ts'
import { type CompleteLimits, completeLimits, type SpanLimits } from './limits.ts'
import { randomFlag, type RemoteParent, sampledFlag, type SpanIds } from './parent.ts'
import type { FinishedSpan, Recorder } from './recorder.ts'
import type { HeadSampler, SamplingDecision, SamplingRequest } from './sampler.ts'
import { Span } from './span.ts'
import type { InstrumentationScope, Resource } from './span-data.ts'
import { positionOf } from './span-link.ts'

/** Options of a tracer. */
export interface TracerOptions {
  readonly resource: Resource
  /** Default: as the caller says, and always where there is none. */
  readonly sampler?: HeadSampler | undefined
  readonly limits?: SpanLimits | undefined
  /** Blocks of 512 spans that may wait for delivery, a whole number >= 1. Default 16. */
  readonly maxBlocks?: number | undefined
  /** How long a finished span waits at most until consumers get it. Default '1s'. */
  readonly flushEvery?: Duration | undefined
  readonly clock?: Clock | undefined
  /** Where random ids come from. */
  readonly ids?: IdSource | undefined
}

/** Monotone counts. `started - ended - dropped` are running, or were given up: requests that are no traffic never end as spans. */
export interface TracerTotals {
  /** Recorded spans that were begun. */
  started: number
  /** Recorded spans that ended and went to the consumers. */
  ended: number
  /** Recorded spans that ended when no block was free, or after the close. */
  dropped: number
  /** Spans that were begun and not recorded, because of the sampler or after the close. */
  unsampled: number
  /** Samplers that threw; their traces are not sampled. */
  samplerErrors: number
}

const sampled: SamplingDecision = Object.freeze({ sampled: true })
const notSampled: SamplingDecision = Object.freeze({ sampled: false })

const followCaller: HeadSampler = {
  description: 'as the caller says, always where there is none',
  decide: ({ parent }) => (parent === undefined || (parent.flags & sampledFlag) !== 0 ? sampled : notSampled),
}

/** Bits of `SpanRow.flags`: it is known whether the parent is of another process, and it is. */
const isKnown = 0x100
const isRemote = 0x200

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/**
 * Makes spans and hands them to consumers when they have ended.
 *
 * @example
 * const tracer = new Tracer({ resource: { attributes: { 'service.name': 'orders' } } })
 * const remove = tracer.addConsumer(exporter)
 * const span = tracer.start({ name: 'orders' }, 'charge', 0, activeContext().span, tracer.clock.now())
 * span.finish(tracer.clock.now())
 * await tracer.close()
 */
export class Tracer implements Recorder {
  readonly clock: Clock
  readonly resource: Resource
  readonly limits: CompleteLimits
  readonly ids: IdSource
  readonly totals: TracerTotals = { started: 0, ended: 0, dropped: 0, unsampled: 0, samplerErrors: 0 }
  readonly #sampler: HeadSampler
  readonly #delivery: Delivery
  // Both are filled anew for each trace and read before the next one begins; so no trace has to allocate its own.
  readonly #above: Mutable<SpanIds> = { traceA: 0, traceB: 0, traceC: 0, traceD: 0, spanA: 0, spanB: 0 }
  readonly #request: Mutable<SamplingRequest> = { parent: undefined, traceC: 0, traceD: 0, random: true, name: '' }

  /** Throws an `OptionsError` when an option is out of bounds. */
  constructor(options: TracerOptions) {
    const { maxBlocks = 16, flushEvery = '1s', clock = systemClock, sampler = followCaller, ids } = options
    if (!Number.isInteger(maxBlocks) || maxBlocks < 1)
      throw new OptionsError(`tracer.maxBlocks must be a whole number >= 1, got ${String(maxBlocks)}`)
    this.clock = clock
    this.resource = options.resource
    this.limits = completeLimits(options.limits, 'tracer.limits')
    this.ids = ids ?? new IdSource()
    this.#sampler = sampler
    this.#delivery = new Delivery(clock, options.resource, maxBlocks, parseDuration(flushEvery, 'tracer.flushEvery', 1))
  }

  /** How often a consumer threw or rejected. */
  get consumerErrors(): number {
    return this.#delivery.consumerErrors
  }

  /**
   * Begins a span at `atMs` (monotonic). `kind` is an index into `kinds`. Below a span of ours it inherits trace, flags and
   * whether it is recorded; below a parent of another process, or without one, the sampler is asked.
   */
  start(
    scope: InstrumentationScope,
    name: string,
    kind: number,
    parent: ApiSpan | RemoteParent | undefined,
    atMs: number,
  ): Span {
    if (parent instanceof Span) {
      if (parent.recording) this.totals.started++
      else this.totals.unsampled++
      return parent.child(this, scope, name, kind, atMs)
    }
    return this.#enter(scope, name, kind, parent, atMs)
  }

  /** Spans that end from now on go to `consumer` too; the answer ends that. */
  addConsumer(consumer: SpanConsumer): () => void {
    return this.#delivery.addConsumer(consumer)
  }

  /** Hands over all spans that have ended and waits for the consumers, at most until `signal`, without one 30 s. */
  flush(signal?: AbortSignal): Promise<void> {
    return this.#delivery.flush(signal)
  }

  /** Flushes, closes the consumers and records nothing more. Waits like `flush`; every call gets the same answer. */
  close(signal?: AbortSignal): Promise<void> {
    return this.#delivery.close(signal)
  }

  epochMs(): number {
    return this.#delivery.epochMs()
  }

  record(span: FinishedSpan): void {
    if (this.#delivery.add(span)) this.totals.ended++
    else this.totals.dropped++
  }

  /** The first span of a trace in this process. */
  #enter(
    scope: InstrumentationScope,
    name: string,
    kind: number,
    parent: ApiSpan | RemoteParent | undefined,
    atMs: number,
  ): Span {
    let origin: RemoteParent | undefined
    let remote = isKnown
    let decision: SamplingDecision | undefined
    if (parent !== undefined && 'spanContext' in parent) {
      const context = parent.spanContext()
      origin = positionOf(context)
      if (context.isRemote === true) remote |= isRemote
      // A span of another tracer in this process: what was decided for it holds below it.
      else if (origin !== undefined) decision = (origin.flags & sampledFlag) === 0 ? notSampled : sampled
    } else if (parent !== undefined) {
      origin = parent
      remote |= isRemote
    }
    const random = this.#place(origin)
    decision ??= this.#decide(origin, random, name)
    const recording = decision.sampled && !this.#delivery.closed
    if (recording) this.totals.started++
    else this.totals.unsampled++
    const flags = remote | (random ? randomFlag : 0) | (recording ? sampledFlag : 0)
    const traceState = decision.traceState ?? origin?.traceState ?? ''
    return new Span(this, scope, name, kind, atMs, this.#above, flags, traceState, recording, undefined)
  }

  /** Puts `#above` where the span will hang, in a new trace without `origin`; answers whether the trace id is random. */
  #place(origin: RemoteParent | undefined): boolean {
    const above = this.#above
    if (origin === undefined) {
      above.traceA = this.ids.word()
      above.traceB = this.ids.word()
      above.traceC = this.ids.word()
      above.traceD = this.ids.word()
      above.spanA = 0
      above.spanB = 0
      return true
    }
    above.traceA = origin.traceA
    above.traceB = origin.traceB
    above.traceC = origin.traceC
    above.traceD = origin.traceD
    above.spanA = origin.spanA
    above.spanB = origin.spanB
    return (origin.flags & randomFlag) !== 0
  }

  #decide(parent: RemoteParent | undefined, random: boolean, name: string): SamplingDecision {
    if (parent?.debug === true) return sampled
    const request = this.#request
    request.parent = parent
    request.traceC = this.#above.traceC
    request.traceD = this.#above.traceD
    request.random = random
    request.name = name
    try {
      return this.#sampler.decide(request)
    } catch {
      // A sampler that throws breaks its contract; the call that is being traced must not pay for it.
      this.totals.samplerErrors++
      return notSampled
    }
  }
}
