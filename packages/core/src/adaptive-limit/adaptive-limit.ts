// The adaptive limit as a gate: it counts calls in flight, measures the admitted ones, lets an algorithm draw the limit from
// that, and queues the rest by importance. Invariants: it admits none while as many are in flight as the limit says; a limit
// that shrinks ends no call; what comes free goes to the first in line in the same turn. It holds no timer.
import type { Call } from '../call.ts'
import type { Outcome } from '../classify.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Environment } from '../environment.ts'
import { type ErrorEntry, OptionsError, stackless, SwitchgearError } from '../errors.ts'
import { PolicyEvents } from '../events.ts'
import { check, checkName } from '../options.ts'
import type { Gate } from '../policy.ts'
import type { AdaptiveLimitSnapshot } from '../snapshot.ts'
import { WaitQueue } from '../wait-queue.ts'
import { Aimd } from './aimd.ts'
import { clamped, type LimitAlgorithm, type LimitKind, type LimitRules } from './algorithm.ts'
import { Gradient2 } from './gradient2.ts'
import { type AdaptiveLimitOptions, complete, type CompleteOptions, defaults, isAlgorithm, rulesOf } from './options.ts'
import { Vegas } from './vegas.ts'

/** What is documented of `SG_LIMIT_REACHED`. */
export const adaptiveLimitEntry: ErrorEntry = {
  code: 'SG_LIMIT_REACHED',
  title: 'As many calls are in flight as the dependency was found to bear, and no place in the queue is left.',
  advice:
    'More load than the dependency can serve arrives: refusing some keeps the rest fast. If it stays so, add capacity. ' +
    'A waiting call is also refused when a more important one needs its place. The snapshot shows the limit and the latency it is held against.',
}

/**
 * Bounds the calls in flight by a limit that finds itself: it grows while the dependency keeps its latency and shrinks when
 * calls begin to queue there. Where important calls keep the queue full, less important ones may wait until their deadline.
 * With a queue it belongs outermost, like a bulkhead. By a call's time it means that of what stands inside, without the queue.
 *
 * @example
 * const search = pipeline(adaptiveLimit({ maxLimit: 100, maxQueue: 20 }), timeout('2s'))
 * await search.execute(query, { priority: 0 })
 */
export function adaptiveLimit(options: AdaptiveLimitOptions = {}): AdaptiveLimit {
  return new AdaptiveLimit(options)
}

const full = -1
const mayWait = -2
const displaced = -3

/** Milliseconds below which a difference in latency is the clock's. */
const shortestMs = 0.1

/** The gate that `adaptiveLimit` makes. A ticket is the number of calls in flight with which it was given. */
export class AdaptiveLimit implements Gate {
  readonly kind = 'gate'
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #options: CompleteOptions
  #algorithm: LimitAlgorithm
  /** The whole number that holds now. */
  #limit: number
  #clock: Clock = systemClock
  #adopted = false
  readonly #queue = new WaitQueue(4)
  #inFlight = 0
  #admitted = 0
  #rejections = 0

  constructor(options: AdaptiveLimitOptions) {
    const all = complete(defaults, options)
    checkName(options.name, 'adaptiveLimit')
    this.name = all.name
    this.#options = all
    const rules = rulesOf(all)
    this.#limit = clamped(all.initialLimit, rules)
    this.#algorithm = algorithmOf(all.algorithm, this.#limit, rules)
  }

  /** Calls in flight at most, at this moment. */
  get limit(): number {
    return this.#limit
  }

  get queues(): boolean {
    return this.#options.maxQueue > 0
  }

