// Gauges: numbers that go up and down. A gauge may be anything, also NaN ("not known") and infinite.
import type { NumberFamily, NumberSeries } from './family.ts'
import { Instrument, type InstrumentParts } from './instrument.ts'

/** All gauges of one name. Made by `MetricRegistry.gauge`. */
export class GaugeFamily<Names extends readonly string[] = readonly string[]>
  extends Instrument<Names, Gauge>
  implements NumberFamily
{
  readonly type = 'gauge' as const

  constructor(parts: InstrumentParts<Names>) {
    super(parts, 1)
  }

  *series(): Generator<NumberSeries> {
    for (const { row, labels, labelText } of this.rows()) yield { labels, labelText, value: this.values[row] ?? 0 }
  }

  protected bind(row: number): Gauge {
    return new Gauge(this, row)
  }
}

/** A gauge with its labels fixed; hold it where you measure. */
export class Gauge {
  readonly #family: GaugeFamily
  readonly #row: number

  /** By `GaugeFamily.with` only. */
  constructor(family: GaugeFamily, row: number) {
    this.#family = family
    this.#row = row
  }

  /** Whether this is the series that label sets beyond the bound share. */
  get overflow(): boolean {
    return this.#row === 0
  }

  set(value: number): void {
    const family = this.#family
    family.values[this.#row] = value
    if (this.#row === 0) family.overflows++
  }

  /** Adds `amount`, which may be below 0: for what is counted in and out. */
  add(amount: number): void {
    const family = this.#family
    const row = this.#row
    const { values } = family
    values[row] = (values[row] ?? 0) + amount
    if (row === 0) family.overflows++
  }
}
