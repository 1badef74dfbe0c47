// What counters, gauges and histograms have in common: a family whose numbers stand in one growing column, a row for each label
// set, and bound series that are places in it. Invariants: a row is never taken back, so that a bound series stays valid for
// ever; row 0 is `_overflow`, which all label sets beyond the bound share.
import { OptionsError } from '@switchgear/core'
import type { ExemplarColumns } from './exemplars.ts'
import { cleanLabel, labelText } from './label-text.ts'

/** Label value of the series that takes what is beyond the bound. */
export const overflowLabel = '_overflow'

/** Options of one family. */
export interface InstrumentOptions {
  /** Most label sets; the rest shares the series `_overflow`. Default: that of the registry. */
  readonly maxSeries?: number | undefined
  /** Base unit in the plural, such as `seconds`; the name must end with it. Default: none. */
  readonly unit?: string | undefined
}

/** One value for each label name. */
export type LabelValues<Names extends readonly string[]> = { readonly [Index in keyof Names]: string }

/** The clock of exemplars. */
export interface ExemplarClock {
  /** Monotonic milliseconds. */
  now(): number
  /** Milliseconds since 1970. */
  wallNow(): number
}

/** What an instrument is made of; the registry has checked the names. */
export interface InstrumentParts<Names extends readonly string[]> {
  readonly name: string
  readonly help: string
  readonly unit: string | undefined
  readonly labelNames: Names
  readonly maxSeries: number
  readonly clock: ExemplarClock
}

/** A family of bound series; `Bound` is what callers hold of one. */
export abstract class Instrument<Names extends readonly string[], Bound> {
  readonly name: string
  readonly help: string
  readonly unit: string | undefined
  readonly labelNames: Names
  readonly maxSeries: number
  readonly clock: ExemplarClock
  /** Written by the bound series: `stride` numbers for each row. */
  values: Float64Array<ArrayBuffer> = new Float64Array(0)
  /** Made by the first sampled span. */
  exemplars: ExemplarColumns | undefined = undefined
  /** Observations that went to row 0. */
  overflows = 0
  /** Observations that were dropped because of their value. */
  invalid = 0
  readonly #stride: number
  readonly #series = new Map<string, Bound>()
  readonly #labels: (readonly string[])[]
  readonly #texts: string[]

  constructor(parts: InstrumentParts<Names>, stride: number) {
    checkCount(parts.maxSeries, 'metrics.maxSeries')
    this.name = parts.name
    this.help = parts.help
    this.unit = parts.unit
    this.labelNames = parts.labelNames
    this.maxSeries = parts.maxSeries
    this.clock = parts.clock
    this.#stride = stride
    const rest = parts.labelNames.map(() => overflowLabel)
    this.#labels = [rest]
    this.#texts = [labelText(parts.labelNames, rest)]
  }

  /** Makes the bound series of a row whose column exists. */
  protected abstract bind(row: number): Bound

  /** The series of these label values, or that of the overflow when there are `maxSeries` others. Keep it: this looks it up. */
  with(...values: LabelValues<Names>): Bound {
    const labels = values.map(cleanLabel)
    const text = labelText(this.labelNames, labels)
    const known = this.#series.get(text)
    if (known !== undefined) return known
    const isFull = this.#texts.length > this.maxSeries
    if (isFull || (labels.length > 0 && text === this.#texts[0])) return this.#make(0)
    this.#labels.push(labels)
    return this.#make(this.#texts.push(text) - 1)
  }

  /** Rows to show, with their labels. */
  protected *rows(): Generator<{
    readonly row: number
    readonly labels: readonly string[]
    readonly labelText: string
  }> {
    // Read anew each time: rows may be added while a reader pauses.
    for (let row = this.overflows > 0 ? 0 : 1; row < this.#texts.length; row++) {
      yield { row, labels: this.#labels[row] ?? [], labelText: this.#texts[row] ?? '' }
    }
  }

  #make(row: number): Bound {
    const text = this.#texts[row] ?? ''
    const known = this.#series.get(text)
    if (known !== undefined) return known
    const needed = (row + 1) * this.#stride
    if (needed > this.values.length) {
      const longer = new Float64Array(Math.max(2 * needed, 8 * this.#stride))
      longer.set(this.values)
      this.values = longer
    }
    const made = this.bind(row)
    this.#series.set(text, made)
    return made
  }
}

/** Throws `SG_BAD_OPTIONS` naming path, bound and value unless `value` is a whole number of at least 1. */
export function checkCount(value: number, path: string): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new OptionsError(`${path} must be a whole number >= 1, got ${String(value)}`)
  }
}

/** What to add to monotonic milliseconds to get those since 1970. */
export function epochOf(clock: ExemplarClock): number {
  return clock.wallNow() - clock.now()
}