  /** The first pipeline that compiles it gives it time; a later one shares the state as it is. */
  adopt({ clock }: Environment): void {
    if (this.#adopted) return
    this.#adopted = true
    this.#clock = clock
    // What it may have measured by the old clock cannot be compared with what comes.
    const { limit, rules, baselineMs } = this.#algorithm
    this.#algorithm = algorithmOf(this.#options.algorithm, limit, rules, baselineMs)
  }

  /**
   * Changes options in place; those not named stay, and so does the limit, within new bounds. Calls in flight go on, also
   * above a smaller limit. Another algorithm starts from the limit of the old one. Throws `SG_BAD_OPTIONS` and then changes nothing.
   */
  update(options: AdaptiveLimitOptions): void {
    const all = complete(this.#options, options)
    check(all.name === this.name, 'adaptiveLimit.name', 'left as it is in an update', options.name)
    const rules = rulesOf(all)
    const limit = clamped(this.#algorithm.limit, rules)
    if (all.algorithm !== this.#options.algorithm) this.#algorithm = algorithmOf(all.algorithm, limit, rules)
    this.#algorithm.rules = rules
    this.#algorithm.limit = limit
    this.#options = all
    this.#move(limit, this.#clock.now())
  }

  enter(call: Call): number {
    // A getter that reads the clock once per try; who asks first decides what counts as the start.
    void call.startedAt
    // Whoever waits has found no slot free, and each that comes free is handed over: nobody can be overtaken here.
    if (this.#inFlight < this.#limit) {
      this.#admitted++
      return ++this.#inFlight
    }
    if (this.#queue.size < this.#options.maxQueue || this.#queue.yields(call)) return mayWait
    this.#reject(call)
    return full
  }

  canWait(ticket: number): boolean {
    return ticket === mayWait
  }

  wait(call: Call): Promise<number> {
    const isFull = this.#queue.size >= this.#options.maxQueue && !call.signal.aborted
    const other = isFull ? this.#queue.displace(call, displaced) : undefined
    if (isFull && other === undefined) {
      this.#reject(call)
      return Promise.resolve(full)
    }
    const ticket = this.#queue.wait(call)
    // Told when the place is taken: a listener may start calls.
    if (other !== undefined) this.#reject(other)
    // Outer gates were left since `enter`, and whoever heard of that may have freed a slot.
    this.#handOver()
    return ticket
  }

  refusal(call: Call, ticket: number): SwitchgearError {
    // Whoever cannot wait is refused although there was room in the queue; `enter` could not know.
    if (ticket === mayWait) this.#reject(call)
    const who = call.name === '' ? this.name : `${call.name}: ${this.name}`
    const numbers = `${this.#inFlight} calls in flight at a limit of ${this.#limit}, ${this.#queue.size} waiting`
    const message = `${who}: ${ticket === displaced ? 'a more important call took the place in the queue, ' : ''}${numbers}`
    return stackless(
      () => new SwitchgearError('SG_LIMIT_REACHED', message, { policy: this.name, pipeline: call.name, refusal: true }),
    )
  }

  settle(call: Call, ticket: number, outcome: Outcome): void {
    if (outcome === 'ignored') return
    const now = this.#clock.now()
    const rttMs = Math.max(shortestMs, now - call.startedAt)
    this.#move(this.#algorithm.sample(rttMs, ticket, outcome === 'failure', now), now)
  }

  exit(): void {
    this.#inFlight--
    this.#handOver()
  }

  snapshot(): AdaptiveLimitSnapshot {
    return {
      policy: 'adaptiveLimit',
      version: 1,
      name: this.name,
      algorithm: this.#options.algorithm,
      limit: this.#limit,
      baselineMs: this.#algorithm.baselineMs,
      inFlight: this.#inFlight,
      queued: this.#queue.size,
      totals: { admitted: this.#admitted, rejections: this.#rejections, queued: this.#queue.waited },
    }
  }

  /**
   * Takes over the limit of a snapshot, within the bounds of this gate, and its baseline where the algorithm is the same; not
   * the calls and totals. Throws `SG_BAD_OPTIONS`, and changes nothing, for what is not such a snapshot.
   */
  restore(snapshot: AdaptiveLimitSnapshot): void {
    const { policy, version, algorithm, limit, baselineMs } = snapshot ?? {}
    if (version !== 1)
      throw new OptionsError(`adaptiveLimit.restore: version ${String(version)} is not known, only 1 is`)
    const sound =
      policy === 'adaptiveLimit' &&
      isAlgorithm(algorithm) &&
      Number.isInteger(limit) &&
      limit >= 1 &&
      (baselineMs === undefined || (Number.isFinite(baselineMs) && baselineMs > 0))
    if (!sound) throw new OptionsError('adaptiveLimit.restore: this is not the snapshot of an adaptive limit')
    const { rules } = this.#algorithm
    const known = algorithm === this.#options.algorithm ? baselineMs : undefined
    this.#algorithm = algorithmOf(this.#options.algorithm, clamped(limit, rules), rules, known)
    this.#move(this.#algorithm.limit, this.#clock.now())
  }

  #move(exact: number, now: number): void {
    const [from, to] = [this.#limit, Math.floor(exact)]
    if (from === to) return
    this.#limit = to
    // First those who wait; a listener may start calls.
    this.#handOver()
    if (this.events.heard) this.events.publish({ type: 'limit', policy: this.name, from, to, at: now })
  }

  #handOver(): void {
    while (this.#inFlight < this.#limit && this.#queue.size > 0) {
      // Taken before the waiter hears of it, so that a call arriving in between cannot overtake it.
      this.#admitted++
      this.#queue.admit(++this.#inFlight)
    }
  }

  #reject(call: Call): void {
    this.#rejections++
    if (this.events.heard) {
      this.events.publish({ type: 'rejected', policy: this.name, pipeline: call.name, code: 'SG_LIMIT_REACHED' }, call)
    }
  }
}

function algorithmOf(kind: LimitKind, limit: number, rules: LimitRules, baselineMs?: number): LimitAlgorithm {
  if (kind === 'aimd') return new Aimd(limit, rules)
  return kind === 'vegas' ? new Vegas(limit, rules, baselineMs) : new Gradient2(limit, rules, baselineMs)
}
