// Neighbouring gates fused into one step of the pipeline: enter all, run the rest, let all learn, free all. This is the
// hottest file: the pass of a call, with its two handlers bound once, comes from a pool, so that a guarded call costs one
// `then` and no closure. Returning that `then` (instead of `new Promise`) keeps async stack traces whole.
import type { CallRecord, Cuttable } from './call.ts'
import type { Judge, Verdict } from './classify.ts'
import type { Gate, Next, Outcome } from './policy.ts'
import { Tickets } from './tickets.ts'

/** Passes kept for reuse per frame; beyond so many concurrent calls a pass is simply made and forgotten. */
const mostPooled = 1024

/** Compiles neighbouring gates, outermost first, around `next`. */
export function frame(gates: readonly Gate[], next: Next, judge: Judge): Next {
  const built = new Frame(gates, next, judge)
  return (call) => built.run(call)
}

class Frame {
  readonly gates: readonly Gate[]
  readonly judge: Judge
  readonly #next: Next
  readonly #pool: Pass[] = []

  constructor(gates: readonly Gate[], next: Next, judge: Judge) {
    this.gates = gates
    this.#next = next
    this.judge = judge
  }

  run(call: CallRecord): Promise<unknown> {
    const pass = this.#pool.pop() ?? new Pass(this)
    const refusing = pass.enter(call, -1, 0)
    return refusing < 0 ? this.#admitted(pass, call) : this.#refused(pass, call, refusing)
  }

  release(pass: Pass): void {
    if (this.#pool.length < mostPooled) this.#pool.push(pass)
  }

  #admitted(pass: Pass, call: CallRecord): Promise<unknown> {
    pass.call = call
    // Only what lies further out can cut this pass; with nothing there, there is no need to be found.
    if (call.top !== null) call.push(pass)
    return this.#next(call).then(pass.fulfilled, pass.rejected)
  }

  #refused(pass: Pass, call: CallRecord, refusing: number): Promise<unknown> {
    const gate = this.gates[refusing] as Gate
    if (gate.canWait?.(pass.refused) === true) return this.#queued(pass, call, refusing)
    const error = gate.refusal(call, pass.refused)
    this.release(pass)
    return Promise.reject(error)
  }

  async #queued(pass: Pass, call: CallRecord, refusing: number): Promise<unknown> {
    try {
      await pass.wait(call, refusing)
    } catch (error) {
      this.release(pass)
      throw error
    }
    return this.#admitted(pass, call)
  }
}

/** One call inside one frame. It returns to the pool only after its handlers ran, since they are bound to it. */
class Pass extends Tickets implements Cuttable {
  below: Cuttable | null = null
  call: CallRecord | null = null
  readonly #frame: Frame

  constructor(owner: Frame) {
    super(owner.gates)
    this.#frame = owner
  }

  readonly fulfilled = (value: unknown): unknown => {
    const { ofValue } = this.#frame.judge
    if (ofValue === undefined) this.#close('success', undefined)
    else this.#judged(ofValue, value, undefined)
    return value
  }

  readonly rejected = (error: unknown): never => {
    this.#judged(this.#frame.judge.ofError, error, error)
    throw error
  }

  cut(outcome: Outcome, reason: unknown): void {
    const call = this.call as CallRecord
    this.call = null
    this.end(call, outcome, reason)
  }

  /** A classifier that throws costs the caller its answer, but never a permit: the gates learn 'ignored' and are freed. */
  #judged(judge: (result: unknown) => Verdict, result: unknown, error: unknown): void {
    let outcome: Outcome = 'ignored'
    try {
      outcome = judge(result).outcome
    } finally {
      this.#close(outcome, error)
    }
  }

  #close(outcome: Outcome, error: unknown): void {
    const call = this.call
    if (call !== null) {
      this.call = null
      // Frames nest, so a pass that is on the stack lies on top when it ends by itself.
      if (call.top === this) call.top = this.below
      this.end(call, outcome, error)
    }
    this.#frame.release(this)
  }
}
