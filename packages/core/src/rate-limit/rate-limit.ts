// The rate limit as a gate: whose quota a call takes from, what goes back, totals, refusals and events. How quotas are
// counted is the affair of `bucket.ts`, where they are kept that of the store. Invariant: a refused call takes nothing,
// and no trouble with a store or a key function stops a call.
import type { Call } from '../call.ts'
import type { Outcome } from '../classify.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Environment } from '../environment.ts'
import { stackless, SwitchgearError } from '../errors.ts'
import { PolicyEvents } from '../events.ts'
import { check, checkObject } from '../options.ts'
import type { Gate } from '../policy.ts'
import type { RateLimitSnapshot } from '../snapshot.ts'
import { forget, isPromise, isState, isWait } from './answers.ts'
import { fieldsOf, quote, RateLimitedError, type RateLimitFields } from './limited-error.ts'
import { LocalStore } from './local-store.ts'
import { type RateLimitOptions, type Settings, settingsOf } from './options.ts'
import { checkSnapshot } from './restoration.ts'
import type { RateLimitRule, RateLimitState, RateLimitStore } from './store.ts'

/** What is left of one key, for a server that tells its clients. */
export interface RateLimitQuota extends RateLimitState {
  /** Calls per window. */
  readonly limit: number
  readonly rateLimit: RateLimitFields
}

/**
 * Admits so many calls per window and key: by default 100 a second, for `call.key`.
 *
 * A rate is a rate: calls that fail, and calls that their caller aborts, have used their part. Only a call that did not run, in
 * no attempt, gives back what it took: one that another policy refused, or that ended in a queue.
 *
 * @example
 * const api = pipeline({ name: 'api' }, rateLimit({ limit: 600, window: '1m', burst: 50 }), circuitBreaker())
 * await api.execute(answer, { key: tenant })
 */
export function rateLimit(options: RateLimitOptions = {}): RateLimit {
  return new RateLimit(options)
}

/** The ticket of a call that took nothing, because the store did not say. All others are the time at which they took. */
const untaken = Infinity

/** The gate that `rateLimit` makes. */
export class RateLimit implements Gate {
  readonly kind = 'gate'
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #options: RateLimitOptions
  #settings: Settings
  readonly #store: RateLimitStore
  /** The same store where it is in process. */
  readonly #local: LocalStore | undefined
  readonly #label: string
  #clock: Clock = systemClock
  /** Where the time of the store begins, so that a ticket is never negative. */
  #zero: number = systemClock.now()
  #adopted = false
  #admitted = 0
  #rejections = 0
  #givenBack = 0
  #storeErrors = 0

  constructor(options: RateLimitOptions) {
    this.#settings = settingsOf(options)
    this.#options = { ...options }
    this.name = this.#settings.rule.name
    this.#label = quote(this.name)
    this.#local = options.store === undefined ? new LocalStore(this.#settings.maxKeys) : undefined
    this.#store = options.store ?? (this.#local as LocalStore)
  }

