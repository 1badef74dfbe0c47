// A call that was admitted from outside, and its tries. Invariant: every exit is idempotent, an exit without a settle
// settles `ignored`, and the gates outside the retry learn one outcome: that which ends the call, when it is known.
import { failure, ignored, type Outcome, success, type Verdict } from './classify.ts'
import { Entry, type Side } from './entry.ts'
import type { Environment } from './environment.ts'
import { OptionsError, type SwitchgearError } from './errors.ts'
import { shown } from './options.ts'
import type { Retry } from './retry.ts'

/** A refused call. */
export interface Rejection {
  readonly kind: 'rejection'
  readonly error: SwitchgearError
}

/** An admitted call. Give it back with `exit`, or by `using`. */
export interface Permit extends Disposable {
  readonly kind: 'permit'
  /** Monotonic milliseconds by which the call must end, Infinity if never. The adapter enforces it. */
  readonly deadline: number
  /** Enters the gates inside the retry for the next try. Throws `SG_BAD_OPTIONS` when no try was granted. */
  attempt(): Attempt | Rejection
  /** The error to answer with when `deadline` has passed; the timeout that set it counts it. Once per call. */
  expired(): SwitchgearError
  /** Ends the call; an open attempt ends with it. */
  exit(): void
}

/** One try of an admitted call. */
export interface Attempt extends Disposable {
  readonly kind: 'attempt'
  /** 1 for the first. */
  readonly number: number
  /** Monotonic milliseconds by which this try must end, Infinity if never. Past it, settle 'failure' with `expired()`. */
  readonly deadline: number
  /** What became of it, once; a failure may follow a success when a body breaks. `error` is what was thrown, if anything. */
  settle(result: Outcome | Verdict, error?: unknown): void
  /** The error to settle with when `deadline` has passed; the timeout that set it counts it. Once per try. */
  expired(): SwitchgearError
  /** Frees it. Answers the milliseconds until the next try, or undefined when there is none. */
  exit(): number | undefined
}

/** What a permit needs of the plan that it was admitted by. */
export interface Plan {
  readonly environment: Environment
  readonly retry: Retry | undefined
  readonly inner: Side
}

/** Told once, when a call has left its pipeline. */
export type Left = (outcome: Outcome, error: unknown) => void

/** What `admit` answers for a call that is in. */
export class Admitted implements Permit {
  readonly kind = 'permit'
  readonly #plan: Plan
  readonly #entry: Entry
  readonly #left: Left | undefined
  #open: Try | undefined = undefined
  #tries = 0
  #granted = true
  #settled = false
  #outcome: Outcome = 'ignored'
  #error: unknown = undefined
  #exited = false
  #waitedMs = 0
  #lastFailure: unknown = undefined

  constructor(plan: Plan, entry: Entry, left?: Left) {
    this.#plan = plan
    this.#entry = entry
    this.#left = left
    plan.retry?.budget.deposit()
  }

  get deadline(): number {
    return this.#entry.call.deadline
  }

  attempt(): Attempt | Rejection {
    if (this.#exited || this.#open !== undefined || !this.#granted) {
      throw new OptionsError('permit.attempt() without a granted try: wait for a number from attempt.exit()')
    }
    this.#granted = false
    const entry = new Entry(this.#plan.inner, this.#entry.call.child(this.#tries + 1))
    const error = entry.enter()
    if (error !== undefined) {
      if (this.#lastFailure !== undefined && !Object.isFrozen(error)) error.cause = this.#lastFailure
      this.#learn('ignored', error)
      return { kind: 'rejection', error }
    }
    this.#tries++
    entry.call.begin()
    return (this.#open = new Try(this, entry))
  }

  expired(): SwitchgearError {
    return this.#entry.expired()
  }

  exit(): void {
    if (this.#exited) return
    this.#open?.exit()
    this.#exited = true
    this.#learn('ignored', undefined)
    this.#entry.exit()
    this.#left?.(this.#outcome, this.#error)
  }

  [Symbol.dispose](): void {
    this.exit()
  }

  /** The outcome of a try is known: is another granted? If not, it is the outcome of the call. */
  judged(verdict: Verdict, error: unknown): number | undefined {
    const { retry, environment } = this.#plan
    const delayMs = retry?.grant(this.#entry.call, this.#tries, this.#waitedMs, verdict, error, environment)
    if (verdict.outcome === 'failure') this.#lastFailure = error
    if (delayMs === undefined) {
      if (this.#tries > 1 && verdict.outcome === 'success') retry?.recover()
      this.#learn(verdict.outcome, error)
    } else {
      this.#granted = true
      this.#waitedMs = delayMs
    }
    return delayMs
  }

  /** A body broke after its head was a success. */
  broke(error: unknown): void {
    if (this.#exited) return
    this.#outcome = 'failure'
    this.#error = error
    this.#entry.settle('failure', error)
  }

  /** The open try has ended. */
  ended(): void {
    this.#open = undefined
  }

  #learn(outcome: Outcome, error: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#outcome = outcome
    this.#error = error
    this.#entry.settle(outcome, error)
  }
}

class Try implements Attempt {
  readonly kind = 'attempt'
  readonly #permit: Admitted
  readonly #entry: Entry
  #outcome: Outcome | undefined = undefined
  #broken = false
  #delayMs: number | undefined = undefined
  #exited = false

  constructor(permit: Admitted, entry: Entry) {
    this.#permit = permit
    this.#entry = entry
  }

  get number(): number {
    return this.#entry.call.attempt
  }

  get deadline(): number {
    return this.#entry.call.deadline
  }

  settle(result: Outcome | Verdict, error?: unknown): void {
    if (this.#exited || this.#broken) return
    const verdict = typeof result === 'string' ? verdicts[result] : result
    if (verdict?.outcome === undefined) {
      throw new OptionsError(`attempt.settle wants 'success', 'failure', 'ignored' or a verdict, got ${shown(result)}`)
    }
    if (this.#outcome === undefined) {
      this.#outcome = verdict.outcome
      this.#entry.settle(verdict.outcome, error)
      this.#delayMs = this.#permit.judged(verdict, error)
    } else if (this.#outcome === 'success' && verdict.outcome === 'failure') {
      this.#broken = true
      this.#entry.settle('failure', error)
      this.#permit.broke(error)
    }
  }

  expired(): SwitchgearError {
    return this.#entry.limits ? this.#entry.expired() : this.#permit.expired()
  }

  exit(): number | undefined {
    if (!this.#exited) {
      this.settle('ignored')
      this.#exited = true
      this.#entry.exit()
      this.#permit.ended()
    }
    return this.#delayMs
  }

  [Symbol.dispose](): void {
    this.exit()
  }
}

const verdicts: Readonly<Record<Outcome, Verdict>> = { success, failure, ignored }
