// What a cache does not know it asks the rest for, on the caller's own call, whose failure a stale value may replace.
// Invariant: a fetch that was cut off stores nothing.
import type { Call, CallRecord, Cuttable } from '../call.ts'
import type { Outcome } from '../classify.ts'
import { SwitchgearError } from '../errors.ts'
import type { Next } from '../policy.ts'
import { rejected, Rejecting } from '../rejection.ts'
import type { Entry } from './entries.ts'
import type { CacheRules } from './options.ts'
import type { Batch, Underway } from './underway.ts'

/** The cache that fetches. */
export interface Store {
  readonly name: string
  readonly rules: CacheRules
  readonly underway: Underway
  /** Takes over a success; false where it must not be stored. */
  store(key: string, value: unknown, begunAt: number, batch: Batch): boolean
  /** The stale value that answers instead of a failure. */
  instead(call: Call, key: string): Entry | undefined
  /** A background refresh has ended, or was given up. */
  refreshed(key: string, failed: boolean): void
}

/** One call that was not answered from the cache. */
export class Fetch implements Cuttable {
  below: Cuttable | null = null
  readonly #store: Store
  readonly #call: CallRecord
  readonly #key: string
  readonly #begunAt: number
  readonly #batch: Batch
  #over = false

  constructor(store: Store, call: CallRecord, key: string, begunAt: number) {
    this.#store = store
    this.#call = call
    this.#key = key
    this.#begunAt = begunAt
    this.#batch = store.underway.begin(key)
    if (call.top !== null) call.push(this)
  }

  run(next: Next): Promise<unknown> {
    // A listener that heard of the miss has cut the call off: it must not begin, and somebody further out has answered.
    if (this.#over) return new Promise(() => undefined)
    return begun(next, this.#call).then(this.#fulfilled, this.#rejected)
  }

  cut(): void {
    this.#over = true
    this.#store.underway.end(this.#key, this.#batch)
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
    const stored = outcome === 'success' && this.#store.store(this.#key, value, this.#begunAt, this.#batch)
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
    this.#store.underway.end(this.#key, this.#batch)
    if (this.#call.top === this) this.#call.top = this.below
  }
}

/** Runs the rest. A layer inside that throws, which none should, is a failure like any other, so that what was begun ends. */
export function begun(next: Next, call: CallRecord): Promise<unknown> {
  try {
    return Promise.resolve(next(call))
  } catch (error) {
    return rejected(error)
  }
}

/** What a value means to the pipeline of the call. */
export function outcomeOf(call: CallRecord, value: unknown): Outcome {
  const { ofValue } = call.environment.judge
  return ofValue === undefined ? 'success' : ofValue(value).outcome
}