  /** The first pipeline that compiles it gives it time; a later one shares the state as it is. */
  adopt({ clock }: Environment): void {
    if (this.#adopted) return
    this.#adopted = true
    // What was restored before keeps its age on the new clock.
    const time = (this.#local?.size ?? 0) === 0 ? 0 : this.#now()
    this.#clock = clock
    this.#zero = clock.now() - time
  }

  enter(call: Call): number {
    const now = this.#now()
    const { rule } = this.#settings
    const waitMs = this.#take(call, now, rule)
    if (waitMs === undefined) {
      // A store that is broken must not become the outage; the count tells of it.
      this.#storeFailed()
      this.#admitted++
      return untaken
    }
    if (!(waitMs > 0)) {
      this.#admitted++
      return now
    }
    this.#rejections++
    if (this.events.heard) {
      this.events.publish({ type: 'rejected', policy: this.name, pipeline: call.name, code: 'SG_RATE_LIMITED' }, call)
    }
    return -waitMs
  }

  refusal(call: Call, ticket: number): SwitchgearError {
    const { rule } = this.#settings
    const who = call.name === '' ? this.name : `${call.name}: ${this.name}`
    const message = `${who}: more than ${rule.limit} calls per ${rule.windowMs} ms`
    const terms = { clock: this.#clock, until: this.#clock.now() - ticket, label: this.#label, rule }
    const parts = { policy: this.name, pipeline: call.name, refusal: true }
    return stackless(() => new RateLimitedError(message, parts, terms))
  }

  settle(call: Call, ticket: number, outcome: Outcome): void {
    // Only a call that did not run gives back. If an abort alone did, whoever cancels in time could call without limit.
    if (outcome !== 'ignored' || ticket === untaken || call.ran === true) return
    try {
      const answer: unknown = this.#store.giveBack(this.#keyOf(call), this.#now(), ticket, this.#settings.rule)
      if (isPromise(answer)) Promise.resolve(answer).then(this.#gaveBack, this.#storeFailed)
      else this.#gaveBack()
    } catch {
      // As above: counted, and the call goes on. What it took is lost until it is refilled.
      this.#storeFailed()
    }
  }

  exit(): void {}

  /**
   * What is left of a key, taking nothing: for the header fields of answers that were not refused.
   *
   * @example
   * const { rateLimit } = limit.quota(tenant)
   * headers.set('RateLimit-Policy', rateLimit.policy)
   * headers.set('RateLimit', rateLimit.limit)
   */
  quota(key: string = ''): RateLimitQuota {
    const { rule } = this.#settings
    let state: RateLimitState = { remaining: rule.burst, retryAfterMs: 0, resetMs: 0 }
    try {
      const answer: unknown = this.#store.look(key, this.#now(), rule)
      if (isState(answer)) state = answer
      else {
        forget(answer)
        this.#storeFailed()
      }
    } catch {
      // The next call would be admitted, so that is what is told.
      this.#storeFailed()
    }
    const { remaining, retryAfterMs, resetMs } = state
    const rateLimit = fieldsOf(this.#label, rule, remaining, retryAfterMs)
    return { limit: rule.limit, remaining, retryAfterMs, resetMs, rateLimit }
  }

  /**
   * Changes options in place; those not named stay, the store always does. Every key keeps the share of its quota that
   * it has used: an empty bucket stays empty whatever its new size. Throws `SG_BAD_OPTIONS` and then changes nothing.
   */
  update(options: RateLimitOptions): void {
    checkObject(options, 'rateLimit')
    for (const key of ['name', 'store'] as const) {
      const was = key === 'name' ? this.name : this.#options.store
      check((options[key] ?? was) === was, `rateLimit.${key}`, 'left as it is in an update', options[key])
    }
    const merged = { ...this.#options, ...options, name: this.name, store: this.#options.store }
    const settings = settingsOf(merged)
    this.#local?.adapt(this.#settings.rule, settings.rule, settings.maxKeys, this.#now())
    this.#options = merged
    this.#settings = settings
  }

  /** Lists the keys in process, unless it shall be `brief`; what another store keeps is its own affair. */
  snapshot(brief = false): RateLimitSnapshot {
    const local = this.#local
    return {
      policy: 'rateLimit',
      version: 1,
      name: this.name,
      takenAt: this.#clock.wallNow(),
      buckets: (brief ? undefined : local?.used(this.#now(), this.#settings.rule)) ?? [],
      keys: local?.size ?? 0,
      totals: {
        admitted: this.#admitted,
        rejections: this.#rejections,
        givenBack: this.#givenBack,
        evicted: local?.evicted ?? 0,
        storeErrors: this.#storeErrors,
      },
    }
  }

  /**
   * Takes over what every key had used, less what the wall time since then has refilled; totals are not taken over.
   * Throws `SG_BAD_OPTIONS` for what is not a snapshot.
   */
  restore(snapshot: RateLimitSnapshot): void {
    checkSnapshot(snapshot)
    const now = this.#now()
    // A wall clock that was set back must not lengthen a wait.
    const passedMs = Math.max(0, this.#clock.wallNow() - snapshot.takenAt)
    this.#local?.replace(snapshot.buckets, now - passedMs, now, this.#settings.rule)
  }

  /** What the store answered; undefined where it threw, or answered no number. */
  #take(call: Call, now: number, rule: RateLimitRule): number | undefined {
    try {
      const answer: unknown = this.#store.take(this.#keyOf(call), now, rule)
      if (isWait(answer)) return answer
      forget(answer)
    } catch {
      // Whoever asked counts it.
    }
    return undefined
  }

  readonly #gaveBack = (): void => {
    this.#givenBack++
  }

  readonly #storeFailed = (): void => {
    this.#storeErrors++
  }

  #now(): number {
    return Math.max(0, this.#clock.now() - this.#zero)
  }

  #keyOf(call: Call): string {
    const { key } = this.#settings
    if (key === undefined) return call.key ?? ''
    try {
      return String(key(call) ?? '')
    } catch {
      // A call whose key is unknown must not be free of the limit; it shares that of calls without a key.
      return ''
    }
  }
}
