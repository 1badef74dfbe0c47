// The coalescing layer: calls with one key share one flight through the rest. Every caller lies on the stack of its own call,
// so that its abort, timeout or deadline takes only itself out; the flight ends early when the last one has left.
// Invariant: a flight is forgotten in the turn in which it ends, so nobody ever joins a result.
import type { Call, CallRecord } from '../call.ts'
import { PolicyEvents } from '../events.ts'
import { check, checkCount, checkKeys, checkName } from '../options.ts'
import type { Layer, Next } from '../policy.ts'
import { Flight } from './flight.ts'
import { rejected } from '../rejection.ts'
import type { CoalesceSnapshot } from '../snapshot.ts'

/** Options of `coalesce`. */
export interface CoalesceOptions {
  /** Name in events and snapshots. Default 'coalesce'. */
  readonly name?: string | undefined
  /** What a call is about; a call without a key runs on its own. Default: the `key` of the call. */
  readonly key?: ((call: Call) => string | undefined) | undefined
  /** Flights at most; while there are so many, a call with a new key runs on its own. Default 1000. */
  readonly maxFlights?: number | undefined
  /**
   * What all callers but the last get instead of the value itself, for values that can be used once or are changed by their
   * users: `(response: Response) => response.clone()`. Default: all callers get the same object.
   */
  readonly copy?: ((value: never) => unknown) | undefined
}

const defaults = Object.freeze({
  name: 'coalesce',
  key: (call: Call): string | undefined => call.key,
  maxFlights: 1000,
  copy: (value: unknown): unknown => value,
})

/**
 * One flight per key: a call that comes while another one with its key is running gets that one's answer, value or error. The
 * flight has the priority of its first caller and nobody's deadline; a timeout inside bounds it. A function that calls the
 * same pipeline with its own key waits for itself.
 *
 * All callers get the same object, and the same error: none of them should write to it. Without `copy`, a value that several
 * callers got is never given to the classifier's `discard`.
 *
 * @example
 * const users = pipeline(cache({ ttl: '5s' }), coalesce(), circuitBreaker(), timeout('1s'))
 * await users.execute(({ signal }) => fetchUser(id, { signal }), { key: id })
 */
export function coalesce(options: CoalesceOptions = {}): Coalesce {
  return new Coalesce(options)
}

/** The layer that `coalesce` makes. Its state is the flights; given to two pipelines, they share them. */
export class Coalesce implements Layer {
  readonly kind = 'layer'
  readonly repeats = true
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  readonly #byKey = new Map<string, Flight>()
  #options: CoalesceOptions = {}
  #key: (call: Call) => string | undefined = defaults.key
  #maxFlights: number = defaults.maxFlights
  #copy: (value: unknown) => unknown = defaults.copy
  readonly #totals = { flights: 0, joined: 0, alone: 0 }

  constructor(options: CoalesceOptions) {
    checkKeys(options, defaults, 'coalesce')
    checkName(options.name, 'coalesce')
    this.name = options.name ?? defaults.name
    this.update(options)
  }

  /** Changes options in place; `undefined` means the default again. Flights go on. */
  update(options: CoalesceOptions): void {
    checkKeys(options, defaults, 'coalesce')
    check((options.name ?? this.name) === this.name, 'coalesce.name', 'left as it is in an update', options.name)
    const merged = { ...this.#options, ...options }
    const { key = defaults.key, maxFlights = defaults.maxFlights, copy = defaults.copy } = merged
    check(typeof key === 'function', 'coalesce.key', 'a function', key)
    checkCount(maxFlights, 'coalesce.maxFlights', 1)
    check(typeof copy === 'function', 'coalesce.copy', 'a function', copy)
    this.#options = merged
    this.#key = key
    this.#maxFlights = maxFlights
    // The parameter is `never` so that a user may write the type that the functions return; here it is unknown again.
    this.#copy = copy as (value: unknown) => unknown
  }

  wrap(next: Next): Next {
    return (call) => {
      try {
        const key = call.idempotent ? this.#key(call) : undefined
        return typeof key === 'string' ? this.#run(call, key, next) : next(call)
      } catch (error) {
        // A function of the options threw: like everything here, that is a rejection.
        return rejected(error)
      }
    }
  }

  snapshot(): CoalesceSnapshot {
    return { policy: 'coalesce', name: this.name, inFlight: this.#byKey.size, totals: { ...this.#totals } }
  }

  #run(call: CallRecord, key: string, next: Next): Promise<unknown> {
    const flight = this.#byKey.get(key)
    if (flight !== undefined) {
      this.#totals.joined++
      const answer = flight.join(call)
      if (this.events.heard)
        this.events.publish({ type: 'coalesced', policy: this.name, pipeline: call.name, key }, call)
      return answer
    }
    if (this.#byKey.size >= this.#maxFlights) {
      this.#totals.alone++
      return next(call)
    }
    this.#totals.flights++
    const started = new Flight(call, this.#copy, () => this.#byKey.delete(key))
    this.#byKey.set(key, started)
    return started.begin(call, next)
  }
}
