// The second face of a pipeline, for those who cannot wrap a function: the same gates, timeouts and retry, cut at the
// retry and driven from outside. A permit holds the gates outside the retry, an attempt those inside it. It enforces no
// deadline (the adapter does) and starts no timer. Invariant: every exit is idempotent, and an exit without a settle
// settles `ignored`; the gates outside learn the outcome that ends the call, at the moment it is known.
import { CallRecord } from './call.ts'
import { failure, ignored, success, type Verdict } from './classify.ts'
import { OptionsError, SwitchgearError } from './errors.ts'
import { guardWait } from './guard.ts'
import type { CallOptions, Environment, Gate, Outcome, Policy } from './policy.ts'
import type { Retry } from './retry.ts'
import { Tickets } from './tickets.ts'
import type { Timeout } from './timeout.ts'

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
  /** Ends the call; an open attempt ends with it. */
  exit(): void
}

/** One try of an admitted call. */
export interface Attempt extends Disposable {
  readonly kind: 'attempt'
  /** 1 for the first. */
  readonly number: number
  /** Monotonic milliseconds by which this try must end, Infinity if never. Past it, settle 'failure'. */
  readonly deadline: number
  /** What became of it, once; a failure may follow a success when a body breaks. `error` is what was thrown, if anything. */
  settle(result: Outcome | Verdict, error?: unknown): void
  /** Frees it. Answers the milliseconds until the next try, or undefined when there is none. */
  exit(): number | undefined
}

/**
 * The plan of a pipeline for `admit`.
 *
 * @example
 * const permit = payments.admit()
 * if (permit.kind === 'rejection') throw permit.error
 * using held = permit
 * const attempt = permit.attempt()
 * if (attempt.kind === 'attempt') attempt.settle('success')
 */
export class Admission {
  readonly environment: Environment
  readonly outer: readonly Gate[]
  readonly inner: readonly Gate[]
  readonly retry: Retry | undefined
  readonly #outerMs: number
  readonly innerMs: number

  constructor(policies: readonly Policy[], environment: Environment) {
    const cut = policies.findIndex(isRetry)
    const outside = cut < 0 ? policies : policies.slice(0, cut)
    const inside = cut < 0 ? [] : policies.slice(cut + 1)
    this.environment = environment
    this.outer = outside.filter(isGate)
    this.inner = inside.filter(isGate)
    this.retry = policies[cut] as unknown as Retry | undefined
    this.#outerMs = shortest(outside)
    this.innerMs = shortest(inside)
  }

  admit(options: CallOptions): Permit | Rejection {
    const call = this.#call(options)
    const tickets = new Tickets(this.outer)
    const refusing = tickets.enter(call, -1, 0)
    if (refusing < 0) return new Admitted(this, call, tickets)
    return { kind: 'rejection', error: (this.outer[refusing] as Gate).refusal(call, tickets.refused) }
  }

  async admitAsync(options: CallOptions): Promise<Permit | Rejection> {
    options.signal?.throwIfAborted()
    const call = this.#call(options)
    const tickets = new Tickets(this.outer)
    const refusing = tickets.enter(call, -1, 0)
    if (refusing < 0) return new Admitted(this, call, tickets)
    // In a queue the caller's abort and deadline must reach the call; afterwards both are the adapter's.
    const release = guardWait(call)
    try {
      await tickets.wait(call, refusing)
      return new Admitted(this, call, tickets)
    } catch (error) {
      if (options.signal?.aborted === true || !(error instanceof SwitchgearError)) throw error
      return { kind: 'rejection', error }
    } finally {
      release()
    }
  }

  #call(options: CallOptions): CallRecord {
    return new CallRecord(nothing, this.environment, options, 1, this.limit(options.deadline, this.#outerMs))
  }

  /** The earlier of a deadline and `ms` from now; undefined if there is neither. */
  limit(deadline: number | undefined, ms: number): number | undefined {
    if (ms === Infinity) return deadline
    const due = this.environment.clock.now() + ms
    return deadline === undefined ? due : Math.min(deadline, due)
  }
}

class Admitted implements Permit {
  readonly kind = 'permit'
  readonly plan: Admission
  readonly call: CallRecord
  readonly #tickets: Tickets
  #open: Try | undefined = undefined
  #tries = 0
  #granted = true
  #settled = false
  #exited = false
  #waitedMs = 0
  #lastFailure: unknown = undefined

