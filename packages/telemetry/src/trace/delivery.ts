// The way of finished spans from the hot path to the consumers: into the block being filled, and from there, in a turn of
// its own and outside of any call's context, to everyone who listens. Owns the blocks, their timers and the consumers.
// Invariant: blocks arrive in the order in which they were begun. It never waits: without a free block a span is refused.
import { AsyncLocalStorage } from 'node:async_hooks'

import type { Clock, Timer } from '@switchgear/core'

import type { SpanConsumer } from './consumer.ts'
import { rootContext, runIn, suppress } from './context.ts'
import type { FinishedSpan } from './recorder.ts'
import { blockSpans, SpanBlock } from './span-block.ts'
import type { Resource } from './span-data.ts'
import { jumpMs, WallOffset } from './wall-offset.ts'

/** Who waits for consumers without saying how long, waits this long. Milliseconds. */
const patienceMs = 30_000

/** Carries finished spans to consumers. */
export class Delivery {
  readonly #offset: WallOffset
  /** How often a consumer threw or rejected. */
  consumerErrors = 0
  readonly #clock: Clock
  readonly #resource: Resource
  readonly #maxBlocks: number
  readonly #flushEveryMs: number
  #consumers: readonly SpanConsumer[] = []
  /** The one being filled; undefined from the end of a block to the next span. */
  #block: SpanBlock | undefined = undefined
  readonly #full: SpanBlock[] = []
  readonly #free: SpanBlock[] = []
  #made = 0
  #flushTimer: Timer | undefined = undefined
  #fullTimer: Timer | undefined = undefined
  #closing: Promise<void> | undefined = undefined
  /** Consumers are being given blocks; one of them may flush, close, or end spans meanwhile. */
  #delivering = false
  /** Runs something as if nobody's call had started it, and untraced: what an exporter sends must not become spans. */
  readonly #outside: <T>(run: () => T) => T

  constructor(clock: Clock, resource: Resource, maxBlocks: number, flushEveryMs: number) {
    this.#clock = clock
    this.#resource = resource
    this.#maxBlocks = maxBlocks
    this.#flushEveryMs = flushEveryMs
    this.#offset = new WallOffset(clock)
    this.#outside = runIn(suppress(rootContext), () => AsyncLocalStorage.snapshot())
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  addConsumer(consumer: SpanConsumer): () => void {
    this.#consumers = [...this.#consumers, consumer]
    let isThere = true
    return () => {
      const at = isThere ? this.#consumers.indexOf(consumer) : -1
      isThere = false
      if (at >= 0) this.#consumers = this.#consumers.toSpliced(at, 1)
    }
  }

  /** Copies the span; false when there was no room for it. */
  add(span: FinishedSpan): boolean {
    const block = this.#block ?? this.#begin()
    if (block === undefined) return false
    if (span.details !== undefined) span.date(block.epochMs)
    block.add(span)
    if (block.size === blockSpans) this.#seal(block)
    return true
  }

  /**
   * The offset that dates spans which end now: that of the block being filled. Once the wall clock was set that block takes no
   * more, since a time that somebody read from the clock since then fits no offset of before.
   */
  epochMs(): number {
    const now = this.#offset.measure()
    const block = this.#block
    if (block === undefined) return now
    if (Math.abs(now - block.epochMs) <= jumpMs) return block.epochMs
    this.#seal(block)
    return now
  }

  async flush(signal?: AbortSignal): Promise<void> {
    this.#deliver()
    // Asked for by a consumer in the midst of a delivery: the rest comes in this turn.
    if (this.#delivering) await undefined
    await this.#ask((consumer, limit) => consumer.flush(limit), signal)
  }

  close(signal?: AbortSignal): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    const { promise, resolve } = Promise.withResolvers<void>()
    // Closed before the last delivery: a span that ends during it would come into a block that nobody gets.
    this.#closing = promise
    resolve(this.#close(signal))
    return promise
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    this.#deliver()
    if (this.#delivering) await undefined
    this.#flushTimer?.cancel()
    this.#fullTimer?.cancel()
    await this.#ask((consumer, limit) => consumer.close(limit), signal)
    this.#consumers = []
  }

  #begin(): SpanBlock | undefined {
    if (this.closed) return undefined
    const block = this.#free.pop() ?? this.#make()
    if (block === undefined) return undefined
    block.epochMs = this.#offset.measure()
    this.#block = block
    this.#flushTimer ??= this.#later(this.#flushEveryMs, () => {
      this.#flushTimer = undefined
      this.#deliver()
    })
    return block
  }

  #make(): SpanBlock | undefined {
    if (this.#made === this.#maxBlocks) return undefined
    this.#made++
    return new SpanBlock(this.#resource)
  }

  #seal(block: SpanBlock): void {
    this.#block = undefined
    this.#full.push(block)
    // Not at once: whoever ended the last span of a block would wait for all consumers.
    this.#fullTimer ??= this.#later(0, () => {
      this.#fullTimer = undefined
      this.#deliverFull()
    })
  }

  #later(ms: number, run: () => void): Timer {
    const timer = this.#clock.setTimer(() => this.#outside(run), ms)
    timer.hold?.(false)
    return timer
  }

  /** Hands over everything there is. */
  #deliver(): void {
    const block = this.#block
    this.#block = undefined
    if (block !== undefined) this.#full.push(block)
    this.#outside(() => this.#deliverFull())
  }

  #deliverFull(): void {
    // Otherwise consumers that come after the one that is being given a block would get the next one first.
    if (this.#delivering) return
    this.#delivering = true
    for (let block = this.#full.shift(); block !== undefined; block = this.#full.shift()) {
      for (const consumer of this.#consumers) {
        try {
          consumer.consume(block)
        } catch {
          // A consumer that throws breaks its contract; that must hurt neither the others nor the program.
          this.consumerErrors++
        }
      }
      block.reset(0)
      this.#free.push(block)
    }
    this.#delivering = false
  }

  /** Waits for all consumers, but not beyond the signal, which they are given too. */
  async #ask(
    question: (consumer: SpanConsumer, limit: AbortSignal) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const consumers = this.#consumers
    if (consumers.length === 0) return
    const patience = new AbortController()
    const timer = signal === undefined ? this.#later(patienceMs, () => patience.abort()) : undefined
    const limit = signal ?? patience.signal
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const onAbort = (): void => end()
    limit.addEventListener('abort', onAbort)
    if (limit.aborted) end()
    const answers = this.#outside(() => consumers.map(async (consumer) => question(consumer, limit)))
    const all = Promise.allSettled(answers).then((results) => {
      this.consumerErrors += results.filter((result) => result.status === 'rejected').length
    })
    await Promise.race([all, ended])
    limit.removeEventListener('abort', onAbort)
    timer?.cancel()
  }
}
