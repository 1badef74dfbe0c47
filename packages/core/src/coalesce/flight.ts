// One run through the rest on behalf of all calls with one key, and those calls. A caller who is cut off leaves; the run is
// cut off when nobody is left. Invariant: a value reaches every caller who is still there, or is discarded once.
import type { CallRecord, Cuttable } from '../call.ts'
import type { Outcome } from '../classify.ts'
import type { Next } from '../policy.ts'
import { rejected, Rejecting } from '../rejection.ts'
import { share } from '../shared.ts'

const nothing = (): void => undefined

/** Runs on a call of its own, without the abort and the deadline of whoever began it. */
export class Flight {
  readonly #branch: CallRecord
  readonly #copy: (value: unknown) => unknown
  readonly #forget: () => void
  readonly #result: Promise<unknown>
  #resolve: (value: unknown) => void = nothing
  #reject: (error: unknown) => void = nothing
  /** Callers that have neither been answered nor left. */
  #waiting = 0
  /** It has ended, or was cut off because nobody was left. */
  #over = false
  /** The value, once it is there and until some caller has it. */
  #unclaimed: { readonly value: unknown } | undefined = undefined

  /** `forget` is called once, when nobody can join any more. */
  constructor(call: CallRecord, copy: (value: unknown) => unknown, forget: () => void) {
    this.#branch = call.branch(call.attempt, { ...call.options, signal: undefined, deadline: undefined })
    this.#branch.limit = undefined
    this.#copy = copy
    this.#forget = forget
    this.#result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** The first caller joins before anything runs, since running may already cut it off. */
  begin(call: CallRecord, next: Next): Promise<unknown> {
    const answer = this.join(call)
    // Settled by the promise's own functions: only those V8 follows from an error to the caller.
    this.#run(next).then(this.#fulfilled, this.#rejected).then(this.#resolve, this.#reject)
    return answer
  }

  /** A layer inside that throws, which none should, must not leave a flight that never ends: everybody would join it. */
  #run(next: Next): Promise<unknown> {
    try {
      return Promise.resolve(next(this.#branch))
    } catch (error) {
      return rejected(error)
    }
  }

  join(call: CallRecord): Promise<unknown> {
    this.#waiting++
    const passenger = new Passenger(this, call)
    return this.#result.then(passenger.fulfilled, passenger.rejected)
  }

  /** The answer for one caller. All but the last get a copy, so that the value itself is used, and used once. */
  take(value: unknown): unknown {
    const answer = --this.#waiting > 0 ? this.#copy(value) : value
    if (answer === value) {
      this.#unclaimed = undefined
      if (this.#waiting > 0) share(value)
    }
    return answer
  }

  /** A caller was cut off. What cut the last one is what the gates inside learn: a timeout that hides a hang is a failure. */
  leave(outcome: Outcome, reason: unknown): void {
    if (--this.#waiting > 0) return
    if (!this.#over) {
      this.#end()
      this.#branch.cut(null, outcome, reason)
    } else if (this.#unclaimed !== undefined) {
      this.#branch.environment.judge.discard(this.#unclaimed.value)
    }
  }

  readonly #fulfilled = (value: unknown): unknown => {
    if (this.#over) this.#branch.environment.judge.discard(value)
    else {
      this.#unclaimed = { value }
      this.#end()
    }
    return value
  }

  readonly #rejected = (error: unknown): unknown => {
    if (!this.#over) this.#end()
    return new Rejecting(error)
  }

  #end(): void {
    this.#over = true
    this.#forget()
  }
}

/** One caller of a flight. */
class Passenger implements Cuttable {
  below: Cuttable | null = null
  readonly #flight: Flight
  readonly #call: CallRecord
  #left = false

  constructor(flight: Flight, call: CallRecord) {
    this.#flight = flight
    this.#call = call
    if (call.top !== null) call.push(this)
  }

  cut(outcome: Outcome, reason: unknown): void {
    this.#left = true
    this.#flight.leave(outcome, reason)
  }

  // Who has left gets nothing: the value is the others', and must not be discarded further out.
  readonly fulfilled = (value: unknown): unknown => {
    if (this.#left) return new Promise(nothing)
    this.#close()
    return this.#flight.take(value)
  }

  readonly rejected = (error: unknown): unknown => {
    if (this.#left) return new Promise(nothing)
    this.#close()
    return new Rejecting(error)
  }

  #close(): void {
    if (this.#call.top === this) this.#call.top = this.below
  }
}
