// Finds the histogram of a request by method, status and error in two or three small maps, whose keys are numbers and interned
// strings: that costs a fraction of building and looking up one long key. Invariant: only series of their own are remembered,
// so that what a client may invent (methods) or what is beyond the bound never grows a map.
import type { Histogram } from './histogram.ts'

const methods: ReadonlySet<string> = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '))

const otherMethod = '_OTHER'

/** A method as a label: one that everybody knows, else `_OTHER`, because clients may invent them. */
export function knownMethod(method: string): string {
  return methods.has(method) ? method : otherMethod
}

/** A status as a label, '' when there was none. */
function statusLabel(status: number | undefined): string {
  return status === undefined ? '' : String(status)
}

/** Makes the series of a known method, a status as text and an error type. */
export type SeriesOf = (method: string, status: string, errorType: string) => Histogram

/** By error type. Nearly always there is one: ''. */
interface StatusEntry {
  plain: Histogram | undefined
  readonly failed: Map<string, Histogram>
}

/** The histograms of one route, or of one peer. */
export class ExchangeSeries {
  readonly #seriesOf: SeriesOf
  /** Known methods to statuses; -1 stands for no status. */
  readonly #byMethod = new Map<string, Map<number, StatusEntry>>()

  #last: Histogram | undefined = undefined
  #method = ''
  #status: number | undefined = undefined
  #errorType = ''

  constructor(seriesOf: SeriesOf) {
    this.#seriesOf = seriesOf
  }

  /** Most requests of a route are like the one before: then three comparisons find the series. */
  find(method: string, status: number | undefined, errorType: string): Histogram {
    const last = this.#last
    if (last !== undefined && status === this.#status && method === this.#method && errorType === this.#errorType) {
      return last
    }
    const entry = this.#byMethod.get(method)?.get(status ?? -1)
    const found = errorType === '' ? entry?.plain : entry?.failed.get(errorType)
    if (found !== undefined) {
      this.#last = found
      this.#method = method
      this.#status = status
      this.#errorType = errorType
      return found
    }
    const known = knownMethod(method)
    return known === method ? this.#make(method, status, errorType) : this.find(known, status, errorType)
  }

  #make(method: string, status: number | undefined, errorType: string): Histogram {
    const made = this.#seriesOf(method, statusLabel(status), errorType)
    if (made.overflow) return made
    let statuses = this.#byMethod.get(method)
    if (statuses === undefined) this.#byMethod.set(method, (statuses = new Map()))
    let entry = statuses.get(status ?? -1)
    if (entry === undefined) statuses.set(status ?? -1, (entry = { plain: undefined, failed: new Map() }))
    if (errorType === '') entry.plain = made
    else if (entry.failed.size < mostErrorTypes) entry.failed.set(errorType, made)
    return made
  }
}

/**
 * Texts of error types remembered for one status. Different texts can share a series (labels are cut to a length), so the bound
 * of the series alone would not bound this map.
 */
const mostErrorTypes = 64
