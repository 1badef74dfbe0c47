// What a key-value store holds of one service: keys, each with an endpoint as JSON. Invariant: a value that is not an endpoint
// concerns its own key only: it is told once, and what the key said before stays until it says something better or is deleted.
import {
  discoveryError,
  discoveryFull,
  badEndpoint,
  type ProblemListener,
  reasonOf,
  tellProblem,
} from '../directory-errors.ts'
import { type Endpoint, endpoint, type EndpointParts } from '../endpoint.ts'
import type { Snapshot } from '../resolver.ts'
import { sameEndpoint } from '../roster-comparison.ts'

/** Characters of a value; what an endpoint may be made of is less. */
const longestValue = 65_536

interface Held {
  readonly endpoint: Endpoint | undefined
  /** The text that was refused last. */
  readonly refused: string | undefined
}

/**
 * The keys of one service.
 *
 * @example
 * const keys = new KeyedEndpoints('etcd: payments', 10_000, onProblem)
 * keys.put('pod-1', '{"address":"10.0.0.1","port":4001}')
 * watcher.found(keys.snapshot())
 */
export class KeyedEndpoints {
  readonly #where: string
  readonly #most: number
  readonly #onProblem: ProblemListener
  readonly #held = new Map<string, Held>()
  readonly #left = new Set<string>()

  /** `where` begins every message. */
  constructor(where: string, most: number, onProblem: ProblemListener) {
    this.#where = where
    this.#most = most
    this.#onProblem = onProblem
  }

  /** Keys, also those whose value is not an endpoint. */
  get size(): number {
    return this.#held.size
  }

  /** Their names. */
  get ids(): IterableIterator<string> {
    return this.#held.keys()
  }

  /** A key has this value now. Throws `SG_DISCOVERY_FULL` when there are too many. */
  put(id: string, text: string): void {
    const held = this.#held.get(id)
    if (held === undefined && this.#held.size >= this.#most)
      throw discoveryError(discoveryFull, `${this.#where} has more than ${this.#most} endpoints (maxEndpoints)`)
    this.#left.delete(id)
    if (held?.refused === text) return
    try {
      const read = endpointOf(id, text)
      const isSame = held?.endpoint !== undefined && sameEndpoint(held.endpoint, read)
      this.#held.set(id, { endpoint: isSame ? held.endpoint : read, refused: undefined })
    } catch (error) {
      this.#held.set(id, { endpoint: held?.endpoint, refused: text })
      const what = held?.endpoint === undefined ? 'it is left out' : 'it stays as it was'
      const message = `${this.#where}: the value of '${id.slice(0, 256)}' is not an endpoint; ${what}: ${reasonOf(error)}`
      tellProblem(this.#onProblem, discoveryError(badEndpoint, message, error))
    }
  }

  /** Somebody deleted a key: its endpoint has left. */
  delete(id: string): void {
    if (this.#held.delete(id)) this.#left.add(id)
  }

  /** The time of a key is over. Its owner may only be cut off from the store, so its endpoint is missing and has not left. */
  expire(id: string): void {
    this.#held.delete(id)
  }

  /** Keys that are not among these are not there any more; nobody said why. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#held.keys()) if (!ids.has(id)) this.#held.delete(id)
  }

  /** What there is, with everything that has left since the last one. */
  snapshot(): Snapshot {
    const endpoints = [...this.#held.values()].flatMap(({ endpoint }) => endpoint ?? [])
    const left = [...this.#left]
    this.#left.clear()
    return { endpoints, complete: true, left }
  }
}

/** Fields that are not ours are let pass: others may keep more there. */
function endpointOf(id: string, text: string): Endpoint {
  if (text.length > longestValue) throw new Error(`it has more than ${longestValue} characters`)
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is not an object')
  return endpoint({ ...(value as EndpointParts), id }, 'value')
}
