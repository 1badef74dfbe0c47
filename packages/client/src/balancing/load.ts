// The account of one endpoint: calls under way, how long it takes, what its failures are charged as, and its share while it starts
// slowly. A failure that comes at once must not look like a fast and idle endpoint, so it costs twice: it counts as a call under way
// for some time after it, and a run of failures adds to the latency. Invariants: settling allocates nothing and takes no look at any
// clock; whatever is charged fades by time alone, so that an endpoint that is avoided is tried again.
import type { Outcome } from '@switchgear/core'
import { checkKeys, checkRange, type Duration, parseDuration } from '@switchgear/core/options'

/** How endpoints are weighed. */
export interface LoadOptions {
  /** An endpoint that appears or returns gets a share that grows from 10 % to its whole in this time; 0 gives all at once. Default '30s'. */
  readonly slowStart?: Duration | undefined
  /** The form of that growth, in [0.1, 10]: 1 is linear, more gives more at the beginning, less gives less. Default 1. */
  readonly aggression?: number | undefined
  /** How fast the moving average of the latency forgets a peak: after so long 37 % of it is left. Default '10s'. */
  readonly timeConstant?: Duration | undefined
  /**
   * What a failure is charged as: a call of this duration. An endpoint that only fails has it added to its latency too. It should
   * be longer than good answers usually take; 0 charges nothing. Default '1s'.
   */
  readonly failurePenalty?: Duration | undefined
}

/** Checked options, shared by all endpoints of a service. */
export interface LoadSettings {
  readonly slowStartMs: number
  /** The share grows with this power of time. */
  readonly exponent: number
  readonly timeConstantMs: number
  readonly penaltyMs: number
}

const defaults = Object.freeze({ slowStart: '30s', aggression: 1, timeConstant: '10s', failurePenalty: '1s' })

/**
 * Checks options. Throws `SG_BAD_OPTIONS` naming `path`.
 *
 * @example
 * const settings = loadSettings({ slowStart: '10s' }, 'services.payments.load')
 */
export function loadSettings(options: LoadOptions = {}, path: string = 'load'): LoadSettings {
  checkKeys(options, defaults, path)
  const { slowStart = defaults.slowStart, aggression = defaults.aggression } = options
  const { timeConstant = defaults.timeConstant, failurePenalty = defaults.failurePenalty } = options
  checkRange(aggression, `${path}.aggression`, 0.1, 10)
  return Object.freeze({
    slowStartMs: parseDuration(slowStart, `${path}.slowStart`),
    exponent: 1 / aggression,
    timeConstantMs: parseDuration(timeConstant, `${path}.timeConstant`, 1),
    penaltyMs: parseDuration(failurePenalty, `${path}.failurePenalty`),
  })
}

/** The share at the beginning of a slow start. */
const leastShare = 0.1
/** Weight of one result in the share of failures: a run of five makes half. */
const oneResult = 1 / 8
/** Less than this of a charge is nothing: a charge that only fades would lose every tie with an idle endpoint for ever. */
const negligible = 0.05

/**
 * The load of one endpoint. All times are monotonic milliseconds of one clock, which is the caller's.
 *
 * @example
 * const load = new Load(loadSettings(), 1, clock.now())
 * load.enter(now)
 * load.settle('success', 12, now + 12)
 * load.exit()
 * load.latencyMs(now + 12) // 12
 */
export class Load {
  /** The configured weight; may be set when the endpoint's changes. */
  fullWeight: number
  readonly #settings: LoadSettings
  #inFlight = 0
  #since: number
  /** Peak EWMA and the share of failures, both as of `#at`. */
  #peakMs = 0
  #failing = 0
  #at = -Infinity
  /** Plain average of good answers: what a failure is taken to have cost at least. */
  #goodMs = 0
  /** Failures as calls under way, as of `#chargedAt`. */
  #charged = 0
  #chargedAt = -Infinity

  /** An endpoint that appeared at `since`; `-Infinity` for one that has long been there, which starts with its whole share. */
  constructor(settings: LoadSettings, weight: number, since: number) {
    this.#settings = settings
    this.fullWeight = weight
    this.#since = since
  }

  /** Calls that have entered and not exited; a request and its body count as one. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** A call begins. */
  enter(_now: number): void {
    this.#inFlight++
  }

  /**
   * What became of a call; may come again with 'failure' when a body breaks after a success. Of an ignored one only so much is
   * known that it took at least `tookMs`.
   */
  settle(outcome: Outcome, tookMs: number, now: number): void {
    if (outcome === 'ignored') {
      if (tookMs > this.#peakMs * this.#fade(now)) this.#observe(tookMs, now)
    } else if (outcome === 'success') {
      this.#observe(tookMs, now)
      this.#failing *= 1 - oneResult
      this.#goodMs += (tookMs - this.#goodMs) * (this.#goodMs === 0 ? 1 : oneResult)
    } else {
      this.#observe(Math.max(tookMs, this.#goodMs), now)
      this.#failing += (1 - this.#failing) * oneResult
      if (this.#settings.penaltyMs > 0) this.#charged = this.#chargedNow(now) + 1
      this.#chargedAt = now
    }
  }

  /** A call ends. */
  exit(): void {
    if (this.#inFlight > 0) this.#inFlight--
  }

  /** Calls under way, and failures of the last time as such: each begins as 1 and fades with the penalty as its time constant. */
  load(now: number): number {
    return this.#charged === 0 ? this.#inFlight : this.#inFlight + this.#chargedNow(now)
  }

  /**
   * Peak EWMA after Finagle: a longer latency counts at once and fully, a shorter one by the time since the last; without answers it
   * fades. 0 before the first answer: unknown. The penalty is added by the square of the share of failures, because one failure
   * among many good answers must hardly matter and a run of them must.
   */
  latencyMs(now: number): number {
    if (this.#at === -Infinity) return 0
    const fade = this.#fade(now)
    const failing = this.#failing * fade
    return this.#peakMs * fade + this.#settings.penaltyMs * failing * failing
  }

  /** The configured weight times the share of the slow start. The whole at `Infinity`. */
  weight(now: number): number {
    const { slowStartMs, exponent } = this.#settings
    const age = now - this.#since
    if (age >= slowStartMs) return this.fullWeight
    const grown = exponent === 1 ? age / slowStartMs : Math.max(0, age / slowStartMs) ** exponent
    return this.fullWeight * (leastShare + (1 - leastShare) * Math.max(0, grown))
  }

  /** It has returned after an absence: it starts slowly again, and what was known of it is forgotten. Calls under way stay. */
  restart(now: number): void {
    this.#since = now
    this.#peakMs = this.#goodMs = this.#failing = this.#charged = 0
    this.#at = this.#chargedAt = -Infinity
  }

  #observe(tookMs: number, now: number): void {
    const fade = this.#fade(now)
    this.#peakMs = tookMs > this.#peakMs ? tookMs : this.#peakMs * fade + tookMs * (1 - fade)
    this.#failing *= fade
    if (now > this.#at) this.#at = now
  }

  /** What is left at `now` of what was known at `#at`. */
  #fade(now: number): number {
    const passed = now - this.#at
    return passed > 0 ? Math.exp(-passed / this.#settings.timeConstantMs) : 1
  }

  #chargedNow(now: number): number {
    const passed = now - this.#chargedAt
    const left = passed > 0 ? this.#charged * Math.exp(-passed / this.#settings.penaltyMs) : this.#charged
    return left < negligible ? 0 : left
  }
}
