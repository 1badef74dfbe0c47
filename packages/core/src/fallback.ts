// The fallback layer: another answer instead of a failure or a refusal. It never acts on the caller's abort (which is
// answered further out) nor on what the classifier ignores. Fallbacks chain: the inner one answers first, and when it
// fails itself, the next one out is asked.
import type { Call, CallRecord, Cuttable } from './call.ts'
import type { Outcome, Verdict } from './classify.ts'
import type { Environment } from './environment.ts'
import { type ErrorEntry, stackless, SwitchgearError } from './errors.ts'
import { PolicyEvents } from './events.ts'
import { check, checkKeys, checkName } from './options.ts'
import type { Layer, Next } from './policy.ts'
import type { FallbackSnapshot } from './snapshot.ts'

/** What is documented of `SG_FAILED_RESULT`. */
export const failedResultEntry: ErrorEntry = {
  code: 'SG_FAILED_RESULT',
  title: 'The function returned a value that the classifier calls a failure.',
  advice: 'Only a fallback sees this error; `cause` is the value. Without a fallback the value itself is returned.',
}

/** Answers instead of the failed call. `error` is a `SG_FAILED_RESULT` when a returned value was the failure. */
export type Substitute<Alt> = (error: unknown, call: Call) => Alt | PromiseLike<Alt>

/** Options of `fallback`. */
export interface FallbackOptions {
  /** Name in events and snapshots. Default 'fallback'. */
  readonly name?: string | undefined
}

const known = { name: 'fallback' }

/**
 * Answers with `substitute` when the rest fails or refuses.
 *
 * @example
 * const prices = pipeline(fallback({ value: [] as Price[] }), circuitBreaker())
 * const queued = pipeline(fallback((error, call) => queueForLater(call.key)), circuitBreaker())
 */
export function fallback<Alt>(
  substitute: Substitute<Alt> | { readonly value: Alt },
  options: FallbackOptions = {},
): Fallback<Awaited<Alt>> {
  return new Fallback(substitute as Substitute<Awaited<Alt>> | { readonly value: Awaited<Alt> }, options)
}

/** The layer that `fallback` makes. */
export class Fallback<Alt> implements Layer<Alt> {
  readonly kind = 'layer'
  declare readonly alt?: Alt
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  readonly #substitute: Substitute<Alt>
  #used = 0
  #failed = 0

  constructor(substitute: Substitute<Alt> | { readonly value: Alt }, options: FallbackOptions) {
    checkKeys(options, known, 'fallback')
    checkName(options.name, 'fallback')
    const isFunction = typeof substitute === 'function'
    const holds = isFunction || (typeof substitute === 'object' && substitute !== null && 'value' in substitute)
    check(holds, 'fallback', 'a function (error, call) => value or an object { value }', substitute)
    if (!isFunction) checkKeys(substitute, { value: undefined }, 'fallback')
    this.name = options.name ?? known.name
    this.#substitute = isFunction ? substitute : () => substitute.value
  }

  wrap(next: Next, environment: Environment): Next {
    return (call) => new Stage(this, call, environment).run(next)
  }

  /** Asks the substitute. What it throws goes to the caller, or to the next fallback out. */
  async answer(error: unknown, call: Call): Promise<Alt> {
    this.#used++
    if (this.events.heard)
      this.events.publish({ type: 'fallback', policy: this.name, pipeline: call.name, error }, call)
    try {
      return await this.#substitute(error, call)
    } catch (failure) {
      this.#failed++
      throw failure
    }
  }

  snapshot(): FallbackSnapshot {
    return { policy: 'fallback', name: this.name, totals: { used: this.#used, failed: this.#failed } }
  }
}

/** One call inside one fallback. The substitute works on the outer call, so that its signal is still alive. */
class Stage implements Cuttable {
  below: Cuttable | null = null
  readonly #fallback: Fallback<unknown>
  readonly #call: CallRecord
  readonly #inner: CallRecord
  readonly #environment: Environment
  #over = false

  constructor(fallback: Fallback<unknown>, call: CallRecord, environment: Environment) {
    this.#fallback = fallback
    this.#call = call
    this.#inner = call.child(call.attempt)
    this.#environment = environment
    if (call.top !== null) call.push(this)
  }

  run(next: Next): Promise<unknown> {
    const judgesValues = this.#environment.judge.ofValue !== undefined
    return next(this.#inner).then(judgesValues ? this.#judged : this.#fulfilled, this.#rejected)
  }

  cut(outcome: Outcome, reason: unknown): void {
    this.#over = true
    this.#inner.cut(null, outcome, reason)
  }

  readonly #fulfilled = (value: unknown): unknown => {
    this.#close()
    return value
  }

  readonly #judged = (value: unknown): unknown => {
    if (this.#over) return value
    this.#close()
    const { judge } = this.#environment
    if (judge.ofValue?.(value).outcome !== 'failure') return value
    return this.#replace(value)
  }

  readonly #rejected = (error: unknown): unknown => {
    if (this.#over) throw error
    this.#close()
    const refused = error instanceof SwitchgearError && error.refusal
    const verdict: Verdict = this.#environment.judge.ofError(error)
    if (!refused && verdict.outcome !== 'failure') throw error
    return this.#fallback.answer(error, this.#call)
  }

  async #replace(value: unknown): Promise<unknown> {
    let answer: unknown
    try {
      answer = await this.#fallback.answer(failedResult(value, this.#call.name), this.#call)
      return answer
    } finally {
      // The substitute may have read the failed value, or answer with it after all.
      if (answer !== value) this.#environment.judge.discard(value)
    }
  }

  #close(): void {
    this.#over = true
    if (this.#call.top === this) this.#call.top = this.below
  }
}

function failedResult(value: unknown, pipeline: string): SwitchgearError {
  const message = `${pipeline === '' ? 'pipeline' : pipeline}: the returned value was classified as a failure`
  return stackless(() => new SwitchgearError('SG_FAILED_RESULT', message, { pipeline, cause: value }))
}
