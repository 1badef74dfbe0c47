// Millions of spans from random programs against a simple model of the tracer: nesting in synchronous code and in asynchronous
// contexts, ends out of order and twice, more attributes, events and links than fit, parents of other tracers and processes, a wall
// clock that jumps, consumers that throw, hang, come and go, flush and close at any moment. SWITCHGEAR_SEED and SWITCHGEAR_RUNS: see
// `long-run.ts`. Every recorded span is delivered once, in order and as it was, or counted as dropped.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Span as ApiSpan, trace } from '@opentelemetry/api'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { activeContext, runIn } from '../../src/trace/context.ts'
import { IdSource } from '../../src/trace/ids.ts'
import { completeLimits } from '../../src/trace/limits.ts'
import type { RemoteParent } from '../../src/trace/parent.ts'
import { Span } from '../../src/trace/span.ts'
import { Tracer } from '../../src/trace/tracer.ts'
import { type Dice, diceOf, scaled, seed, usedBytes } from '../long-run.ts'
import { type Expected, type Manner, ProgramConsumer, TracerModel } from './tracer-model.ts'

const scope = { name: 'long' }
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
const validLink = { context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 } }
const badLink = { context: { traceId: '0'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 } }

/** A parent as the tracer gets it and as it should turn out. */
type Parent = readonly [ApiSpan | RemoteParent | undefined, Expected['above']]

/** One program: a tracer, what is expected of it, and what goes on. */
class Program {
  readonly #dice: Dice
  readonly #clock = new VirtualClock({ now: 1000 })
  readonly #limits = completeLimits({ attributeCount: 4, eventCount: 2, linkCount: 2 }, 'limits')
  readonly #tracer: Tracer
  readonly model: TracerModel
  readonly #consumers: ProgramConsumer[] = []
  readonly #removals: (() => void)[] = []
  readonly #open: Expected[] = []
  readonly #waits: Promise<void>[] = []
  #samplerErrors = 0
  #unsampled = 0
  #serial = 0

  constructor(dice: Dice) {
    this.#dice = dice
    const maxBlocks = 1 + dice.below(5)
    const fill = (words: Int32Array): void => words.forEach((_, n) => (words[n] = dice.below(2 ** 32) | 0))
    this.#tracer = new Tracer({
      resource: { attributes: { 'service.name': 'long' } },
      clock: this.#clock,
      maxBlocks,
      flushEvery: 1 + dice.below(2000),
      limits: this.#limits,
      ids: new IdSource(fill),
      sampler: { description: 'dice', decide: () => this.#decide() },
    })
    this.model = new TracerModel(maxBlocks, this.#limits)
    this.#addConsumer('faithful', true)
    for (let n = dice.below(3); n > 0; n--)
      this.#addConsumer(dice.pick<Manner>(['throws', 'rejects', 'hangs', 'faithful']))
  }

  #decide(): { sampled: boolean } {
    if (this.#dice.chance(0.02)) {
      this.#samplerErrors++
      throw new Error('a sampler that throws')
    }
    return { sampled: this.#dice.chance(0.9) }
  }

