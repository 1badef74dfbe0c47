// The hedge layer: a second attempt beside a first one that is slow, under a budget. When to begin it is decided here, from
// a fixed delay or from how long first attempts take; how attempts run side by side stands in `race.ts`.
// It never repeats what failed (that is for `retry`), and never runs twice what must not be repeated.
import type { CallRecord } from '../call.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Environment } from '../environment.ts'
import { OptionsError } from '../errors.ts'
import { PolicyEvents } from '../events.ts'
import {
  check,
  checkCount,
  checkKeys,
  checkMethods,
  checkName,
  checkRatio,
  type Duration,
  parseDuration,
} from '../options.ts'
import type { Layer, Next, ResultHandlers } from '../policy.ts'
import { type RetryBudget, retryBudget } from '../retry-budget.ts'
import type { HedgeSnapshot } from '../snapshot.ts'
import { Latencies } from './latencies.ts'
import { type RaceRules, Races } from './race.ts'

/** Options of `hedge`. */
export interface HedgeOptions {
  /** Name in errors, events and snapshots. Default 'hedge'. */
  readonly name?: string | undefined
  /** After how long without an answer another attempt starts. Default: what `percentile` of the first attempts took. */
  readonly delay?: Duration | undefined
  /** In (0, 1]; not used where `delay` is given. Default 0.95: about one call in twenty is hedged. */
  readonly percentile?: number | undefined
  /** The delay until 20 first attempts have succeeded; not used where `delay` is given. Default: none, no hedge before. */
  readonly initialDelay?: Duration | undefined
  /** Attempts beside the first at most, each after a further delay; 0 switches hedging off. Default 1. */
  readonly maxHedges?: number | undefined
  /**
   * Bounds hedges to a share of the calls. Default: one of its own, 10 % and 1 a second. It may be the one of a retry; where
   * both stand in one pipeline a call then deposits twice, once for each, so give that budget half the ratio.
   */
  readonly budget?: RetryBudget | undefined
}

const defaults = Object.freeze({
  name: 'hedge',
  delay: undefined as Duration | undefined,
  percentile: 0.95,
  initialDelay: undefined as Duration | undefined,
  maxHedges: 1,
  budget: undefined as RetryBudget | undefined,
})

/**
 * Starts a second attempt when the first is slow, and answers with whichever succeeds first. Listing it says that the function
 * may run twice at the same time; `execute(fn, { idempotent: false })` turns it off for one call. The attempt that is not
 * needed is aborted with `SG_HEDGE_LOST`. Where all fail, the first real failure is the answer.
 *
 * @example
 * const search = pipeline(timeout('1s'), hedge(), circuitBreaker())
 * await search.execute(({ signal }) => fetch(url, { signal }))
 */
export function hedge(options: HedgeOptions = {}): Hedge {
  return new Hedge(options)
}

/** The layer that `hedge` makes. Its state is what it has counted and how long first attempts take. */
export class Hedge implements Layer, RaceRules {
  readonly kind = 'layer'
  readonly repeats = true
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  readonly #ownBudget: RetryBudget = retryBudget({ ratio: 0.1, minPerSecond: 1 })
  readonly #latencies: Latencies = new Latencies(defaults.percentile)
  #options: HedgeOptions = {}
  #fixedMs: number | undefined = undefined
  #initialMs: number | undefined = undefined
  #maxHedges = 0
  #budget: RetryBudget = this.#ownBudget
  #clock: Clock = systemClock
  #hedges = 0
  #wins = 0
  #unaffordable = 0

  constructor(options: HedgeOptions) {
    checkKeys(options, defaults, 'hedge')
    checkName(options.name, 'hedge')
    this.name = options.name ?? defaults.name
    this.update(options)
  }

