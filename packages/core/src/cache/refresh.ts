// A fetch in the background, on a call that nobody waits for: neither the abort nor the deadline of the call at hand ends it,
// so that it could hang for good; the cache gives it up when it is overdue.
// Invariant: its failure is counted and never unhandled; one that was given up stores nothing and tells nothing any more.
import type { CallRecord } from '../call.ts'
import { stackless } from '../errors.ts'
import type { Next } from '../policy.ts'
import { begun, outcomeOf, type Store } from './fetch.ts'
import type { Batch } from './underway.ts'

/** One refresh of one key. */
export class Refresh {
  readonly begunAt: number
  readonly #store: Store
  readonly #key: string
  readonly #branch: CallRecord
  readonly #batch: Batch
  #over = false

  constructor(store: Store, call: CallRecord, key: string, begunAt: number) {
    this.#store = store
    this.#key = key
    this.begunAt = begunAt
    this.#branch = call.branch(1, { ...call.options, signal: undefined, deadline: undefined })
    this.#branch.limit = undefined
    this.#batch = store.underway.begin(key)
  }

  run(next: Next): void {
    begun(next, this.#branch).then(this.#learn).then(this.#end, this.#failed)
  }

  /** It takes too long: what runs inside is cut off, and a value that still comes is discarded. */
  giveUp(): void {
    this.#end(true)
    const { name } = this.#branch
    const who = name === '' ? this.#store.name : `${name}: ${this.#store.name}`
    const reason = stackless(() => new Error(`${who}: this refresh took too long and was given up`))
    this.#branch.cut(null, 'ignored', reason)
  }

  /** Takes a value over and answers whether it is a failure. */
  readonly #learn = (value: unknown): boolean => {
    const { judge } = this.#branch.environment
    if (this.#over) {
      judge.discard(value)
      return false
    }
    const outcome = outcomeOf(this.#branch, value)
    const stored = outcome === 'success' && this.#store.store(this.#key, value, this.begunAt, this.#batch)
    if (!stored) judge.discard(value)
    return outcome === 'failure'
  }

  // The caller was answered with the stale value, so a failure is nobody's answer: it is counted, and the gates inside know.
  readonly #failed = (): void => this.#end(true)

  readonly #end = (failed: boolean): void => {
    if (this.#over) return
    this.#over = true
    this.#store.underway.end(this.#key, this.#batch)
    this.#store.refreshed(this.#key, failed)
  }
}
