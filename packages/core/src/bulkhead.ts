// The bulkhead gate: so many calls in flight and no more, with a bounded first-in-first-out queue for the rest, so that
// one slow dependency cannot take every socket and all memory. Invariant: a slot that comes free goes to the head of the
// queue in the same turn; nobody overtakes it; who aborts leaves the queue at once.
import type { Call } from './call.ts'
import { type ErrorEntry, stackless, SwitchgearError } from './errors.ts'
import { PolicyEvents } from './events.ts'
import { check, checkCount, checkKeys, checkName } from './options.ts'
import type { Gate } from './policy.ts'
import type { BulkheadSnapshot } from './snapshot.ts'
import { WaitQueue } from './wait-queue.ts'

/** What is documented of `SG_BULKHEAD_FULL`. */
export const bulkheadEntry: ErrorEntry = {
  code: 'SG_BULKHEAD_FULL',
  title: 'As many calls as allowed are in flight already, and the queue is full.',
  advice:
    "The dependency is slower than the load on it, or `maxInFlight` is too small for it: by Little's law it needs rate x latency slots. " +
    'A longer queue only adds waiting.',
}

/** Options of `bulkhead`. */
export interface BulkheadOptions {
  /** Name in errors, events and snapshots. Default 'bulkhead'. */
  readonly name?: string | undefined
  /** Calls in flight at most. Default 100. */
  readonly maxInFlight?: number | undefined
  /** Calls waiting at most. Default 0: refuse at once. */
  readonly maxQueue?: number | undefined
}

const defaults = Object.freeze({ name: 'bulkhead', maxInFlight: 100, maxQueue: 0 })

/**
 * Bounds the calls in flight. With a queue it belongs outermost: a pipeline refuses it inside another gate with a layer
 * between, because who waits would hold a permit of that gate.
 *
 * @example
 * const database = pipeline(bulkhead({ maxInFlight: 20, maxQueue: 50 }), timeout('2s'))
 */
export function bulkhead(options: BulkheadOptions = {}): Bulkhead {
  return new Bulkhead(options)
}

const full = -1
const mayWait = -2

/** The gate that `bulkhead` makes. */
export class Bulkhead implements Gate {
  readonly kind = 'gate'
  readonly ignoresCall = true
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #maxInFlight = 0
  #maxQueue = 0
  #inFlight = 0
  /** One lane: whoever came first goes on first, whatever its priority. */
  readonly #queue = new WaitQueue(1)
  #admitted = 0
  #rejections = 0

  constructor(options: BulkheadOptions) {
    checkKeys(options, defaults, 'bulkhead')
    checkName(options.name, 'bulkhead')
    this.name = options.name ?? defaults.name
    this.update({ ...defaults, ...options, name: this.name })
  }

  /** Changes the limits in place. A smaller limit lets those in flight finish; a larger one admits waiters now. */
  update(options: BulkheadOptions): void {
    checkKeys(options, defaults, 'bulkhead')
    check((options.name ?? this.name) === this.name, 'bulkhead.name', 'left as it is in an update', options.name)
    const maxInFlight = options.maxInFlight ?? (this.#maxInFlight || defaults.maxInFlight)
    const maxQueue = options.maxQueue ?? this.#maxQueue
    checkCount(maxInFlight, 'bulkhead.maxInFlight', 1)
    checkCount(maxQueue, 'bulkhead.maxQueue', 0)
    this.#maxInFlight = maxInFlight
    this.#maxQueue = maxQueue
    this.#handOver()
  }

  get queues(): boolean {
    return this.#maxQueue > 0
  }

  enter(call: Call): number {
    if (this.#inFlight < this.#maxInFlight && this.#queue.size === 0) {
      this.#inFlight++
      this.#admitted++
      return 0
    }
    if (this.#queue.size < this.#maxQueue) return mayWait
    this.#reject(call)
    return full
  }

  canWait(ticket: number): boolean {
    return ticket === mayWait
  }

  wait(call: Call): Promise<number> {
    const ticket = this.#queue.wait(call)
    // Outer gates were left since `enter`, and whoever heard of that may have freed a slot.
    this.#handOver()
    return ticket
  }

  refusal(call: Call, ticket: number): SwitchgearError {
    // Whoever cannot wait is refused although there was room in the queue; `enter` could not know.
    if (ticket === mayWait) this.#reject(call)
    const who = call.name === '' ? this.name : `${call.name}: ${this.name}`
    const message = `${who}: ${this.#inFlight} calls in flight and ${this.#queue.size} waiting are the most allowed`
    return stackless(
      () => new SwitchgearError('SG_BULKHEAD_FULL', message, { policy: this.name, pipeline: call.name, refusal: true }),
    )
  }

  settle(): void {}

  exit(): void {
    this.#inFlight--
    this.#handOver()
  }

  snapshot(): BulkheadSnapshot {
    return {
      policy: 'bulkhead',
      name: this.name,
      inFlight: this.#inFlight,
      queued: this.#queue.size,
      maxInFlight: this.#maxInFlight,
      maxQueue: this.#maxQueue,
      totals: { admitted: this.#admitted, rejections: this.#rejections, queued: this.#queue.waited },
    }
  }

  #handOver(): void {
    while (this.#inFlight < this.#maxInFlight && this.#queue.size > 0) {
      // Taken before the waiter hears of it, so that a call arriving in between cannot overtake it.
      this.#inFlight++
      this.#admitted++
      this.#queue.admit(0)
    }
  }

  #reject(call: Call): void {
    this.#rejections++
    if (this.events.heard) {
      this.events.publish({ type: 'rejected', policy: this.name, pipeline: call.name, code: 'SG_BULKHEAD_FULL' }, call)
    }
  }
}
