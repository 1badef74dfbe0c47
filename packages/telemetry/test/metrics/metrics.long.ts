// A hundred thousand series that are observed, made and taken away while they are scraped, by several scrapers at a time and in both
// formats. SWITCHGEAR_SEED and SWITCHGEAR_RUNS: see `long-run.ts`. Every scrape obeys the grammar; each number lies between what was
// counted before the scrape and after it; nothing that only grows goes back; a histogram's count is the sum of its buckets; what does
// not fit is counted; the heap stays as it is.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { seededRandom } from '@switchgear/core/testing'
import { Exposition } from '../../src/metrics/exposition.ts'
import type { Histogram } from '../../src/metrics/histogram.ts'
import { metricData } from '../../src/metrics/otlp-points.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import type { TextFormat } from '../../src/metrics/text-format.ts'
import { diceOf, scaled, seed, usedBytes } from '../long-run.ts'
import { parse } from './text-parser.ts'

const bounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
const wordOf = (n: number): string => `v${n}`
const odd = ['', 'a"b', 'new\nline', 'back\\slash', 'ünïcödé 💥', '\ud800', '__proto__']

/** A series and what it should say. */
interface Counted {
  readonly add: (amount: number) => void
  /** By what stands in front of the number. */
  readonly totals: Map<string, number>
}

/** The instruments, and all that was counted into them. */
class World {
  readonly registry: MetricRegistry
  readonly series: Counted[] = []
  overflowed = 0
  readonly #dice = diceOf(seededRandom(seed))
  readonly #most: number
  readonly #counter
  readonly #histogram
  readonly #span = { traceA: 1, traceB: 2, traceC: 3, traceD: 4, spanA: 5, spanB: 6, flags: 0x101 }

