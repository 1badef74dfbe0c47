// Counters: numbers that only grow. `add` is on the hot path of every call: a few stores, no allocation, no clock.
import { ExemplarColumns, isSampled, type SampledIds } from './exemplars.ts'
import type { NumberFamily, NumberSeries } from './family.ts'
import { epochOf, Instrument, type InstrumentParts } from './instrument.ts'

/** All counters of one name. Made by `MetricRegistry.counter`. */
export class CounterFamily<Names extends readonly string[] = readonly string[]>
  extends Instrument<Names, Counter>
  implements NumberFamily
{
  readonly type = 'counter' as const

  constructor(parts: InstrumentParts<Names>) {
    super(parts, 1)
  }

  *series(): Generator<NumberSeries> {
    const epochMs = epochOf(this.clock)
    for (const { row, labels, labelText } of this.rows()) {
      yield { labels, labelText, value: this.values[row] ?? 0, exemplar: this.exemplars?.read(row, 0, epochMs) }
    }
  }

  protected bind(row: number): Counter {
    return new Counter(this, row)
  }
}

/** A counter with its labels fixed; hold it where you count. */
export class Counter {
  readonly #family: CounterFamily
  readonly #row: number

  /** By `CounterFamily.with` only. */
  constructor(family: CounterFamily, row: number) {
    this.#family = family
    this.#row = row
  }

  /** Whether this is the series that label sets beyond the bound share. */
  get overflow(): boolean {
    return this.#row === 0
  }

  /**
   * Counts `amount`, 1 unless said. What is below 0 or not finite is dropped and counted as invalid. A sampled `span` becomes
   * the exemplar; `atMs` is its time (monotonic), read from the clock when absent.
   */
  add(amount: number = 1, span?: SampledIds, atMs?: number): void {
    const family = this.#family
    if (!(amount >= 0 && amount < Infinity)) {
      family.invalid++
      return
    }
    const row = this.#row
    const { values } = family
    values[row] = (values[row] ?? 0) + amount
    if (row === 0) family.overflows++
    if (span !== undefined && isSampled(span)) {
      family.exemplars ??= new ExemplarColumns(1)
      family.exemplars.keep(row, 0, amount, span, atMs ?? family.clock.now())
    }
  }
}
