// The throttle as a gate: a client that refuses by itself what an overloaded dependency would refuse anyway, in the
// proportion in which it does ("Handling Overload" in Google's Site Reliability Engineering, 2016). Invariant: what is
// known is what the window holds; a call counts when it ends, so calls in flight and ignored ones are no evidence of
// anything.
import type { Call } from './call.ts'
import type { Outcome } from './classify.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Environment } from './environment.ts'
import { type ErrorEntry, OptionsError, stackless, SwitchgearError } from './errors.ts'
import { PolicyEvents } from './events.ts'
import {
  check,
  checkCount,
  checkKeys,
  checkName,
  checkObject,
  checkRange,
  type Duration,
  parseDuration,
} from './options.ts'
import type { Gate } from './policy.ts'
import { type Random, systemRandom } from './random.ts'
import type { ThrottleSnapshot } from './snapshot.ts'
import { ThrottleWindow } from './throttle-window.ts'

/** What is documented of `SG_THROTTLED`. */
export const throttledEntry: ErrorEntry = {
  code: 'SG_THROTTLED',
  title: 'The dependency accepts only a part of the calls, and this one was not sent.',
  advice:
    'Chance decided, in proportion to what failed lately, so another call may pass at any time. The dependency is ' +
    'overloaded or down: send less, or give it more capacity. A larger `k` refuses later.',
}

/** Options of `throttle`. */
export interface ThrottleOptions {
  /** Name in errors, events and snapshots. Default 'throttle'. */
  readonly name?: string | undefined
  /** How far back it looks, at least 10 ms. Default '2m'. */
  readonly window?: Duration | undefined
  /**
   * Calls that are sent per accepted one, at least 1. Nearer to 1 refuses sooner, and notices recovery later. Default
   * 2.
   */
  readonly k?: number | undefined
  /** Calls in the window before any is refused: too few neither hurt a dependency nor tell about it. Default 10. */
  readonly minimumThroughput?: number | undefined
  /**
   * Chance of a refusal at most, in [0, 1]. What is left of 1 keeps probing a dependency that accepts nothing. Default
   * 0.98.
   */
  readonly maxRefusalChance?: number | undefined
  /**
   * Whether each priority has a window of its own. A dependency that sheds the less important calls first is then not
   * held against the others. Default true.
   */
  readonly byPriority?: boolean | undefined
}

const defaults = Object.freeze({
  name: 'throttle',
  window: '2m' as Duration,
  k: 2,
  minimumThroughput: 10,
  maxRefusalChance: 0.98,
  byPriority: true,
})

/** Checked options as the gate uses them. */
interface Rules {
  readonly windowMs: number
  readonly k: number
  readonly minimumThroughput: number
  readonly maxRefusalChance: number
  readonly byPriority: boolean
}

/**
 * Adaptive throttling at the client: refuses with the chance (requests - k * accepts) / (requests + 1) of the last 2
 * minutes, where `requests` are those that ended and those that it refused. So at most about `k` calls are sent per
 * accepted one, however many are wanted, and while all goes well none is refused.
 *
 * A success counts as accepted and a failure as not; what a failure is, says the pipeline's classifier. A call counts
 * when it ends: counted when it began, a cold start with many slow calls would look like a dependency that accepts
 * none. What hangs is the affair of a timeout inside, which makes a failure of it. After a total outage the calls come
 * back exponentially, from the share that `maxRefusalChance` leaves.
 *
 * @example
 * const search = pipeline(retry(), throttle({ window: '30s' }), timeout('800ms'))
 */
export function throttle(options: ThrottleOptions = {}): Throttle {
  return new Throttle(options)
}

/** The gate that `throttle` makes. */
export class Throttle implements Gate {
  readonly kind = 'gate'
  readonly ignoresCall = true
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #options: ThrottleOptions
  #rules: Rules
  /** By priority, each made when the first call of it ends. A ticket is the place in here. */
  #windows: (ThrottleWindow | undefined)[] = []
  #clock: Clock = systemClock
  #random: Random = systemRandom
  /** Added to the clock, so that what was restored before the adoption keeps its age. */
  #offset = 0
  #adopted = false
  #admitted = 0
  #rejections = 0

  constructor(options: ThrottleOptions) {
    this.#rules = rulesOf(options)
    this.#options = { ...options }
    this.name = options.name ?? defaults.name
  }

