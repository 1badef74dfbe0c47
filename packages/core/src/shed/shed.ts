// The load shedder: a server's own protection. While calls are in flight it measures by a timer how late the event loop is,
// and adapters may tell it how long requests waited; where one of the two stays too high, it refuses the least important
// calls, then more. Invariants: when to refuse is the law of `codel.ts`; the timer never keeps the process alive, and an idle
// shedder has none (where the clock's timers cannot be released: not even for the rest of one probe).
import type { Call } from '../call.ts'
import { type Clock, systemClock, type Timer } from '../clock.ts'
import type { Environment } from '../environment.ts'
import { type ErrorEntry, OptionsError, stackless, SwitchgearError } from '../errors.ts'
import { PolicyEvents } from '../events.ts'
import { check, checkName } from '../options.ts'
import type { Gate } from '../policy.ts'
import type { ShedSnapshot } from '../snapshot.ts'
import { Codel } from './codel.ts'
import { complete, type CompleteOptions, defaults, rulesOf, type ShedOptions } from './options.ts'

/** What is documented of `SG_SHED`. */
export const shedEntry: ErrorEntry = {
  code: 'SG_SHED',
  title: 'This process is overloaded and refuses calls of this importance.',
  advice:
    'Its event loop, or the queue in front of it, stayed late: it has more to do than it can. The least important calls go ' +
    'first; say what is important by `priority`. If it happens often, add instances or find what blocks the event loop.',
}

/** Milliseconds between two looks at the event loop. A loop that is blocked for less than this and the target goes unseen. */
const probeMs = 10

/** `refusedFrom` while nothing is refused: one more than the least important priority. */
const none = 4

/**
 * Refuses calls by priority while this process is overloaded: 3 first, then 2, then 1, and 0 only if told so. It belongs
 * outermost, at the entrance of a server. Calls without a priority have 1.
 *
 * @example
 * const entrance = shed({ target: '30ms' })
 * const requests = pipeline(entrance, timeout('5s'))
 * entrance.observe(performance.now() - arrivedAt) // where the adapter knows how long the request waited
 * await requests.execute(answer, { priority: isHealthCheck ? 0 : 2 })
 */
export function shed(options: ShedOptions = {}): Shed {
  return new Shed(options)
}

/** The gate that `shed` makes. */
export class Shed implements Gate {
  readonly kind = 'gate'
  readonly ignoresCall = true
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #options: CompleteOptions
  /** What the timer says, and what adapters say: apart, since a loop that is in time empties no queue elsewhere. */
  #loop: Codel
  #told: Codel
  #refusedFrom = none
  #clock: Clock = systemClock
  #adopted = false
  #timer: Timer | undefined = undefined
  #dueAt = 0
  #inFlight = 0
  #admitted = 0
  readonly #sheds: [number, number, number, number] = [0, 0, 0, 0]

  constructor(options: ShedOptions) {
    this.#options = complete(defaults, options)
    checkName(options.name, 'shed')
    this.name = this.#options.name
    this.#loop = new Codel(rulesOf(this.#options))
    this.#told = new Codel(this.#loop.rules)
  }

  /** Calls of this priority and of less important ones are refused now; 4 means none is. */
  get refusedFrom(): number {
    return this.#refusedFrom
  }

