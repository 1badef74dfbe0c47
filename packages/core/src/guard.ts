// What the caller itself may do to a call: abort it, or have set it a deadline. It is the outermost cutoff of a call that
// came with a signal or a deadline, and the only place that listens to the caller's signal: everything further in hears
// of an abort through the stack of the call. Invariant: when the call has been answered, timer and listener are gone.
import type { CallOptions, CallRecord } from './call.ts'
import type { Judge } from './classify.ts'
import type { Clock, Timer } from './clock.ts'
import { Cutoff, type CutoffOwner } from './cutoff.ts'
import { type ErrorEntry, OptionsError, stackless, SwitchgearError } from './errors.ts'
import { shown } from './options.ts'
import type { Next } from './policy.ts'
import { rejected } from './rejection.ts'

/** What is documented of `SG_DEADLINE_EXCEEDED`. */
export const deadlineEntry: ErrorEntry = {
  code: 'SG_DEADLINE_EXCEEDED',
  title: 'The deadline that the caller set for this call has passed.',
  advice:
    'It came with the call (`deadline`), so somebody further up stopped waiting. The work was cut off. ' +
    'If it happens often, the time is spent before this call: look at the spans of the request.',
}

/** Runs `next` under the caller's signal and deadline. */
export function guard(call: CallRecord, next: Next): Promise<unknown> {
  const { signal, deadline } = call.options
  const wrong = wrongOption(call.options, call.environment.clock)
  if (wrong !== undefined) return rejected(wrong)
  if (signal?.aborted === true) return rejected(signal.reason)
  const left = deadline === undefined ? undefined : deadline - call.environment.clock.now()
  if (left !== undefined && left <= 0) return rejected(exceeded(call.name))
  return new Guard(call).run(next, left)
}

class Guard implements CutoffOwner {
  readonly judge: Judge
  readonly #call: CallRecord
  readonly #signal: AbortSignal | undefined
  readonly #cutoff: Cutoff
  #timer: Timer | undefined = undefined

  constructor(call: CallRecord) {
    this.#call = call
    this.#signal = call.options.signal
    this.judge = call.environment.judge
    this.#cutoff = new Cutoff(this)
  }

  run(next: Next, leftMs: number | undefined): Promise<unknown> {
    const call = this.#call
    const answer = this.#cutoff.begin(call, call.options.deadline)
    this.#signal?.addEventListener('abort', this.#aborted)
    if (leftMs !== undefined && leftMs < Infinity) this.#timer = call.environment.clock.setTimer(this.#expired, leftMs)
    this.#cutoff.follow(next(call))
    return answer
  }

  closed(): void {
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.#timer?.cancel()
  }

  // What came after an abort or a deadline of the caller's is nobody's statistic.
  abandoned(): void {}

  free(): void {}

  readonly #aborted = (): void => {
    this.#cutoff.sever('ignored', this.#signal?.reason)
  }

  readonly #expired = (): void => {
    const { clock } = this.#call.environment
    const left = (this.#call.options.deadline as number) - clock.now()
    // The host's timer may fire a little early; a deadline must not.
    if (left > 0) this.#timer = clock.setTimer(this.#expired, left)
    else this.#cutoff.sever('failure', exceeded(this.#call.name))
  }
}

/** Lets the caller's abort and the call's deadline reach a call that only waits (in a queue); the answer ends that. */
export function guardWait(call: CallRecord, expired: () => SwitchgearError): () => void {
  const { signal } = call.options
  const { limit } = call
  const { clock } = call.environment
  const abort = (): void => call.cut(null, 'ignored', signal?.reason)
  const expire = (): void => {
    // The host's timer may fire a little early; a deadline must not.
    const left = (limit as number) - clock.now()
    if (left > 0) timer = clock.setTimer(expire, left)
    else call.cut(null, 'failure', expired())
  }
  signal?.addEventListener('abort', abort)
  let timer = limit === undefined || limit === Infinity ? undefined : clock.setTimer(expire, limit - clock.now())
  return () => {
    signal?.removeEventListener('abort', abort)
    timer?.cancel()
  }
}

/** A deadline further ahead than a year is a mistake. */
const mostMs = 365 * 86_400_000

/** What is wrong with the options of one call. Looked at only where one of them is given, off the hot path. */
export function wrongOption({ signal, deadline }: CallOptions, clock: Clock): OptionsError | undefined {
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== 'function') {
    return new OptionsError(`the signal of a call must be an AbortSignal, got ${shown(signal)}`)
  }
  if (deadline !== undefined && (typeof deadline !== 'number' || Number.isNaN(deadline))) {
    return new OptionsError(`the deadline of a call must be a number of monotonic ms, got ${shown(deadline)}`)
  }
  // Date.now() + 50 would be a deadline in fifty years.
  if (deadline !== undefined && deadline < Infinity && deadline - clock.now() > mostMs) {
    return new OptionsError(
      `the deadline of a call is on the clock of performance.now(), not of Date.now(); got ${deadline}`,
    )
  }
  return undefined
}

/** The error of a deadline that the caller set. */
export function exceeded(pipeline: string): SwitchgearError {
  const message = `${pipeline === '' ? 'pipeline' : pipeline}: the caller's deadline has passed`
  return stackless(() => new SwitchgearError('SG_DEADLINE_EXCEEDED', message, { pipeline }))
}