  /** The first pipeline that compiles it gives it time and chance; a later one shares the state as it is. */
  adopt({ clock, random }: Environment): void {
    if (this.#adopted) return
    this.#adopted = true
    if (this.#windows.length > 0) this.#offset = this.#clock.now() - clock.now()
    this.#clock = clock
    this.#random = random
  }

  enter(call: Call): number {
    // The mask keeps a priority that is none from making windows without end.
    const ticket = this.#rules.byPriority ? call.priority & 3 : 0
    const window = this.#windows[ticket]
    // Where everything was accepted, what time takes away changes nothing: no clock is read.
    if (window === undefined || window.requests === window.accepts) {
      this.#admitted++
      return ticket
    }
    const now = this.#now()
    const chance = this.#chance(window, now)
    if (chance === 0 || this.#random() >= chance) {
      this.#admitted++
      return ticket
    }
    // It would have been sent: not counting it would let the others believe that the load has gone.
    window.record(now, false)
    this.#rejections++
    if (this.events.heard) {
      this.events.publish({ type: 'rejected', policy: this.name, pipeline: call.name, code: 'SG_THROTTLED' }, call)
    }
    return -1
  }

  refusal(call: Call): SwitchgearError {
    const who = call.name === '' ? this.name : `${call.name}: ${this.name}`
    const message = `${who}: refused by chance, because too few calls of late were accepted`
    return stackless(
      () => new SwitchgearError('SG_THROTTLED', message, { policy: this.name, pipeline: call.name, refusal: true }),
    )
  }

  settle(_call: Call, ticket: number, outcome: Outcome): void {
    if (outcome === 'ignored') return
    const { byPriority, windowMs } = this.#rules
    const accepted = outcome === 'success'
    ;(this.#windows[byPriority ? ticket : 0] ??= new ThrottleWindow(windowMs)).record(this.#now(), accepted)
  }

  exit(): void {}

  /**
   * Changes options in place; those not named stay. A changed window keeps what it can hold; a change of `byPriority`
   * starts with empty ones. Throws `SG_BAD_OPTIONS` and then changes nothing.
   */
  update(options: ThrottleOptions): void {
    checkObject(options, 'throttle')
    check((options.name ?? this.name) === this.name, 'throttle.name', 'left as it is in an update', options.name)
    const merged = { ...this.#options, ...options, name: this.name }
    const rules = rulesOf(merged)
    const now = this.#now()
    if (rules.byPriority !== this.#rules.byPriority) this.#windows = []
    else if (rules.windowMs !== this.#rules.windowMs) {
      this.#windows = this.#windows.map((old) => old && refilled(old.counts(now), rules.windowMs, now, 0))
    }
    this.#options = merged
    this.#rules = rules
  }

  snapshot(): ThrottleSnapshot {
    const now = this.#now()
    const priorities = Array.from({ length: 4 }, (_, at) => [...(this.#windows[at]?.counts(now) ?? [])])
    // Read after the counts, which have dropped what is too old.
    const windows = this.#windows.filter((window) => window !== undefined)
    return {
      policy: 'throttle',
      version: 1,
      name: this.name,
      takenAt: this.#clock.wallNow(),
      requests: windows.reduce((sum, { requests }) => sum + requests, 0),
      accepts: windows.reduce((sum, { accepts }) => sum + accepts, 0),
      refusalChance: Math.max(0, ...windows.map((window) => this.#chance(window, now))),
      priorities,
      totals: { admitted: this.#admitted, rejections: this.#rejections },
    }
  }

  /**
   * Takes over the counts of a snapshot as old as they are by now; totals are not taken over. Throws `SG_BAD_OPTIONS`
   * for what is not a snapshot.
   */
  restore(snapshot: ThrottleSnapshot): void {
    checkSnapshot(snapshot)
    const now = this.#now()
    // A wall clock that was set back must not make the counts younger than they were.
    const passedMs = Math.max(0, this.#clock.wallNow() - snapshot.takenAt)
    this.#windows = snapshot.priorities.map((counts) =>
      counts.length === 0 ? undefined : refilled(counts, this.#rules.windowMs, now, passedMs),
    )
  }

  #now(): number {
    return this.#clock.now() + this.#offset
  }

  #chance(window: ThrottleWindow, now: number): number {
    window.age(now)
    const { requests, accepts } = window
    const { k, minimumThroughput, maxRefusalChance } = this.#rules
    if (requests < minimumThroughput) return 0
    return Math.min(maxRefusalChance, Math.max(0, (requests - k * accepts) / (requests + 1)))
  }
}

type Counts = Iterable<readonly [number, number, number]>

/** A window of the counts that are not too old for it, each `passedMs` older than it was. */
function refilled(counts: Counts, lengthMs: number, now: number, passedMs: number): ThrottleWindow {
  const window = new ThrottleWindow(lengthMs)
  for (const [ageMs, requests, accepts] of counts) window.add(now, ageMs + passedMs, requests, accepts)
  return window
}

function rulesOf(options: ThrottleOptions): Rules {
  checkKeys(options, defaults, 'throttle')
  checkName(options.name, 'throttle')
  const { k = defaults.k, window = defaults.window, byPriority = defaults.byPriority } = options
  const { minimumThroughput = defaults.minimumThroughput, maxRefusalChance = defaults.maxRefusalChance } = options
  checkRange(k, 'throttle.k', 1, 1000)
  checkCount(minimumThroughput, 'throttle.minimumThroughput', 1)
  checkRange(maxRefusalChance, 'throttle.maxRefusalChance', 0, 1)
  check(typeof byPriority === 'boolean', 'throttle.byPriority', 'true or false', byPriority)
  return { k, windowMs: parseDuration(window, 'throttle.window', 10), minimumThroughput, maxRefusalChance, byPriority }
}

/** A snapshot comes from a file or another process: every field that is used is checked. */
function checkSnapshot(snapshot: ThrottleSnapshot): void {
  const { policy, version, takenAt, priorities } = snapshot ?? {}
  if (version !== 1) throw new OptionsError(`throttle.restore: version ${String(version)} is not known, only 1 is`)
  const isAmount = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0
  const isCount = (value: unknown): boolean => isAmount(value) && Number.isInteger(value) && (value as number) < 2 ** 32
  const sound =
    policy === 'throttle' &&
    isAmount(takenAt) &&
    Array.isArray(priorities) &&
    priorities.length === 4 &&
    priorities.every(
      (counts) =>
        Array.isArray(counts) &&
        counts.every(
          (count) =>
            Array.isArray(count) &&
            isAmount(count[0]) &&
            isCount(count[1]) &&
            isCount(count[2]) &&
            (count[1] as number) >= (count[2] as number),
        ),
    )
  if (!sound) throw new OptionsError('throttle.restore: this is not the snapshot of a throttle')
}
