// The retry layer: which failure is tried again, when, and how often. It believes the pipeline's classifier and has no
// predicate of its own. It never repeats a refusal of its own pipeline, and never begins what cannot end in time.
// The loop around the attempts stands in `attempts.ts`.
import { Attempts, type RetryRules } from './attempts.ts'
import { type Backoff, type BackoffKind, backoffMs } from './backoff.ts'
import type { Call } from './call.ts'
import type { Verdict } from './classify.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Environment } from './environment.ts'
import { OptionsError } from './errors.ts'
import { PolicyEvents } from './events.ts'
import {
  check,
  checkCount,
  checkKeys,
  checkMethods,
  checkName,
  checkObject,
  checkRange,
  type Duration,
  parseDuration,
} from './options.ts'
import type { Layer, Next } from './policy.ts'
import { type RetryBudget, retryBudget } from './retry-budget.ts'
import type { RetrySnapshot } from './snapshot.ts'

/** Options of `retry`. */
export interface RetryOptions {
  /** Name in events and snapshots. Default 'retry'. */
  readonly name?: string | undefined
  /** Tries in all, the first included. Default 3. */
  readonly maxAttempts?: number | undefined
  /** How waits grow. Default 'exponential'. */
  readonly backoff?: BackoffKind | undefined
  /** The first wait. Default '100ms'. */
  readonly delay?: Duration | undefined
  /** No wait is longer, also when the other side asks for it by Retry-After. Default '10s'. */
  readonly maxDelay?: Duration | undefined
  /** Share of each wait that chance may take away, so that clients do not retry in step: [0, 1]. Default 0.5. */
  readonly jitter?: number | undefined
  /** Bounds retries to a share of the calls. Default: one of its own, 20 % and 3 a second. */
  readonly budget?: RetryBudget | undefined
}

const defaults = Object.freeze({
  name: 'retry',
  maxAttempts: 3,
  backoff: 'exponential' as BackoffKind,
  delay: '100ms' as Duration,
  maxDelay: '10s' as Duration,
  jitter: 0.5,
  budget: undefined,
})

/**
 * Tries again after a retryable failure. Listing it says that the function may run twice; `execute(fn, { idempotent: false })`
 * turns it off for one call.
 *
 * @example
 * const orders = pipeline(timeout('2s'), retry({ maxAttempts: 4, delay: '50ms' }), circuitBreaker())
 */
export function retry(options: RetryOptions = {}): Retry {
  return new Retry(options)
}

/** The layer that `retry` makes. */
export class Retry implements Layer, RetryRules {
  readonly kind = 'layer'
  readonly repeats = true
  readonly admission = 'retry'
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #options: RetryOptions
  #rules: Rules
  #clock: Clock = systemClock
  #retries = 0
  #recovered = 0
  #exhausted = 0

  constructor(options: RetryOptions) {
    checkObject(options, 'retry')
    this.#options = { ...options, budget: options.budget ?? retryBudget() }
    this.#rules = rulesOf(this.#options)
    this.name = options.name ?? defaults.name
  }

  /** Where its retries are counted. */
  get budget(): RetryBudget {
    return this.#rules.budget
  }

  /** Changes options in place; those not named stay. A wait that has begun keeps its length. */
  update(options: RetryOptions): void {
    checkObject(options, 'retry')
    check((options.name ?? this.name) === this.name, 'retry.name', 'left as it is in an update', options.name)
    const merged = { ...this.#options, ...options, budget: options.budget ?? this.budget }
    this.#rules = rulesOf(merged)
    this.#options = merged
  }

  wrap(next: Next, environment: Environment): Next {
    this.#clock = environment.clock
    const attempts = new Attempts(this, next, environment)
    return (call) => attempts.run(call)
  }

  /**
   * Milliseconds until the next try, or undefined when there is none; a granted try is taken from the budget and counted.
   * `failed` is the number of the attempt that ended with `verdict`, `previousMs` the wait before it.
   */
  grant(
    call: Call,
    failed: number,
    previousMs: number,
    verdict: Verdict,
    error: unknown,
    { clock, random }: Environment,
  ): number | undefined {
    const { maxAttempts, backoff, budget } = this.#rules
    if (verdict.outcome !== 'failure' || !verdict.retryable || maxAttempts === 1) return undefined
    if (!call.idempotent && verdict.unsent !== true) return undefined
    const now = clock.now()
    const wait = backoffMs(backoff, failed, previousMs, random)
    const delayMs = Math.min(Math.max(wait, verdict.retryAfterMs ?? 0), backoff.maxDelayMs)
    // The budget is asked last, so that nothing is withdrawn for a try that is not made.
    if (failed >= maxAttempts || now + delayMs >= call.deadline || !budget.tryWithdraw(now)) {
      this.#exhausted++
      return undefined
    }
    this.#retries++
    if (this.events.heard) {
      this.events.publish(
        { type: 'retry', policy: this.name, pipeline: call.name, attempt: failed, delayMs, error },
        call,
      )
    }
    return delayMs
  }

  /** A later attempt succeeded. */
  recover(): void {
    this.#recovered++
  }

  snapshot(): RetrySnapshot {
    const totals = { retries: this.#retries, recovered: this.#recovered, exhausted: this.#exhausted }
    const budgetBalance = this.budget.balance(this.#clock.now())
    return { policy: 'retry', version: 1, name: this.name, takenAt: this.#clock.wallNow(), totals, budgetBalance }
  }

  /** Takes over the balance of the budget, less what has faded since, so that a restart does not refill it. */
  restore({ policy, version, takenAt, budgetBalance }: RetrySnapshot): void {
    const sound = Number.isFinite(takenAt) && Number.isFinite(budgetBalance) && budgetBalance >= 0
    if (policy !== 'retry' || version !== 1 || !sound)
      throw new OptionsError('retry.restore: this is not the snapshot of a retry')
    const elapsedMs = Math.max(0, this.#clock.wallNow() - takenAt)
    this.budget.restore?.(budgetBalance, elapsedMs, this.#clock.now())
  }
}

/** Options as the attempts use them. */
interface Rules {
  readonly maxAttempts: number
  readonly backoff: Backoff
  readonly budget: RetryBudget
}

function rulesOf(options: RetryOptions): Rules {
  checkKeys(options, defaults, 'retry')
  checkName(options.name, 'retry')
  const budget = options.budget as RetryBudget
  checkMethods(budget, ['deposit', 'tryWithdraw', 'balance'], 'retry.budget')
  const maxAttempts = options.maxAttempts ?? defaults.maxAttempts
  checkCount(maxAttempts, 'retry.maxAttempts', 1)
  const jitter = options.jitter ?? defaults.jitter
  const kind = options.backoff ?? defaults.backoff
  const kinds = ['constant', 'linear', 'exponential', 'decorrelated']
  check(kinds.includes(kind), 'retry.backoff', `one of ${kinds.join(', ')}`, kind)
  checkRange(jitter, 'retry.jitter', 0, 1)
  const delayMs = parseDuration(options.delay ?? defaults.delay, 'retry.delay')
  const maxDelayMs = parseDuration(options.maxDelay ?? defaults.maxDelay, 'retry.maxDelay')
  return { maxAttempts, budget, backoff: { kind, jitter, delayMs, maxDelayMs } }
}