  constructor(lines: number) {
    this.#most = Math.floor(lines / 2)
    this.registry = new MetricRegistry({ maxSeries: this.#most })
    this.#counter = this.registry.counter('events_total', 'Events.', ['key', 'odd'])
    const options = { bounds, maxSeries: Math.floor(lines / 2 / (bounds.length + 3)) }
    this.#histogram = this.registry.histogram('size_bytes', 'Sizes.', ['key'], { ...options, unit: 'bytes' })
  }

  /** Makes series until the bound, and sometimes one too many. */
  grow(count: number): void {
    for (let n = 0; n < count; n++) {
      if (this.#dice.chance(1 / 15)) this.#growHistogram()
      else this.#growCounter()
    }
  }

  #growCounter(): void {
    const n = this.series.length
    const bound = this.#counter.with(wordOf(n), odd[n % odd.length] ?? '')
    if (bound.overflow) return void this.#overflow(() => bound.add())
    const key = `events_total ${wordOf(n)}`
    const totals = new Map([[key, 0]])
    const add = (amount: number): void => {
      bound.add(amount, this.#dice.chance(0.01) ? this.#span : undefined)
      totals.set(key, (totals.get(key) ?? 0) + amount)
    }
    this.series.push({ add, totals })
  }

  #growHistogram(): void {
    const n = this.series.length
    const bound = this.#histogram.with(wordOf(n))
    if (bound.overflow) return void this.#overflow(() => bound.observe(1))
    this.series.push(histogramOf(bound, wordOf(n)))
  }

  #overflow(add: () => void): void {
    add()
    this.overflowed++
  }

  observe(count: number): void {
    const { below, pick } = this.#dice
    for (let n = 0; n < count; n++) pick(this.series).add(below(6000))
  }

  /** What all series say now. */
  totals(): Map<string, number> {
    const all = new Map<string, number>()
    for (const { totals } of this.series) for (const [key, total] of totals) all.set(key, total)
    return all
  }
}

function histogramOf(bound: Histogram, word: string): Counted {
  const totals = new Map<string, number>()
  const grow = (key: string, by: number): void => void totals.set(key, (totals.get(key) ?? 0) + by)
  const keys = [...bounds, Infinity].map((le) => `size_bytes_bucket ${word} ${le}`)
  const count = (amount: number, by: number): void => {
    for (const [n, le] of [...bounds, Infinity].entries()) grow(keys[n] ?? '', amount <= le ? by : 0)
    grow(`size_bytes_count ${word}`, by)
    grow(`size_bytes_sum ${word}`, by * amount)
  }
  count(0, 0)
  const add = (amount: number): void => {
    bound.observe(amount)
    count(amount, 1)
  }
  return { add, totals }
}

/** A scrape as numbers by key. */
async function scrape(exposition: Exposition, format: TextFormat): Promise<Map<string, number>> {
  const slices: string[] = []
  for await (const slice of exposition.expose(format)) slices.push(slice)
  const found = new Map<string, number>()
  for (const { name, samples } of parse(slices.join(''), format).families.values()) {
    if (!/^(events|size_bytes)/.test(name)) continue
    for (const { name: sample, labels, value } of samples) {
      const le = labels['le'] === undefined ? '' : ` ${Number(labels['le'].replace('+Inf', 'Infinity'))}`
      found.set(`${sample} ${labels['key']}${le}`, value)
    }
  }
  return found
}

describe(`metrics that are observed while they are scraped, with seed ${seed}`, () => {
  it('are consistent in every scrape', async (t) => {
    const lines = scaled(100_000, 3000)
    const rounds = 8
    const world = new World(lines)
    const exposition = new Exposition(world.registry, { also: [] })
    world.grow(lines / 4)
    const played = { scrapes: 0, samples: 0, observations: 0, series: 0, grown: 0 }
    let last = new Map<string, number>()
    let heap = 0
    for (let round = 0; round < rounds; round++) {
      if (round === rounds - 3) heap = await usedBytes()
      const before = world.totals()
      const doing = { scrape: true }
      const observing = (async () => {
        while (doing.scrape) {
          world.observe(200)
          played.observations += 200
          world.grow(20)
          const forget = world.registry.collect({
            name: 'passing',
            help: 'P.',
            type: 'gauge',
            labelNames: [],
            series: () => [],
          })
          await turn()
          forget()
        }
      })()
      const formats: TextFormat[] = round % 2 === 0 ? ['text', 'openmetrics'] : ['text']
      const scrapes = await Promise.all(formats.map((format) => scrape(exposition, format)))
      if (round % 3 === 0) await metricData(world.registry)
      doing.scrape = false
      await observing
      const after = world.totals()
      for (const found of scrapes) {
        for (const [key, value] of found) {
          if (key.includes('_overflow')) continue
          const most = after.get(key) ?? Number.NaN
          const fits = value >= (before.get(key) ?? 0) && value <= most && value >= (last.get(key) ?? 0)
          assert.ok(fits, `${key}: ${last.get(key)}, ${before.get(key)} <= ${value} <= ${most}`)
        }
        for (const key of before.keys()) assert.ok(found.has(key), `${key} is missing`)
        played.samples += found.size
        played.scrapes++
      }
      last = scrapes[0] ?? last
      world.grow(lines / 8)
    }
    const final = await scrape(exposition, 'openmetrics')
    const overflow = [...final].filter(([key]) => key.includes('_overflow'))
    for (const [key] of overflow) final.delete(key)
    assert.deepEqual(final, world.totals())
    const counted = overflow
      .filter(([key]) => /^(events_total|size_bytes_count)/.test(key))
      .reduce((sum, [, value]) => sum + value, 0)
    assert.equal(counted, world.overflowed)
    assert.ok(final.size > lines / 2, `${final.size} samples`)
    last = new Map()
    played.series = world.series.length
    played.grown = (await usedBytes()) - heap
    t.diagnostic(JSON.stringify({ ...played, lines: final.size, overflowed: world.overflowed }))
  })

  it('give back what a scrape took', async (t) => {
    const world = new World(scaled(100_000, 3000))
    const exposition = new Exposition(world.registry, { also: [] })
    world.grow(scaled(100_000, 3000))
    let heap = 0
    for (let round = 0; round < 20; round++) {
      if (round === 5) heap = await usedBytes()
      // Every other scraper leaves in the middle.
      let slices = 0
      for await (const slice of exposition.expose('openmetrics'))
        if (slice.length > 0 && ++slices === 3 && round % 2 === 0) break
    }
    const grown = (await usedBytes()) - heap
    t.diagnostic(JSON.stringify({ grown }))
    assert.ok(grown < 2_000_000, `${grown} bytes`)
  })
})
