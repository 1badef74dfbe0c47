// What a cache does not know it asks the rest for: in the foreground on the caller's own call, whose failure a stale value may
// replace, or in the background on a call that nobody waits for.
// Invariant: a fetch that was cut off stores nothing, and a background failure is counted and never unhandled.
import type { Call, CallRecord, Cuttable } from '../call.ts'
import type { Outcome } from '../classify.ts'
import { SwitchgearError } from '../errors.ts'
import type { Next } from '../policy.ts'
import { Rejecting } from '../rejection.ts'
import type { Entry } from './entries.ts'
import type { CacheRules } from './options.ts'

/** The cache that fetches. */
export interface Store {
  readonly rules: CacheRules
  readonly epoch: number
  /** Takes over a success; false where it must not be stored. */
  store(key: string, value: unknown, begunAt: number, epoch: number): boolean
  /** The stale value that answers instead of a failure. */
  instead(call: Call, key: string): Entry | undefined
  /** A background refresh has ended. */
  refreshed(key: string, failed: boolean): void
}

/** One call that was not answered from the cache. */
export class Fetch implements Cuttable {
  below: Cuttable | null = null
  readonly #store: Store
  readonly #call: CallRecord
  readonly #key: string
  readonly #begunAt: number
  readonly #epoch: number
  #over = false

  constructor(store: Store, call: CallRecord, key: string, begunAt: number) {
    this.#store = store
    this.#call = call
    this.#key = key
    this.#begunAt = begunAt
    this.#epoch = store.epoch
    if (call.top !== null) call.push(this)
  }

  run(next: Next): Promise<unknown> {
    // A listener that heard of the miss has cut the call off: it must not begin, and somebody further out has answered.
    if (this.#over) return new Promise(() => undefined)
    return next(this.#call).then(this.#fulfilled, this.#rejected)
  }

  cut(): void {
    this.#over = true
  }

  readonly #fulfilled = (value: unknown): unknown => {
    if (this.#over) return value
    this.#close()
    const outcome = outcomeOf(this.#call, value)
    if (outcome === 'failure') {
      const entry = this.#store.instead(this.#call, this.#key)
      if (entry === undefined) return value
      this.#call.environment.judge.discard(value)
      return this.#store.rules.copy(entry.value)
    }
    const stored = outcome === 'success' && this.#store.store(this.#key, value, this.#begunAt, this.#epoch)
    return stored ? this.#store.rules.copy(value) : value
  }

  readonly #rejected = (error: unknown): unknown => {
    if (this.#over) return new Rejecting(error)
    this.#close()
    const refused = error instanceof SwitchgearError && error.refusal
    const failed = refused || this.#call.environment.judge.ofError(error).outcome === 'failure'
    const entry = failed ? this.#store.instead(this.#call, this.#key) : undefined
    return entry === undefined ? new Rejecting(error) : this.#store.rules.copy(entry.value)
  }

  #close(): void {
    if (this.#call.top === this) this.#call.top = this.below
  }
}

/** Fetches a fresh value that no caller waits for: neither the abort nor the deadline of the call at hand ends it. */
export function refresh(store: Store, call: CallRecord, key: string, begunAt: number, next: Next): void {
  const { epoch } = store
  const branch = call.branch(1, { ...call.options, signal: undefined, deadline: undefined })
  branch.limit = undefined
  const learn = (value: unknown): boolean => {
    const outcome = outcomeOf(branch, value)
    const stored = outcome === 'success' && store.store(key, value, begunAt, epoch)
    if (!stored) branch.environment.judge.discard(value)
    return outcome === 'failure'
  }
  // The caller was answered with the stale value, so a failure is nobody's answer: it is counted, and the gates inside know.
  const failed = (): void => store.refreshed(key, true)
  next(branch)
    .then(learn)
    .then((bad) => store.refreshed(key, bad), failed)
}

function outcomeOf(call: CallRecord, value: unknown): Outcome {
  const { ofValue } = call.environment.judge
  return ofValue === undefined ? 'success' : ofValue(value).outcome
}
