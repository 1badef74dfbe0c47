// Writes all families out, in slices between which the event loop goes on: a scrape of very many series must not delay requests.
// Invariants: a series is written in one go; a family that fails costs itself only and is counted; no name is written twice.
import { type Duration, parseDuration } from '@switchgear/core'
import { register } from 'prom-client'
import type { MetricData } from '../otlp/metric-data.ts'
import { Scrape } from './family.ts'
import { foreignData } from './foreign-points.ts'
import { ForeignReader, foreignText, metricsOf, type PromRegistry, type SkipReason } from './foreign.ts'
import { claimedNames } from './naming.ts'
import { metricData } from './otlp-points.ts'
import { Pace } from './pace.ts'
import type { MetricRegistry } from './registry.ts'
import { familyText, type TextFormat } from './text-format.ts'

/** Options of an `Exposition`. */
export interface ExpositionOptions {
  /**
   * Registries of prom-client whose families are appended. Default: prom-client's global `register`, where an application's own
   * metrics usually are. A name that exists twice is written once: ours wins, then the first.
   */
  readonly also?: readonly PromRegistry[] | undefined
  /** How long a family of `also` may take to collect. Default '1s'. */
  readonly collectTimeout?: Duration | undefined
}

/** Characters in a slice: some hundred lines, a fraction of a millisecond. */
const sliceLength = 32_768
/** Families of `also` that may time out in a scrape before the rest is left out of it: the scraper has a deadline as well. */
const mostTimeouts = 5

/**
 * The text of a registry.
 *
 * @example
 * const exposition = new Exposition(registry)
 * const format = negotiateFormat(request.headers.accept)
 * response.setHeader('content-type', contentTypes[format])
 * await pipeline(Readable.from(exposition.expose(format)), response)
 */
export class Exposition {
  readonly #registry: MetricRegistry
  readonly #also: readonly PromRegistry[]
  readonly #timeoutMs: number
  readonly #reader: ForeignReader

  /** Throws `SG_BAD_OPTIONS` when `collectTimeout` is not a duration of at least 1 ms. */
  constructor(registry: MetricRegistry, options: ExpositionOptions = {}) {
    const { also = [register], collectTimeout = '1s' } = options
    this.#registry = registry
    this.#also = also
    this.#timeoutMs = parseDuration(collectTimeout, 'metrics.collectTimeout', 1)
    this.#reader = new ForeignReader(registry.clock, this.#timeoutMs)
  }

  /** Everything, slice by slice, each of whole lines. It may be abandoned at any time. */
  async *expose(format: TextFormat): AsyncGenerator<string> {
    const pace = new Pace()
    let slice = ''
    for await (const pieces of this.#families(format)) {
      for (const piece of pieces) {
        slice += piece
        if (slice.length < sliceLength && !pace.isOver) continue
        yield slice
        slice = ''
        await pace.rest()
      }
    }
    yield format === 'openmetrics' ? `${slice}# EOF\n` : slice
  }

  /** Everything as what OTLP exports: the same numbers. */
  async points(): Promise<MetricData[]> {
    const own = await metricData(this.#registry)
    return [...own, ...(await foreignData(this.#also, this.#registry, this.#reader))]
  }

  /** Everything as one text. */
  async text(format: TextFormat = 'text'): Promise<string> {
    const slices: string[] = []
    for await (const slice of this.expose(format)) slices.push(slice)
    return slices.join('')
  }

  /** The text of each family, in pieces. */
  async *#families(format: TextFormat): AsyncGenerator<Iterable<string>> {
    const open = format === 'openmetrics'
    const scrape = new Scrape()
    const taken = new Set<string>()
    for (const family of this.#registry.families()) {
      for (const name of claimedNames(family, open)) taken.add(name)
      yield this.#guarded(family.name, familyText(family, format, scrape), format)
    }
    const { clock } = this.#registry
    const untilMs = clock.now() + mostTimeouts * this.#timeoutMs
    for (const registry of this.#also) {
      for (const metric of metricsOf(registry)) {
        const names = claimedNames(metric, open)
        const known = names.some((name) => taken.has(name))
        if (!known) for (const name of names) taken.add(name)
        const late = clock.now() >= untilMs
        const family = known ? 'duplicate' : late ? 'timeout' : await this.#reader.read(metric)
        yield typeof family === 'string'
          ? this.#skip(metric.name, family, format)
          : this.#guarded(metric.name, foreignText(family, registry, format), format)
      }
    }
  }

  /** The pieces until one throws: what somebody else's family throws ends that family, not the scrape. */
  *#guarded(name: string, pieces: Iterable<string>, format: TextFormat): Generator<string> {
    try {
      yield* pieces
    } catch {
      yield* this.#skip(name, 'error', format)
    }
  }

  /** Counts a family that is missing, and says so where a comment may stand: OpenMetrics allows none. */
  #skip(name: string, reason: SkipReason, format: TextFormat): readonly string[] {
    this.#registry.skipped.with(name, reason).add()
    return format === 'openmetrics' ? [] : [`# ${name} is missing: ${reason}\n`]
  }
}
