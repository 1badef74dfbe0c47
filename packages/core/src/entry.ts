// One side of a pipeline as it is entered from outside: its gates and timeouts in their order, up to the retry or behind it.
// It is what frames and cutoffs are for a wrapped function, without running one. Invariant: rows that were entered are
// settled and exited in reverse order; a time limit begins where its timeout stands, so time in a queue before it is free.
import type { CallRecord } from './call.ts'
import type { Outcome } from './classify.ts'
import { SwitchgearError } from './errors.ts'
import { exceeded, guardWait } from './guard.ts'
import type { Gate, Policy } from './policy.ts'
import { Tickets } from './tickets.ts'
import type { Timeout } from './timeout.ts'

/** A row of neighbouring gates, by the place after its last among all gates of the side; or a timeout. */
export type Step = number | Timeout

/** Policies that are only gates and timeouts, compiled once: every call makes one list of tickets for all gates. */
export interface Side {
  readonly gates: readonly Gate[]
  readonly steps: readonly Step[]
}

/** One side of a pipeline. `tally` stands in front, in a row of its own. */
export function sideOf(policies: readonly Policy[], tally?: Gate): Side {
  const gates: Gate[] = tally ? [tally] : []
  const steps: Step[] = tally ? [1] : []
  let inRow = false
  for (const policy of policies) {
    const isGate = policy.kind === 'gate'
    if (isGate && inRow) steps.pop()
    // Whoever calls this has seen to it that a layer is a timeout.
    steps.push(isGate ? gates.push(policy) : (policy as unknown as Timeout))
    inRow = isGate
  }
  return { gates, steps }
}

/** What one call has entered of one side. */
export class Entry {
  readonly call: CallRecord
  readonly #steps: readonly Step[]
  readonly #tickets: Tickets
  #next = 0
  #limiter: Timeout | undefined = undefined

  constructor(side: Side, call: CallRecord) {
    this.#steps = side.steps
    this.#tickets = new Tickets(side.gates)
    this.call = call
  }

  /** Enters everything, or backs out of it and answers the refusal. */
  enter(): SwitchgearError | undefined {
    const refusing = this.#advance()
    if (refusing < 0) return undefined
    this.end('ignored', undefined)
    const { gates, refused } = this.#tickets
    return (gates[refusing] as Gate).refusal(this.call, refused)
  }

  /** Like `enter`, but waits in the queues. Rejects with the refusal, the error of a deadline, or the abort reason. */
  async wait(): Promise<void> {
    try {
      for (let refusing = this.#advance(); refusing >= 0; refusing = this.#advance()) {
        // In a queue the caller's abort and every deadline so far must reach the call; afterwards both are the adapter's.
        const release = guardWait(this.call, () => this.expired())
        try {
          await this.#tickets.wait(this.call, refusing, this.#steps[this.#next] as number)
        } finally {
          release()
        }
        this.#next++
        if (this.call.isCut) throw this.call.signal.reason
      }
    } catch (error) {
      // A deadline that passes in the queue is a failure for what was entered before it, as for a wrapped function.
      const aborted = this.call.options.signal?.aborted === true
      const late = !aborted && error instanceof SwitchgearError && !error.refusal
      this.end(late ? 'failure' : 'ignored', error)
      throw error
    }
  }

  /** Whether one of the timeouts of this side set the deadline of the call. */
  get limits(): boolean {
    return this.#limiter !== undefined
  }

  /** The error of the deadline, counted and published by the timeout that set it. */
  expired(): SwitchgearError {
    return this.#limiter?.expired(this.call.name, this.call) ?? exceeded(this.call.name)
  }

  settle(outcome: Outcome, error: unknown): void {
    this.#tickets.settle(this.call, outcome, error)
  }

  exit(): void {
    this.#tickets.exit(this.call)
  }

  /** Settles and exits what was entered. */
  end(outcome: Outcome, error: unknown): void {
    this.#tickets.end(this.call, outcome, error)
  }

  /** Goes on to the end (-1) or to a gate that refuses, whose place it answers. */
  #advance(): number {
    for (; this.#next < this.#steps.length; this.#next++) {
      const step = this.#steps[this.#next] as Step
      if (typeof step === 'number') {
        const refusing = this.#tickets.enter(this.call, -1, 0, step)
        if (refusing >= 0) return refusing
      } else {
        this.#limit(step)
      }
    }
    return -1
  }

  #limit(timeout: Timeout): void {
    const due = this.call.environment.clock.now() + timeout.afterMs
    if (due >= this.call.deadline) return
    this.call.limit = due
    this.#limiter = timeout
  }
}
