// A stretch of a call that can be cut off from outside: by a timeout, a deadline or the caller's abort. The caller is
// answered at that moment, whether or not the function listens; the gates inside learn and are freed; what the function
// does later is swallowed. Invariant: it answers once, and its pooled record is reused only after the function ended.
import type { CallRecord, Cuttable } from './call.ts'
import type { Judge } from './classify.ts'
import type { Outcome, ResultHandlers } from './policy.ts'

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
  #outerLimit: number | undefined = undefined
  #handlers: ResultHandlers | undefined = undefined
  #resolve: (value: unknown) => void = nobody
  #reject: (error: unknown) => void = nobody

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

  /** Hooks itself onto the running function. Apart from `begin`, so that the stack is complete before anything runs. */
  follow(running: Promise<unknown>): void {
    running.then(this.#fulfilled, this.#rejected)
  }

  /** Ends it now: the gates inside learn `outcome`, the function's signal says `reason`, and the caller receives it. */
  sever(outcome: Outcome, reason: unknown): void {
    const call = this.call as CallRecord
    call.cut(this, outcome, reason)
    this.#close(call)
    this.#answer(this.#handlers?.rejected, reason, this.#reject)
  }

  /** Cut off together with something further out, which answers the caller: this promise stays open and is garbage. */
  cut(): void {
    this.#close(this.call as CallRecord)
  }

  readonly #capture = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
    this.#resolve = resolve
    this.#reject = reject
  }

  readonly #fulfilled = (value: unknown): void => {
    const call = this.call as CallRecord
    if (this.#answered) {
      this.#owner.judge.discard(value)
      this.#owner.abandoned(call)
    } else {
      this.#close(call)
      this.#answer(this.#handlers?.fulfilled, value, this.#resolve)
    }
    this.#end()
  }

  readonly #rejected = (error: unknown): void => {
    const call = this.call as CallRecord
    if (this.#answered) {
      this.#owner.abandoned(call)
    } else {
      this.#close(call)
      this.#answer(this.#handlers?.rejected, error, this.#reject)
    }
    this.#end()
  }

  /** Through the handler of the frame around it, if that is fused with it; else as it is. */
  #answer(
    handler: ((result: unknown) => unknown) | undefined,
    result: unknown,
    plainly: (result: unknown) => void,
  ): void {
    if (handler === undefined) return plainly(result)
    try {
      this.#resolve(handler(result))
    } catch (error) {
      // A classifier threw; its gates are freed already.
      this.#reject(error)
    }
  }

  #close(call: CallRecord): void {
    this.#answered = true
    // After a cut from outside the stack no longer holds it; else, since stretches nest, it lies on top.
    if (call.top === this) call.top = this.below
    call.limit = this.#outerLimit
    this.#owner.closed(this)
  }

  #end(): void {
    // A pooled record must not keep the last caller's function and result alive.
    this.call = this.below = null
    this.#handlers = undefined
    this.#resolve = this.#reject = nobody
    this.#owner.free(this)
  }
}

const nobody = (): void => undefined
