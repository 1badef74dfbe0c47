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

/** Neighbouring gates, or a timeout. */
export type Step = { readonly gates: readonly Gate[] } | { readonly timeout: Timeout }

/** The steps of policies that are only gates and timeouts. */
export function stepsOf(policies: readonly Policy[]): readonly Step[] {
  const steps: Step[] = []
  let gates: Gate[] = []
  for (const policy of policies) {
    if (policy.kind === 'layer') {
      // Whoever calls this has seen to it that the layer is a timeout.
      steps.push({ timeout: policy as unknown as Timeout })
      gates = []
      continue
    }
    if (gates.length === 0) steps.push({ gates })
    gates.push(policy)
  }
  return steps
}

/** A gate that refused, and the row it stands in. */
interface Refused {
  readonly tickets: Tickets
  readonly index: number
}

/** What one call has entered of one side. */
export class Entry {
  readonly call: CallRecord
  readonly #steps: readonly Step[]
  readonly #rows: Tickets[] = []
  #next = 0
  #limiter: Timeout | undefined = undefined

  constructor(steps: readonly Step[], call: CallRecord) {
    this.#steps = steps
    this.call = call
  }

  /** Enters everything, or backs out of it and answers the refusal. */
  enter(): SwitchgearError | undefined {
    const refused = this.#advance()
    if (refused === undefined) return undefined
    this.end('ignored', undefined)
    const { tickets, index } = refused
    return (tickets.gates[index] as Gate).refusal(this.call, tickets.refused)
  }

  /** Like `enter`, but waits in the queues. Rejects with the refusal, the error of a deadline, or the abort reason. */
  async wait(): Promise<void> {
    try {
      for (let refused = this.#advance(); refused !== undefined; refused = this.#advance()) {
        // In a queue the caller's abort and every deadline so far must reach the call; afterwards both are the adapter's.
        const release = guardWait(this.call, () => this.expired())
        try {
          await refused.tickets.wait(this.call, refused.index)
        } finally {
          release()
        }
        this.#rows.push(refused.tickets)
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
    for (const row of this.#rows.toReversed()) row.settle(this.call, outcome, error)
  }

  exit(): void {
    for (const row of this.#rows.toReversed()) row.exit(this.call)
  }

  /** Settles and exits what was entered. */
  end(outcome: Outcome, error: unknown): void {
    for (const row of this.#rows.toReversed()) row.end(this.call, outcome, error)
  }

  /** Goes on to the end (undefined) or to a gate that refuses. */
  #advance(): Refused | undefined {
    for (; this.#next < this.#steps.length; this.#next++) {
      const step = this.#steps[this.#next] as Step
      if ('timeout' in step) {
        this.#limit(step.timeout)
        continue
      }
      const tickets = new Tickets(step.gates)
      const index = tickets.enter(this.call, -1, 0)
      if (index >= 0) return { tickets, index }
      this.#rows.push(tickets)
    }
    return undefined
  }

  #limit(timeout: Timeout): void {
    const due = this.call.environment.clock.now() + timeout.afterMs
    if (due >= this.call.deadline) return
    this.call.limit = due
    this.#limiter = timeout
  }
}
