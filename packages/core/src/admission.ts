// The second face of a pipeline, for those who cannot wrap a function: the same gates, timeouts and retry, cut at the retry
// and driven from outside. It enforces no deadline (the adapter does) and starts no timer, but while a call waits in a queue.
import { type CallOptions, CallRecord } from './call.ts'
import { Entry, type Side, sideOf } from './entry.ts'
import type { Environment } from './environment.ts'
import { SwitchgearError } from './errors.ts'
import { exceeded } from './guard.ts'
import { Admitted, type Left, type Permit, type Rejection } from './permit.ts'
import type { Gate, Policy } from './policy.ts'
import type { Retry } from './retry.ts'
import { observing } from './observer.ts'

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
  readonly retry: Retry | undefined
  /** What stands outside the retry, and what inside it; all outside where there is none. */
  readonly outer: Side
  readonly inner: Side

  /** `tally` is entered first, and apart from the rest: a call that waits in a queue is in flight, and it is one call. */
  constructor(policies: readonly Policy[], environment: Environment, tally: Gate | undefined) {
    const cut = policies.findIndex(isRetry)
    this.environment = environment
    this.retry = policies[cut] as unknown as Retry | undefined
    this.outer = sideOf(cut < 0 ? policies : policies.slice(0, cut), tally)
    this.inner = sideOf(cut < 0 ? [] : policies.slice(cut + 1))
  }

  admit(options: CallOptions): Permit | Rejection {
    options.signal?.throwIfAborted()
    const entry = this.#entry(options)
    const left = observing()?.visit(entry.call)
    const error = this.#tooLate(options) ?? entry.enter()
    return error === undefined ? new Admitted(this, entry, left) : refused(error, left)
  }

  async admitAsync(options: CallOptions): Promise<Permit | Rejection> {
    options.signal?.throwIfAborted()
    const entry = this.#entry(options)
    const left = observing()?.visit(entry.call)
    const late = this.#tooLate(options)
    if (late !== undefined) return refused(late, left)
    try {
      await entry.wait()
    } catch (error) {
      // Who aborts hears the reason of the abort, also when a gate refused in the same turn.
      if (options.signal?.aborted === true) left?.('ignored', options.signal.reason)
      options.signal?.throwIfAborted()
      if (!(error instanceof SwitchgearError)) throw error
      return refused(error, left)
    }
    if (options.signal?.aborted === true) {
      entry.end('ignored', undefined)
      left?.('ignored', options.signal.reason)
      throw options.signal.reason
    }
    return new Admitted(this, entry, left)
  }

  /** A call that comes after its own deadline enters nothing. */
  #tooLate({ deadline }: CallOptions): SwitchgearError | undefined {
    const { clock, name } = this.environment
    return deadline !== undefined && deadline <= clock.now() ? exceeded(name) : undefined
  }

  #entry(options: CallOptions): Entry {
    return new Entry(this.outer, new CallRecord(nothing, this.environment, options, options.deadline))
  }
}

function refused(error: SwitchgearError, left: Left | undefined): Rejection {
  left?.('ignored', error)
  return { kind: 'rejection', error }
}

const nothing = (): undefined => undefined

/** Whether a policy is a retry; a pipeline has at most one. */
export const isRetry = (policy: Policy): boolean => policy.kind === 'layer' && policy.admission === 'retry'
