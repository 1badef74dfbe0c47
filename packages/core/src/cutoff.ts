// A stretch of a call that can be cut off from outside: by a timeout, a deadline or the caller's abort. The caller is
// answered at that moment, whether or not the function listens; the gates inside learn and are freed; what the function
// does later is swallowed. Invariant: it answers once, and its pooled record is reused only after the function ended.
import type { CallRecord, Cuttable } from './call.ts'
import type { Judge, Outcome } from './classify.ts'
import type { ResultHandlers } from './policy.ts'
import { Rejecting } from './rejection.ts'

/** Ways in which a cutoff tells its owner how it ended; each is called at most once per call. */
export interface CutoffOwner {
  readonly judge: Judge
  /** It no longer waits: ended by itself or cut off. Timers and listeners go now. */
  closed(cutoff: Cutoff): void
  /** Its function ended after the caller had been answered. */
  abandoned(call: CallRecord): void
  /** Its function ended: the record may serve another call. */
  free(cutoff: Cutoff): void
}

/** One running stretch. Made by its owner, who may keep it for reuse. */
export class Cutoff implements Cuttable {
  below: Cuttable | null = null
  /** Null only while the record is in its owner's pool. */
  call: CallRecord | null = null
  readonly #owner: CutoffOwner
  #answered = false
  #reason: unknown = undefined
  #outerLimit: number | undefined = undefined
  #handlers: ResultHandlers | undefined = undefined
  #resolve: ((value: unknown) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined

  constructor(owner: CutoffOwner) {
    this.#owner = owner
  }

  /** Puts itself on the call's stack and answers what the caller waits for. `limit` is the new deadline, monotonic ms. */
  begin(call: CallRecord, limit: number | undefined, handlers?: ResultHandlers): Promise<unknown> {
    this.call = call
    this.#handlers = handlers
    this.#answered = false
    this.#outerLimit = call.limit
    call.limit = limit
    call.push(this)
    return new Promise(this.#capture)
  }

  /**
   * Hooks itself onto the running function. Apart from `begin`, so that the stack is complete before anything runs. The
   * answer is settled by the promise's own functions, one turn after our handlers: V8 follows those, and only those, when
   * it collects an async stack trace, and without them an error would not show the caller.
   */
  follow(running: Promise<unknown>): void {
    running.then(this.#fulfilled, this.#rejected).then(this.#resolve, this.#reject)
  }

  /** Ends it now: the gates inside learn `outcome`, the function's signal says `reason`, and the caller receives it. */
  sever(outcome: Outcome, reason: unknown): void {
    const call = this.call as CallRecord
    const [resolve, reject, handlers] = [this.#resolve, this.#reject, this.#handlers]
    call.cut(this, outcome, reason)
    this.#close(call, reason)
    try {
      if (handlers === undefined) reject?.(reason)
      else resolve?.(handlers.rejected(reason))
    } catch (error) {
      // The classifier threw; its gates are freed already.
      reject?.(error)
    }
  }

  /** Cut off together with something further out, which answers the caller: this promise stays open and is garbage. */
  cut(_outcome: Outcome, reason: unknown): void {
    this.#close(this.call as CallRecord, reason)
  }

  readonly #capture = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
    this.#resolve = resolve
    this.#reject = reject
  }

  // Both answer a promise that never settles when the caller has been answered: if it was cut from further out, its own
  // answer must stay open, else the layers between would take it for a result. A fresh one each, so that it is garbage.
  readonly #fulfilled = (value: unknown): unknown => {
    const handlers = this.#handlers
    if (this.#answered) {
      this.#owner.judge.discard(value)
      this.#owner.abandoned(this.call as CallRecord)
      this.#end()
      return new Promise(nothing)
    }
    this.#close(this.call as CallRecord, undefined)
    this.#end()
    return handlers === undefined ? value : handlers.fulfilled(value)
  }

  readonly #rejected = (error: unknown): unknown => {
    const handlers = this.#handlers
    if (this.#answered) {
      // A function that ends with the very reason of its cutting has obeyed: it brings no late result.
      if (error !== this.#reason) this.#owner.abandoned(this.call as CallRecord)
      this.#end()
      return new Promise(nothing)
    }
    this.#close(this.call as CallRecord, undefined)
    this.#end()
    return handlers === undefined ? new Rejecting(error) : handlers.rejected(error)
  }

  #close(call: CallRecord, reason: unknown): void {
    this.#answered = true
    this.#reason = reason
    // After a cut from outside the stack no longer holds it; else, since stretches nest, it lies on top.
    if (call.top === this) call.top = this.below
    call.limit = this.#outerLimit
    this.#owner.closed(this)
  }

  #end(): void {
    // A pooled record must not keep the last caller's function and result alive.
    this.call = this.below = null
    this.#handlers = this.#resolve = this.#reject = this.#reason = undefined
    this.#owner.free(this)
  }
}

const nothing = (): void => undefined
