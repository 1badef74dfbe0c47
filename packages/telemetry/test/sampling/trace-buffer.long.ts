// A buffer of traces in virtual time, fed with the spans of random traces in random order, from no memory to plenty of it, with a
// receiver that sometimes throws. SWITCHGEAR_SEED and SWITCHGEAR_RUNS: see `long-run.ts`. Every span is kept once, dropped, lost with
// its receiver, or waits; bounds hold at every moment; nothing waits longer than it may; where decisions are remembered, a trace is kept
// whole or not at all; what is kept is within the byte budget; one timer at most, and none when nothing waits.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { estimateSpanBytes } from '../../src/sampling/span-size.ts'
import { TailSampler } from '../../src/sampling/tail-sampler.ts'
import { TraceBuffer } from '../../src/sampling/trace-buffer.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { type Dice, diceOf, scaled, seed, usedBytes } from '../long-run.ts'
import { span } from './spans.ts'

/** The spans of a trace in the order in which they come in, not that of their ends. */
function randomTrace(dice: Dice): SpanData[] {
  const traceId = Array.from({ length: 4 }, () =>
    dice
      .below(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
  const spans = Array.from({ length: 1 + dice.below(8) }, (_, n) =>
    span({
      traceId,
      parentSpanId: n === 0 ? undefined : '00000000000000aa',
      flags: dice.pick([3, 0x103, 0x303]),
      name: `GET /${dice.below(30)}`,
      status: dice.chance(0.03) ? 'error' : 'unset',
      durationMs: dice.below(1000),
      traceState: dice.pick(['', '', 'ot=th:8', 'ot=th:c;rv:fedcba98765432', 'nonsense,,=', 'a=b']),
      attributes: dice.chance(0.3) ? { text: 'x'.repeat(dice.below(2000)) } : {},
    }),
  )
  // Some never have a root.
  return (dice.chance(0.1) ? spans.slice(1) : spans).toSorted(() => dice.next() - 0.5)
}

/** Byte budgets: one that everything fits into, and one that little does. */
const budgets = [
  { bytesPerSecond: 10_000_000, burst: 10_000_000, overdraft: 0 },
  { bytesPerSecond: 3000, burst: 20_000, overdraft: 10_000 },
]

class Feed {
  readonly clock = new VirtualClock({ now: 0 })
  readonly #dice: Dice
  readonly #bounds
  readonly #budget
  readonly #buffer: TraceBuffer
  readonly #kept = new Map<string, Set<string>>()
  readonly #given = new Map<string, { spans: number }>()
  /** By span. */
  readonly #bytes = new Map<string, number>()
  #taken = 0
  #takenBytes = 0
  #lost = 0
  added = 0

  constructor(dice: Dice) {
    this.#dice = dice
    const isSmall = dice.chance(0.5)
    this.#bounds = {
      maxTraces: isSmall ? 1 + dice.below(20) : 10_000,
      maxSpans: isSmall ? 1 + dice.below(100) : 100_000,
      maxBytes: isSmall ? 2000 + dice.below(50_000) : 64_000_000,
      maxWait: 1 + dice.below(5000),
      grace: dice.below(500),
      // In the small ones what was decided is forgotten soon.
      maxDecisions: isSmall ? 2 + dice.below(50) : 100_000,
      endsAtEntry: dice.chance(0.5),
    }
    const { clock } = this
    this.#budget = dice.pick(budgets)
    const sampler = new TailSampler({
      ratio: dice.pick([0, 0.3, 1]),
      rareBelow: dice.below(3),
      ...this.#budget,
      clock,
    })
    this.#buffer = new TraceBuffer(sampler, (spans) => this.#take(spans), { ...this.#bounds, clock })
  }

  #take(spans: readonly SpanData[]): void {
    for (const each of spans) {
      const known = this.#kept.get(each.traceId) ?? new Set()
      this.#kept.set(each.traceId, known)
      assert.ok(!known.has(each.spanId), 'a span that was kept before')
      known.add(each.spanId)
      this.#takenBytes += this.#bytes.get(each.spanId) ?? Number.NaN
    }
    if (this.#dice.chance(0.01)) {
      this.#lost += spans.length
      throw new Error('a receiver that throws')
    }
    this.#taken += spans.length
  }

  add(spans: readonly SpanData[]): void {
    for (const each of spans) {
      const { traceId, spanId } = each
      this.#bytes.set(spanId, estimateSpanBytes(each))
      const known = this.#given.get(traceId) ?? { spans: 0 }
      known.spans++
      this.#given.set(traceId, known)
    }
    this.added += spans.length
    this.#buffer.add(spans)
    this.check()
  }

  check(): void {
    const { totals, waiting } = this.#buffer
    const { maxTraces, maxSpans, maxBytes } = this.#bounds
    assert.ok(
      waiting.traces <= maxTraces && waiting.spans <= maxSpans && waiting.bytes <= maxBytes,
      JSON.stringify(waiting),
    )
    assert.equal(totals.keptSpans, this.#taken)
    assert.equal(totals.keptSpans + totals.droppedSpans + totals.afterClose + waiting.spans + this.#lost, this.added)
    assert.equal(waiting.traces === 0, waiting.spans === 0)
    assert.equal(waiting.traces === 0, waiting.bytes === 0)
    assert.ok(this.clock.pending <= 1)
    assert.ok(waiting.traces === 0 || this.clock.pending === 1)
    // The largest trace of all may be granted on top of a full bucket.
    const { bytesPerSecond, burst, overdraft } = this.#budget
    const most = burst + overdraft + (bytesPerSecond * this.clock.now()) / 1000 + 20_000
    assert.ok(this.#takenBytes <= most, `${this.#takenBytes} bytes kept of ${most}`)
  }

  /** All that was added has had its time. */
  async settle(): Promise<void> {
    // A run of the timer may be late by as much as the buffer gathers decisions.
    await this.clock.advance(this.#bounds.maxWait + this.#bounds.grace + 200)
    this.check()
    assert.equal(this.#buffer.waiting.traces, 0)
    assert.equal(this.clock.pending, 0)
    if (this.#bounds.maxDecisions < 100_000) return
    const { lateOverBudget } = this.#buffer.totals
    let partial = 0
    for (const [traceId, kept] of this.#kept) if (kept.size !== this.#given.get(traceId)?.spans) partial++
    assert.ok(
      partial <= lateOverBudget,
      `${partial} traces are kept in part, ${lateOverBudget} late spans were beyond the budget`,
    )
  }

  close(): void {
    this.#buffer.close()
    this.add([span()])
    assert.equal(this.#buffer.totals.afterClose, 1)
  }
}

describe(`a buffer of traces, over random feeds with seed ${seed}`, () => {
  it('keeps whole traces, loses none, and stays within its bounds', async (t) => {
    const feeds = scaled(600, 10)
    const played = { feeds, spans: 0 }
    let heap = 0
    for (let n = 0; n < feeds; n++) {
      if (n === Math.floor(feeds / 5)) heap = await usedBytes()
      const dice = diceOf(seededRandom(seed + n))
      const feed = new Feed(dice)
      try {
        // What is still to come of traces that have begun.
        const coming: SpanData[][] = []
        for (let step = 0; step < 300; step++) {
          if (coming.length < 50) coming.push(randomTrace(dice))
          const parts = Array.from({ length: dice.below(6) }, () => dice.pick(coming).splice(0, 1 + dice.below(4)))
          feed.add(parts.flat())
          for (let at = coming.length - 1; at >= 0; at--) if (coming[at]?.length === 0) coming.splice(at, 1)
          if (dice.chance(0.4)) await feed.clock.advance(dice.below(400))
        }
        for (const rest of coming) feed.add(rest)
        if (dice.chance(0.7)) await feed.settle()
        feed.close()
        played.spans += feed.added
      } catch (error) {
        throw new Error(`SWITCHGEAR_SEED=${seed + n} fails in its first feed`, { cause: error })
      }
    }
    const grown = (await usedBytes()) - heap
    t.diagnostic(JSON.stringify({ ...played, grown }))
    assert.ok(grown < 4_000_000, `${grown} bytes`)
  })
})