  /** The first pipeline that compiles it gives it time; a later one shares the state as it is. */
  adopt({ clock }: Environment): void {
    if (this.#adopted) return
    this.#adopted = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#clock = clock
    // What was measured by the old clock cannot be compared with what comes.
    this.#loop = new Codel(this.#loop.rules)
    this.#told = new Codel(this.#loop.rules)
    this.#follow(clock.now())
  }

  /**
   * For adapters: something waited so many milliseconds before it was begun (a request in the accept queue, a message in a
   * prefetch buffer), or a better source of the event loop's delay. Tell of short delays as well: only they end the refusing.
   */
  observe(delayMs: number): void {
    const isDelay = typeof delayMs === 'number' && delayMs >= 0 && delayMs < Infinity
    check(isDelay, 'shed.observe: delayMs', 'a number of ms >= 0', delayMs)
    const now = this.#clock.now()
    this.#told.observe(delayMs, now)
    this.#follow(now)
  }

  /** Changes options in place; those not named stay. Throws `SG_BAD_OPTIONS` and then changes nothing. */
  update(options: ShedOptions): void {
    const all = complete(this.#options, options)
    check(all.name === this.name, 'shed.name', 'left as it is in an update', options.name)
    const rules = rulesOf(all)
    this.#options = all
    for (const codel of [this.#loop, this.#told]) {
      codel.rules = rules
      codel.level = Math.min(codel.level, rules.most)
    }
    this.#follow(this.#clock.now())
  }

  enter(call: Call): number {
    if (this.#refusedFrom < none && call.priority >= this.#refusedFrom) {
      this.#reject(call)
      return -1
    }
    this.#admitted++
    this.#inFlight++
    if (this.#timer === undefined) this.#arm(this.#clock.now())
    return 0
  }

  refusal(call: Call): SwitchgearError {
    const who = call.name === '' ? this.name : `${call.name}: ${this.name}`
    const delayMs = Math.round(this.#delayMs)
    const message = `${who}: overloaded, ${delayMs} ms late, calls of priority ${this.#refusedFrom} and above are refused`
    return stackless(() => new ShedError(message, this.name, call.name, this.#loop.rules.intervalMs))
  }

  settle(): void {}

  exit(): void {
    this.#inFlight--
    // Setting and clearing a host timer per call would cost more than the call: it runs out by itself, holding nobody.
    if (this.#inFlight > 0 || this.#refusedFrom < none || this.#timer?.hold !== undefined) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  snapshot(): ShedSnapshot {
    this.#told.silent(this.#clock.now())
    const totals = { admitted: this.#admitted, sheds: [...this.#sheds] as const }
    return {
      policy: 'shed',
      version: 1,
      name: this.name,
      refusedFrom: this.#refusedFrom,
      delayMs: this.#delayMs,
      totals,
    }
  }

  /**
   * Takes over nothing, on purpose: whether a process is overloaded is a matter of its last 100 ms, and a new one is not. It
   * throws `SG_BAD_OPTIONS` for what is not the snapshot of a load shedder, as every `restore` does.
   */
  restore(snapshot: ShedSnapshot): void {
    const { policy, version } = snapshot ?? {}
    if (version !== 1) throw new OptionsError(`shed.restore: version ${String(version)} is not known, only 1 is`)
    if (policy !== 'shed') throw new OptionsError('shed.restore: this is not the snapshot of a load shedder')
  }

  get #delayMs(): number {
    return Math.max(this.#loop.delayMs, this.#told.delayMs)
  }

  #arm(now: number): void {
    this.#dueAt = now + probeMs
    this.#timer = this.#clock.setTimer(this.#probe, probeMs)
    this.#timer.hold?.(false)
  }

  readonly #probe = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    const lateMs = Math.max(0, now - this.#dueAt)
    this.#loop.observe(lateMs, now)
    // While the loop stood still nobody could tell anything: that was no silence.
    this.#told.silent(now - lateMs)
    this.#follow(now)
    // A handler that blocks the loop has often ended when this runs; whether the loop is in time again shows the next look.
    if (this.#timer === undefined && (this.#inFlight > 0 || lateMs >= this.#loop.rules.targetMs)) this.#arm(now)
  }

  /** Goes by the worse of the two. While it refuses, it looks on, for it must learn when to stop. */
  #follow(now: number): void {
    const [from, to] = [this.#refusedFrom, none - Math.max(this.#loop.level, this.#told.level)]
    this.#refusedFrom = to
    if (to < none && this.#timer === undefined) this.#arm(now)
    if (from !== to && this.events.heard) {
      this.events.publish({ type: 'shedding', policy: this.name, from, to, at: now })
    }
  }

  #reject(call: Call): void {
    // A priority that is none of ours (plain JavaScript may say anything) is the least important.
    const priority = this.#sheds[call.priority] === undefined ? 3 : call.priority
    this.#sheds[priority]++
    if (this.events.heard) {
      this.events.publish({ type: 'rejected', policy: this.name, pipeline: call.name, code: 'SG_SHED' }, call)
    }
  }
}

/** It knows about when another call has a chance: after one interval. */
class ShedError extends SwitchgearError {
  readonly #retryAfterMs: number

  constructor(message: string, policy: string, pipeline: string, retryAfterMs: number) {
    super('SG_SHED', message, { policy, pipeline, refusal: true })
    this.#retryAfterMs = retryAfterMs
  }

  override get retryAfterMs(): number {
    return this.#retryAfterMs
  }
}
