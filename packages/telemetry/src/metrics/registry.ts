// All families of a process or of one part of it, by name. It owns the instruments it makes and the families that tell of the
// metrics themselves. Invariant: no two families have a sample name in common, in either text format.
import { type Clock, OptionsError, systemClock } from '@switchgear/core'
import { CounterFamily } from './counter.ts'
import type { Family, NumberSeries } from './family.ts'
import { GaugeFamily } from './gauge.ts'
import { durationBounds, HistogramFamily, type HistogramOptions } from './histogram.ts'
import { checkCount, type Instrument, type InstrumentOptions, type InstrumentParts } from './instrument.ts'
import { checkFamily, claimedNames } from './naming.ts'

/** Options of a `MetricRegistry`. */
export interface MetricRegistryOptions {
  /** Most label sets of each instrument that says nothing else. Default 1000. */
  readonly maxSeries?: number | undefined
  /** Time of exemplars. Default `systemClock`. */
  readonly clock?: Clock | undefined
}

type AnyInstrument = Instrument<readonly string[], unknown>

/**
 * Makes instruments and keeps what is to be shown.
 *
 * @example
 * const registry = new MetricRegistry()
 * const orders = registry.counter('orders_total', 'Orders by country.', ['country'])
 * const french = orders.with('FR') // once
 * french.add() // often: a few nanoseconds
 */
export class MetricRegistry {
  readonly clock: Clock
  /** Milliseconds since 1970: when the counts began. */
  readonly startedMs: number
  /** Families that were missing from a scrape or an export, counted by whoever had to leave them out. */
  readonly skipped: CounterFamily<readonly ['metric', 'reason']>
  readonly #maxSeries: number
  readonly #families = new Map<string, Family>()
  /** Sample name to the name of the family that has it. */
  readonly #claims = new Map<string, string>()
  readonly #instruments: AnyInstrument[] = []

  constructor(options: MetricRegistryOptions = {}) {
    const { maxSeries = 1000, clock = systemClock } = options
    checkCount(maxSeries, 'metrics.maxSeries')
    this.clock = clock
    this.startedMs = clock.wallNow()
    this.#maxSeries = maxSeries
    // Shown from the start: a counter that appears only when it happens cannot be told from one that is missing.
    const told = (name: string, help: string, read: (instrument: AnyInstrument) => number): void => {
      const series = (): NumberSeries[] =>
        this.#instruments.map((instrument) => ({ labels: [instrument.name], value: read(instrument) }))
      this.collect({ name, help, type: 'counter', labelNames: ['metric'], series })
    }
    told(
      'switchgear_metrics_overflows_total',
      'Observations counted under _overflow, because their metric had reached its bound of label combinations.',
      ({ overflows }) => overflows,
    )
    told(
      'switchgear_metrics_invalid_total',
      'Observations dropped, because their value was not finite or below zero.',
      ({ invalid }) => invalid,
    )
    this.skipped = this.counter(
      'switchgear_metrics_skipped_families_total',
      'Families missing from a scrape: they took too long (timeout), threw (error), or their name is taken (duplicate).',
      ['metric', 'reason'],
    )
  }

  /** Numbers that only grow; `name` ends with `_total`. Throws `SG_BAD_OPTIONS` for a bad or taken name, a bad label or option. */
  counter<const Names extends readonly string[]>(
    name: string,
    help: string,
    labelNames: Names,
    options: InstrumentOptions = {},
  ): CounterFamily<Names> {
    return this.#add(new CounterFamily(this.#parts(name, help, labelNames, options)))
  }

  /** Numbers that go up and down. Throws like `counter`. */
  gauge<const Names extends readonly string[]>(
    name: string,
    help: string,
    labelNames: Names,
    options: InstrumentOptions = {},
  ): GaugeFamily<Names> {
    return this.#add(new GaugeFamily(this.#parts(name, help, labelNames, options)))
  }

  /** Distributions. Throws like `counter`. */
  histogram<const Names extends readonly string[]>(
    name: string,
    help: string,
    labelNames: Names,
    options: HistogramOptions = {},
  ): HistogramFamily<Names> {
    const { bounds = durationBounds } = options
    return this.#add(new HistogramFamily(this.#parts(name, help, labelNames, options), bounds))
  }

  /** Shows a family from now on. Returns what ends that. Throws `SG_BAD_OPTIONS` for a bad or taken name or a bad label. */
  collect(family: Family): () => void {
    checkFamily(family)
    const names = claimedNames(family)
    for (const name of names) {
      const owner = this.#claims.get(name)
      if (owner !== undefined) {
        throw new OptionsError(
          `metrics: the name of a metric has to be its own, got '${family.name}', taken by '${owner}'`,
        )
      }
    }
    for (const name of names) this.#claims.set(name, family.name)
    this.#families.set(family.name, family)
    return () => {
      if (this.#families.get(family.name) !== family) return
      this.#families.delete(family.name)
      for (const name of names) this.#claims.delete(name)
    }
  }

  /** All families, in the order in which they came. */
  families(): readonly Family[] {
    return [...this.#families.values()]
  }

  #parts<Names extends readonly string[]>(
    name: string,
    help: string,
    labelNames: Names,
    { unit, maxSeries = this.#maxSeries }: InstrumentOptions,
  ): InstrumentParts<Names> {
    return { name, help, unit, labelNames, maxSeries, clock: this.clock }
  }

  #add<Made extends Family & AnyInstrument>(made: Made): Made {
    this.collect(made)
    this.#instruments.push(made)
    // Without labels there is one series: it is there from the start, and so is its 0.
    if (made.labelNames.length === 0) made.with()
    return made
  }
}
