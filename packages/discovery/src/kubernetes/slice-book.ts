// All EndpointSlices of one service, and the endpoints they add up to: a state machine without time. Invariant: an endpoint is said to
// have left only by events that followed each other without a gap; after a new list it is merely missing.
import { isIP } from 'node:net'
import type { Endpoint } from '../endpoint.ts'
import type { Snapshot } from '../resolver.ts'
import type { SliceReading } from './slice.ts'

interface Held {
  readonly reading: SliceReading
  /** Grows with each change of any slice: when the same endpoint stands in two of them, the newer one is right. */
  readonly stamp: number
}

/**
 * The slices of one service by their names.
 *
 * @example
 * const book = new SliceBook()
 * book.replace(new Map([['payments-x7k', reading]]))
 * book.remove('payments-x7k')
 * book.snapshot().left // the ids of its endpoints
 */
export class SliceBook {
  readonly #slices = new Map<string, Held>()
  /** Ids as of the last snapshot, as far as events have followed since then without a gap. */
  #before: ReadonlySet<string> = new Set()
  #stamp = 0

  /** A whole list: what was before and is not in it is missing. */
  replace(readings: ReadonlyMap<string, SliceReading>): void {
    this.#slices.clear()
    this.#before = new Set()
    this.#stamp++
    for (const [name, reading] of readings) this.#slices.set(name, { reading, stamp: this.#stamp })
  }

  /** An event: a slice is new or another. */
  put(name: string, reading: SliceReading): void {
    this.#slices.set(name, { reading, stamp: ++this.#stamp })
  }

  /** An event: a slice was deleted. */
  remove(name: string): void {
    this.#slices.delete(name)
  }

  get size(): number {
    return this.#slices.size
  }

  has(name: string): boolean {
    return this.#slices.has(name)
  }

  /** The first reason why something of the slices could not be used. */
  get problem(): string | undefined {
    for (const { reading } of this.#slices.values()) if (reading.problem !== undefined) return reading.problem
    return undefined
  }

  /** All endpoints, each once, in the order of their ids; `left` says which have gone by events since the last snapshot. */
  snapshot(): Snapshot {
    const merged = new Map<string, { readonly endpoint: Endpoint; readonly stamp: number }>()
    const slices = [...this.#slices].toSorted(([one], [other]) => (one < other ? -1 : 1))
    for (const [, { reading, stamp }] of slices)
      for (const endpoint of reading.endpoints) {
        const twin = merged.get(endpoint.id)
        if (twin === undefined || supersedes(endpoint, stamp, twin.endpoint, twin.stamp))
          merged.set(endpoint.id, { endpoint, stamp })
      }
    // Of a slice that cannot be used in part nobody said that its endpoints have gone.
    const left = this.problem === undefined ? [...this.#before].filter((id) => !merged.has(id)) : []
    this.#before = new Set(merged.keys())
    const endpoints = [...merged.values()].map(({ endpoint }) => endpoint)
    endpoints.sort((one, other) => (one.id < other.id ? -1 : 1))
    return left.length === 0 ? { endpoints, complete: true } : { endpoints, complete: true, left }
  }
}

/** Of a pod with addresses of both families IPv4 stays, whichever slice is newer, or it would change its address at each event. */
function supersedes(endpoint: Endpoint, stamp: number, twin: Endpoint, twinStamp: number): boolean {
  const rank = familyRank(endpoint)
  const twinRank = familyRank(twin)
  return rank === twinRank ? stamp > twinStamp : rank < twinRank
}

function familyRank({ address }: Endpoint): number {
  const family = isIP(address)
  return family === 4 ? 0 : family === 6 ? 1 : 2
}