  #changeConsumers(how: number): void {
    if (how === 0) this.#addConsumer(this.#dice.pick<Manner>(['throws', 'rejects', 'hangs', 'faithful']))
    else if (how === 1) this.#removals.pop()?.()
  }

  #addConsumer(manner: Manner, isFirst = false): void {
    const consumer = new ProgramConsumer(manner, (block) => {
      assert.equal(activeContext().suppressed, true)
      if (isFirst) this.model.consume(block)
    })
    this.#consumers.push(consumer)
    const remove = this.#tracer.addConsumer(consumer)
    if (!isFirst) this.#removals.push(remove)
  }

  /** A parent of any kind. */
  #parent(): Parent {
    const dice = this.#dice
    const kind = dice.below(20)
    if (kind < 13 && this.#open.length > 0) {
      const { span } = this.#open[this.#open.length - 1 - dice.below(Math.min(8, this.#open.length))] ?? {}
      if (span !== undefined) return [span, span]
    }
    if (kind === 13) {
      const words = { traceA: 7, traceB: 1, traceC: 2, traceD: dice.below(99) + 1, spanA: 0, spanB: dice.below(99) + 1 }
      const parent = { ...words, flags: dice.below(4), traceState: dice.pick(['', 'a=b']), debug: dice.chance(0.2) }
      return [parent, parent]
    }
    if (kind === 14) {
      const isRemote = dice.chance(0.3)
      const ids = { traceId: `0000000900000000000000000000000${1 + dice.below(9)}`, spanId: '00000000000000ff' }
      const foreign = trace.wrapSpanContext({ ...ids, traceFlags: dice.below(2), isRemote })
      return [foreign, { traceA: 9, traceD: Number(ids.traceId.slice(31)), spanA: 0, spanB: 0xff }]
    }
    if (kind === 15) return [trace.wrapSpanContext({ traceId: 'nonsense', spanId: '', traceFlags: 1 }), undefined]
    return [undefined, undefined]
  }

  #begin(given: Parent = this.#parent()): Expected {
    const [parent, above] = given
    const serial = this.#serial++
    const startMs = this.#clock.now() - (this.#dice.chance(0.05) ? this.#dice.below(20) : 0)
    const span = this.#tracer.start(scope, String(serial), 0, parent, startMs)
    if (parent instanceof Span) assert.equal(span.recording, parent.recording)
    if (this.model.closed && !(parent instanceof Span)) assert.equal(span.recording, false)
    if (span.recording) this.model.counts.started++
    else this.#unsampled++
    return {
      serial,
      span,
      above,
      startMs,
      endMs: span.recording ? undefined : 0,
      attributes: new Map(),
      droppedAttributes: 0,
      events: [],
      droppedEvents: 0,
      links: 0,
      droppedLinks: 0,
      status: 0,
    }
  }

  #writeOften(expected: Expected): void {
    for (let times = 1 + this.#dice.below(8); times > 0; times--) this.#write(expected)
  }

  #write(expected: Expected): void {
    const { span } = expected
    const dice = this.#dice
    switch (dice.below(8)) {
      case 0: {
        span.addEvent(String(expected.serial + 1))
        return this.model.event(expected, expected.serial + 1)
      }
      case 1: {
        const isValid = dice.chance(0.8)
        span.addLink(isValid ? validLink : badLink)
        return this.model.link(expected, isValid)
      }
      case 2:
        if (expected.endMs === undefined && expected.status !== 1) expected.status = 2
        return void span.setStatus({ code: 2 })
      case 3:
        if (expected.endMs === undefined) expected.status = 1
        return void span.setStatus({ code: 1 })
      default: {
        const [key, value] = [dice.pick(keys), dice.below(100)]
        if (dice.chance(0.5)) span.set(key, value)
        else span.setAttribute(key, value)
        return this.model.set(expected, key, value)
      }
    }
  }

  #end(expected: Expected): void {
    const { span } = expected
    const now = this.#clock.now()
    const offset = this.#clock.wallOffset
    switch (this.#dice.below(6)) {
      case 0: // As users of the API write it; a small number counts like performance.now().
        span.end(now)
        return this.model.end(expected, now, offset)
      case 1: // Before its start.
        span.finish(expected.startMs - 5)
        return this.model.end(expected, expected.startMs - 5, offset)
      default:
        span.finish(now)
        return this.model.end(expected, now, offset)
    }
  }

  #endOne(): void {
    const { length } = this.#open
    const at = this.#dice.chance(0.8) ? length - 1 : this.#dice.below(length)
    const expected = this.#open[at]
    if (expected === undefined) return
    this.#end(expected)
    // Some stay where they are, to be written to, given children and ended once more.
    if (this.#dice.chance(0.95)) this.#open.splice(at, 1)
  }

  /** A tree of asynchronous calls, each of which finds its own span. */
  async #call(depth: number): Promise<void> {
    const { span } = activeContext()
    const expected = this.#begin(span instanceof Span ? [span, span] : [undefined, undefined])
    await runIn(activeContext().withSpan(expected.span), async () => {
      for (let steps = this.#dice.below(3); steps > 0; steps--) {
        if (depth > 0) await Promise.all([this.#call(depth - 1), this.#dice.chance(0.5) ? this.#call(0) : undefined])
        else await undefined
        assert.equal(activeContext().span, expected.span)
        this.#write(expected)
      }
    })
    this.#end(expected)
  }

  async run(steps: number): Promise<{ spans: number; dropped: number }> {
    const dice = this.#dice
    const closeAt = dice.chance(0.2) ? dice.below(steps) : Infinity
    for (let step = 0; step < steps; step++) {
      if (step === closeAt) this.#close()
      const what = dice.below(1000)
      if (what < 420 && this.#open.length < 64) this.#open.push(this.#begin())
      else if (what < 550) this.#writeOften(this.#open[dice.below(this.#open.length)] ?? this.#begin())
      else if (what < 992) this.#endOne()
      else if (what < 994) await this.#clock.advance(dice.below(300))
      else if (what < 995) this.#clock.advanceSync(dice.below(3))
      else if (what < 996) this.#clock.wallOffset += dice.pick([-3_600_000, -1, 0.4, 1, 5, 86_400_000])
      else if (what < 997) this.#flush()
      else if (what < 998) await this.#call(2)
      else this.#changeConsumers(dice.below(20))
    }
    return this.#verdict()
  }

  #flush(): void {
    const signal = this.#dice.chance(0.5) ? AbortSignal.abort() : undefined
    this.#waits.push(this.#tracer.flush(signal))
    if (!this.model.closed) assert.equal(this.model.waiting, 0, 'nothing waits after a flush')
  }

  #close(): void {
    this.#waits.push(this.#tracer.close())
    this.model.closed = true
    assert.equal(this.model.waiting, 0, 'nothing waits after a close')
  }

  async #verdict(): Promise<{ spans: number; dropped: number }> {
    if (!this.model.closed) this.#close()
    let settled = 0
    for (const wait of this.#waits) void wait.then(() => settled++)
    await this.#clock.advance(30_001)
    assert.equal(settled, this.#waits.length, 'every flush and close ends within its time')
    assert.equal(this.#clock.pending, 0, 'no timer is left')
    for (const expected of this.#open) this.#end(expected)
    for (const { failure } of this.#consumers) if (failure !== undefined) throw failure
    const { started, ended, dropped, unsampled, samplerErrors } = this.#tracer.totals
    const { counts } = this.model
    assert.deepEqual(
      { started, ended, dropped },
      { started: counts.started, ended: counts.ended, dropped: counts.dropped },
    )
    assert.deepEqual([unsampled, samplerErrors], [this.#unsampled, this.#samplerErrors])
    assert.equal(counts.delivered, ended, 'everything that was taken has come out')
    assert.ok(this.#tracer.consumerErrors >= this.#consumers.reduce((sum, { errors }) => sum + errors, 0))
    return { spans: this.#serial, dropped }
  }
}

describe(`a tracer, over random programs with seed ${seed}`, () => {
  it('delivers every recorded span once and as it was, or counts it', async (t) => {
    const wanted = scaled(5_000_000, 20_000)
    const played = { programs: 0, spans: 0, dropped: 0, delivered: 0 }
    let heap = 0
    while (played.spans < wanted) {
      if (heap === 0 && played.spans > wanted / 5) heap = await usedBytes()
      const dice = diceOf(seededRandom(seed + played.programs))
      const program = new Program(dice)
      try {
        const { spans, dropped } = await program.run(500 + dice.below(40_000))
        played.spans += spans
        played.dropped += dropped
        played.delivered += program.model.counts.delivered
      } catch (error) {
        throw new Error(`SWITCHGEAR_SEED=${seed + played.programs} fails in its first program`, { cause: error })
      }
      played.programs++
    }
    const grown = (await usedBytes()) - heap
    t.diagnostic(JSON.stringify({ ...played, grown }))
    assert.ok(played.dropped > 0 && played.delivered > played.spans / 3)
    assert.ok(grown < 4_000_000, `${grown} bytes`)
  })
})
