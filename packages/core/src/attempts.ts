// The loop of attempts around the rest of the pipeline. The first attempt of a call that nobody can cut off runs on the
// call itself, with one handler; every other attempt gets a call of its own, because a timed-out one stays aborted.
// Invariant: a run that was cut off starts no further attempt and holds no timer.
import type { Call, CallRecord, Cuttable } from './call.ts'
import { type Outcome, success, type Verdict } from './classify.ts'
import type { Timer } from './clock.ts'
import type { Environment } from './environment.ts'
import { SwitchgearError } from './errors.ts'
import type { Next } from './policy.ts'
import type { RetryBudget } from './retry-budget.ts'

/** Who decides: the retry policy whose attempts these are. */
export interface RetryRules {
  readonly budget: RetryBudget
  grant(
    call: Call,
    failed: number,
    previousMs: number,
    verdict: Verdict,
    error: unknown,
    environment: Environment,
  ): number | undefined
  recover(): void
}

/** Runs the attempts of one retry policy in one pipeline. */
export class Attempts {
  readonly policy: RetryRules
  readonly environment: Environment
  readonly next: Next
  /** Undefined when every value is a success, so that a good first answer passes untouched. */
  readonly #judgesValues: boolean

  constructor(policy: RetryRules, next: Next, environment: Environment) {
    this.policy = policy
    this.environment = environment
    this.next = next
    this.#judgesValues = environment.judge.ofValue !== undefined
  }

  run(call: CallRecord): Promise<unknown> {
    this.policy.budget.deposit()
    if (call.top !== null) return new Run(this, call).first(call.child(1))
    if (this.#judgesValues) return new Run(this, call).first(call)
    return this.next(call).then(undefined, (error: unknown) => new Run(this, call).rejected(error))
  }
}

/** The attempts of one call. */
class Run implements Cuttable {
  below: Cuttable | null = null
  readonly #attempts: Attempts
  readonly #call: CallRecord
  readonly #cuttable: boolean
  #attempt = 1
  #waitedMs = 0
  #child: CallRecord | undefined = undefined
  #timer: Timer | undefined = undefined
  #over = false
  /** The last thing that was a failure of the function, not a refusal. */
  #lastFailure: unknown = undefined

  constructor(attempts: Attempts, call: CallRecord) {
    this.#attempts = attempts
    this.#call = call
    this.#cuttable = call.top !== null
    if (this.#cuttable) call.push(this)
  }

  first(child: CallRecord): Promise<unknown> {
    this.#child = child
    return this.#attempts.next(child).then(this.#fulfilled, this.rejected)
  }

  cut(outcome: Outcome, reason: unknown): void {
    this.#over = true
    this.#timer?.cancel()
    this.#child?.cut(null, outcome, reason)
  }

  readonly rejected = (error: unknown): unknown => {
    if (this.#over) throw error
    const verdict = this.#judge(this.#attempts.environment.judge.ofError, error)
    if (verdict.outcome === 'failure') this.#lastFailure = error
    const delayMs = this.#grant(verdict, error)
    // A listener that heard of the retry may have cut the call off.
    if (this.#over) throw error
    if (delayMs !== undefined) return this.#again(delayMs)
    this.#close()
    if (
      error instanceof SwitchgearError &&
      error.refusal &&
      this.#lastFailure !== undefined &&
      !Object.isFrozen(error)
    ) {
      error.cause = this.#lastFailure
    }
    throw error
  }

  readonly #fulfilled = (value: unknown): unknown => {
    if (this.#over) return value
    const { judge } = this.#attempts.environment
    const verdict = judge.ofValue === undefined ? success : this.#judge(judge.ofValue, value)
    // It may be the cause of a later refusal: what it holds is freed by then, what it says of itself (a status) is not.
    if (verdict.outcome === 'failure') this.#lastFailure = value
    const delayMs = this.#grant(verdict, value)
    if (this.#over) return value
    if (delayMs !== undefined) {
      judge.discard(value)
      return this.#again(delayMs)
    }
    this.#close()
    if (this.#attempt > 1 && verdict.outcome === 'success') this.#attempts.policy.recover()
    return value
  }

  /** A classifier that throws ends the run with its error. */
  #judge(judge: (result: unknown) => Verdict, result: unknown): Verdict {
    try {
      return judge(result)
    } catch (error) {
      this.#close()
      throw error
    }
  }

  #grant(verdict: Verdict, result: unknown): number | undefined {
    const { policy, environment } = this.#attempts
    return policy.grant(this.#call, this.#attempt, this.#waitedMs, verdict, result, environment)
  }

  /** When it is cut off while it waits, the promise stays open and is garbage: somebody further out has answered. */
  #again(delayMs: number): Promise<unknown> {
    this.#waitedMs = delayMs
    this.#attempt++
    const child = (this.#child = this.#call.child(this.#attempt))
    return new Promise((resolve) => {
      this.#timer = this.#attempts.environment.clock.setTimer(() => {
        this.#timer = undefined
        resolve(this.#attempts.next(child).then(this.#fulfilled, this.rejected))
      }, delayMs)
    })
  }

  #close(): void {
    this.#over = true
    if (this.#cuttable && this.#call.top === this) this.#call.top = this.below
  }
}