  /** Changes options in place; `undefined` means the default again. What is known of latencies stays, and so do running calls. */
  update(options: HedgeOptions): void {
    checkKeys(options, defaults, 'hedge')
    check((options.name ?? this.name) === this.name, 'hedge.name', 'left as it is in an update', options.name)
    const merged = { ...this.#options, ...options }
    const { delay, initialDelay, percentile = defaults.percentile, maxHedges = defaults.maxHedges } = merged
    const fixedMs = delay === undefined ? undefined : parseDuration(delay, 'hedge.delay')
    const initialMs = initialDelay === undefined ? undefined : parseDuration(initialDelay, 'hedge.initialDelay')
    const budget = merged.budget ?? this.#ownBudget
    checkRatio(percentile, 'hedge.percentile')
    checkCount(maxHedges, 'hedge.maxHedges', 0, 10)
    checkMethods(budget, ['deposit', 'tryWithdraw', 'balance'], 'hedge.budget')
    this.#options = merged
    this.#fixedMs = fixedMs
    this.#initialMs = initialMs
    this.#latencies.percentile = percentile
    this.#maxHedges = maxHedges
    this.#budget = budget
  }

  wrap(next: Next, environment: Environment): Next {
    this.#clock = environment.clock
    const races = new Races(this, next, environment)
    const direct = races.next
    const run = (call: CallRecord, handlers?: ResultHandlers): Promise<unknown> => {
      if (call.idempotent) return races.run(call, handlers)
      return handlers === undefined ? next(call) : direct(call, handlers)
    }
    return Object.assign((call: CallRecord) => run(call), { fused: run })
  }

  get maxHedges(): number {
    return this.#maxHedges
  }

  get delayMs(): number | undefined {
    return this.#fixedMs ?? this.#latencies.estimateMs ?? this.#initialMs
  }

  get learns(): boolean {
    return this.#fixedMs === undefined
  }

  begin(call: CallRecord): void {
    // Inside a retry a later attempt is the same call: it deposits nothing more.
    if (call.attempt === 1) this.#budget.deposit()
  }

  learn(ms: number): void {
    this.#latencies.record(ms)
  }

  grant(call: CallRecord, now: number, ranMs: number): boolean {
    if (!this.#budget.tryWithdraw(now)) {
      this.#unaffordable++
      return false
    }
    this.#hedges++
    if (this.events.heard) {
      this.events.publish({ type: 'hedge', policy: this.name, pipeline: call.name, delayMs: ranMs }, call)
    }
    return true
  }

  won(call: CallRecord): void {
    this.#wins++
    if (this.events.heard) this.events.publish({ type: 'hedgeWon', policy: this.name, pipeline: call.name }, call)
  }

  snapshot(): HedgeSnapshot {
    return {
      policy: 'hedge',
      version: 1,
      name: this.name,
      takenAt: this.#clock.wallNow(),
      delayMs: this.delayMs,
      estimateMs: this.#latencies.estimateMs,
      totals: { hedges: this.#hedges, wins: this.#wins, unaffordable: this.#unaffordable },
      budgetBalance: this.#budget.balance(this.#clock.now()),
    }
  }

  /**
   * Takes over the estimate of a snapshot, as if 20 first attempts had taken that long, and the balance of the budget, less
   * what has faded since. Options and totals are not taken over. Throws `SG_BAD_OPTIONS` for what is not one of a hedge.
   */
  restore(snapshot: HedgeSnapshot): void {
    const { policy, version, takenAt, estimateMs, budgetBalance } = snapshot ?? {}
    if (version !== 1) throw new OptionsError(`hedge.restore: version ${String(version)} is not known, only 1 is`)
    const numbers = [takenAt, budgetBalance, estimateMs ?? 1]
    const sound = policy === 'hedge' && numbers.every((one) => Number.isFinite(one) && one >= 0) && estimateMs !== 0
    if (!sound) throw new OptionsError('hedge.restore: this is not the snapshot of a hedge')
    this.#latencies.assume(estimateMs)
    // A wall clock that was set back must not make the balance younger than it is.
    const elapsedMs = Math.max(0, this.#clock.wallNow() - takenAt)
    this.#budget.restore?.(budgetBalance, elapsedMs, this.#clock.now())
  }
}