  constructor(plan: Admission, call: CallRecord, tickets: Tickets) {
    this.plan = plan
    this.call = call
    this.#tickets = tickets
    plan.retry?.budget.deposit()
  }

  get deadline(): number {
    return this.call.deadline
  }

  attempt(): Attempt | Rejection {
    if (this.#exited || this.#open !== undefined || !this.#granted) {
      throw new OptionsError('permit.attempt() without a granted try: wait for a number from attempt.exit()')
    }
    const { plan } = this
    const call = this.call.child(this.#tries + 1)
    call.limit = plan.limit(this.call.limit, plan.innerMs)
    const tickets = new Tickets(plan.inner)
    const refusing = tickets.enter(call, -1, 0)
    if (refusing >= 0) {
      const error = (plan.inner[refusing] as Gate).refusal(call, tickets.refused)
      if (this.#lastFailure !== undefined && !Object.isFrozen(error)) error.cause = this.#lastFailure
      this.#granted = false
      this.#learn('ignored', error)
      return { kind: 'rejection', error }
    }
    this.#tries++
    this.#granted = false
    return (this.#open = new Try(this, call, tickets))
  }

  exit(): void {
    if (this.#exited) return
    this.#open?.exit()
    this.#exited = true
    this.#learn('ignored', undefined)
    this.#tickets.exit(this.call)
  }

  [Symbol.dispose](): void {
    this.exit()
  }

  /** The outcome of a try is known: is another granted? If not, it is the outcome of the call. */
  judged(verdict: Verdict, error: unknown): number | undefined {
    const { retry, environment } = this.plan
    const delayMs = retry?.grant(this.call, this.#tries, this.#waitedMs, verdict, error, environment)
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
    if (!this.#exited) this.#tickets.settle(this.call, 'failure', error)
  }

  ended(): void {
    this.#open = undefined
  }

  #learn(outcome: Outcome, error: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#tickets.settle(this.call, outcome, error)
  }
}

class Try implements Attempt {
  readonly kind = 'attempt'
  readonly #permit: Admitted
  readonly #call: CallRecord
  readonly #tickets: Tickets
  #outcome: Outcome | undefined = undefined
  #broken = false
  #delayMs: number | undefined = undefined
  #exited = false

  constructor(permit: Admitted, call: CallRecord, tickets: Tickets) {
    this.#permit = permit
    this.#call = call
    this.#tickets = tickets
  }

  get number(): number {
    return this.#call.attempt
  }

  get deadline(): number {
    return this.#call.deadline
  }

  settle(result: Outcome | Verdict, error?: unknown): void {
    if (this.#exited || this.#broken) return
    const verdict = typeof result === 'string' ? verdicts[result] : result
    if (this.#outcome === undefined) {
      this.#outcome = verdict.outcome
      this.#tickets.settle(this.#call, verdict.outcome, error)
      this.#delayMs = this.#permit.judged(verdict, error)
    } else if (this.#outcome === 'success' && verdict.outcome === 'failure') {
      this.#broken = true
      this.#tickets.settle(this.#call, 'failure', error)
      this.#permit.broke(error)
    }
  }

  exit(): number | undefined {
    if (!this.#exited) {
      this.settle('ignored')
      this.#exited = true
      this.#tickets.exit(this.#call)
      this.#permit.ended()
    }
    return this.#delayMs
  }

  [Symbol.dispose](): void {
    this.exit()
  }
}

const verdicts: Readonly<Record<Outcome, Verdict>> = { success, failure, ignored }
const nothing = (): undefined => undefined
const isGate = (policy: Policy): policy is Gate => policy.kind === 'gate'
/** Whether a policy is a retry; a pipeline has at most one. */
export const isRetry = (policy: Policy): boolean => policy.kind === 'layer' && policy.admission === 'retry'

/** The shortest of the timeouts among `policies`, in milliseconds. */
function shortest(policies: readonly Policy[]): number {
  const timeouts = policies.filter((policy) => policy.kind === 'layer' && policy.admission === 'timeout')
  return Math.min(Infinity, ...timeouts.map((policy) => (policy as unknown as Timeout).afterMs))
}
