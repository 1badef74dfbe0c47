// An exporter through random outages of its collector, in virtual time, where backoffs and Retry-After are exact, and in real time.
// SWITCHGEAR_SEED and SWITCHGEAR_RUNS: see `long-run.ts`. At any moment what was offered is exported, dropped or queued, and each
// once; the order stays; a wait that was asked for is kept; flush and close are over in their time and leave nothing behind.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { type OtlpExporter, otlpExporter } from '../../src/otlp/exporter.ts'
import { type Dice, diceOf, scaled, seed, usedBytes } from '../long-run.ts'
import { BadCollector, type Mood } from './bad-collector.ts'
import { spans } from './export-spans.ts'

const closeTimeoutMs = 2000

/** One exporter and its collector. */
class Outage {
  readonly #dice: Dice
  readonly #clock: Clock
  readonly collector: BadCollector
  readonly #exporter: OtlpExporter
  readonly #concurrency: number
  readonly #queueSize: number
  /** Whether no answer comes too late to be read. */
  readonly #isPatient: boolean
  readonly #waits: Promise<void>[] = []
  readonly #failures: unknown[] = []
  offered = 0

  private constructor(dice: Dice, clock: Clock, collector: BadCollector, real: boolean) {
    this.#dice = dice
    this.#clock = clock
    this.collector = collector
    this.#concurrency = dice.pick([1, 1, 2, 4])
    this.#queueSize = dice.pick([20, 100, 65_536])
    this.#isPatient = dice.chance(0.5)
    this.#exporter = otlpExporter({
      endpoint: collector.endpoint,
      protocol: dice.pick(['http/protobuf', 'http/json']),
      compression: dice.pick(['gzip', 'none']),
      concurrency: this.#concurrency,
      maxAttempts: 1 + dice.below(5),
      maxBatch: dice.pick([1, 7, 512]),
      maxQueueSize: this.#queueSize,
      timeout: this.#isPatient ? 100_000 : real ? 60 : 500,
      backoff: real ? 2 : 100,
      maxBackoff: real ? 20 : 1500,
      flushTimeout: real ? 300 : 3000,
      closeTimeout: real ? 300 : closeTimeoutMs,
      maxResponseBytes: 10_000,
      onProblem: () => this.#check(false),
      clock,
      random: () => dice.next(),
    })
  }

  static async begin(dice: Dice, clock: Clock, real: boolean): Promise<Outage> {
    const collector = new BadCollector(dice, clock)
    await collector.listen()
    return new Outage(dice, clock, collector, real)
  }

  get totals(): OtlpExporter['totals'] {
    return this.#exporter.totals
  }

  /** The exporter swallows what its listener throws, so failures are kept. */
  #check(isQuiet: boolean): void {
    try {
      const { exported, dropped, queued, queuedBytes } = this.#exporter.totals
      const sum = exported + queued + Object.values(dropped).reduce((all, count) => all + count, 0)
      // While spans are being offered, some of them are not counted yet; none may be counted twice.
      assert.ok(isQuiet ? sum === this.offered : sum <= this.offered, `${sum} of ${this.offered}`)
      assert.ok(queued <= this.#queueSize && queued >= 0 && queuedBytes >= 0)
      assert.equal(queued === 0, queuedBytes === 0)
    } catch (error) {
      this.#failures.push(error)
    }
  }

  async step(): Promise<void> {
    const { below, chance, pick } = this.#dice
    if (chance(0.5)) {
      const count = 1 + below(30)
      const numbered = spans(count).map((span, n) => ({
        ...span,
        spanId: (this.offered + n + 1).toString(16).padStart(16, '0'),
      }))
      this.offered += count
      this.#exporter.take(numbered)
    }
    if (chance(0.1)) this.collector.mood = pick<Mood>(['fine', 'bad', 'bad', 'dead'])
    if (chance(0.03)) await this.collector.refuse()
    else if (chance(0.2)) await this.collector.listen()
    if (chance(0.05)) this.#waits.push(this.#exporter.flush(chance(0.3) ? AbortSignal.abort() : undefined))
    this.#check(true)
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  /** Closes; `pass` lets time go by. Answers how long it took. */
  async close(pass: () => Promise<void>): Promise<number> {
    const begun = this.#clock.now()
    const left = new Set([...this.#waits, this.#exporter.close()])
    for (const wait of left) void wait.then(() => left.delete(wait))
    while (left.size > 0 && this.#clock.now() - begun < 60_000) await pass()
    const ms = this.#clock.now() - begun
    assert.equal(left.size, 0, 'flush and close end')
    this.offered++
    this.#exporter.take(spans(1))
    this.#check(true)
    if (this.#failures.length > 0) throw this.#failures[0]
    const { totals } = this.#exporter
    assert.equal(totals.queued, 0)
    assert.deepEqual(this.#exporter.unsent.bodies, [])
    assert.ok(totals.exported <= this.collector.read.size, 'nothing is called delivered that was not')
    const { firsts, early, asked } = this.collector
    // Those that were under way already cannot be called back.
    assert.ok(!this.#isPatient || early <= asked * (this.#concurrency - 1), `${early} requests came too early`)
    if (this.#concurrency === 1)
      assert.ok(
        firsts.every((first, n) => n === 0 || first >= (firsts[n - 1] ?? 0)),
        'in order',
      )
    await this.collector.refuse()
    return ms
  }
}

function add(played: Record<string, number>, { offered, totals, collector }: Outage, ms: number): void {
  played['programs'] = (played['programs'] ?? 0) + 1
  played['offered'] = (played['offered'] ?? 0) + offered
  played['exported'] = (played['exported'] ?? 0) + totals.exported
  played['requests'] = (played['requests'] ?? 0) + collector.requests
  played['longestCloseMs'] = Math.max(played['longestCloseMs'] ?? 0, Math.round(ms))
  for (const [reason, count] of Object.entries(totals.dropped)) played[reason] = (played[reason] ?? 0) + count
}

describe(`an exporter through outages, with seed ${seed}`, () => {
  it('in virtual time', async (t) => {
    const programs = scaled(200, 5)
    const played: Record<string, number> = {}
    let heap = 0
    for (let n = 0; n < programs; n++) {
      if (n === Math.floor(programs / 5)) heap = await usedBytes()
      const dice = diceOf(seededRandom(seed + n))
      const clock = new VirtualClock({ now: 1000 })
      const outage = await Outage.begin(dice, clock, false)
      try {
        for (let steps = 20 + dice.below(100); steps > 0; steps--) {
          await outage.step()
          await (dice.chance(0.2) ? sleep(1 + dice.below(3)) : turn())
          await clock.advance(dice.pick([0, 0, 1, 20, 100, 1000]))
        }
        const ms = await outage.close(async () => {
          await sleep(1)
          await clock.advance(20)
        })
        // Sockets live in real time: a little virtual time goes by until their ends are noticed.
        assert.ok(ms <= closeTimeoutMs + 2000, `closed after ${ms} ms`)
        assert.equal(clock.pending, 0, 'no timer is left')
        add(played, outage, ms)
      } catch (error) {
        await outage.collector.refuse()
        throw new Error(`SWITCHGEAR_SEED=${seed + n} fails in its first program`, { cause: error })
      }
    }
    const grown = (await usedBytes()) - heap
    t.diagnostic(JSON.stringify({ ...played, grown }))
    assert.ok((played['exported'] ?? 0) > 0 && grown < 8_000_000, `${grown} bytes`)
  })

  it('in real time', async (t) => {
    const played: Record<string, number> = {}
    const program = async (n: number): Promise<void> => {
      const dice = diceOf(seededRandom(seed + n))
      const outage = await Outage.begin(dice, systemClock, true)
      try {
        for (let steps = 20 + dice.below(60); steps > 0; steps--) {
          await outage.step()
          await sleep(dice.below(30))
        }
        const ms = await outage.close(() => sleep(2))
        assert.ok(ms < 3000, `closed after ${ms} ms`)
        add(played, outage, ms)
      } finally {
        await outage.collector.refuse()
      }
    }
    for (let n = 0; n < scaled(80, 4); n += 4) await Promise.all([0, 1, 2, 3].map((more) => program(n + more)))
    t.diagnostic(JSON.stringify(played))
    assert.ok((played['exported'] ?? 0) > 0)
  })
})
