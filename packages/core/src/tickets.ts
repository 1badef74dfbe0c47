// The tickets of one pass through gates, which are entered row by row: neighbours together. Invariant: a gate that admitted is
// settled and exited exactly once, in reverse order, whether the call ended, was refused further in, or was cut off.
import type { Call, CallRecord } from './call.ts'
import type { Outcome } from './classify.ts'
import type { PolicyEvents } from './events.ts'
import type { Gate } from './policy.ts'

/** Enters, settles and exits rows of gates, outermost first. A row ends before `to`, by default with the last gate. */
export class Tickets {
  readonly gates: readonly Gate[]
  readonly #tickets: number[]
  /** How many gates are entered, from the outermost on: whole rows only. */
  #entered = 0
  /** The refused ticket, after `enter` answered an index. */
  refused = 0

  constructor(gates: readonly Gate[]) {
    this.gates = gates
    this.#tickets = gates.map(() => 0)
  }

  /**
   * Enters every gate of the next row and answers -1, or backs out of those it entered and answers the index of the refusing gate.
   * `held` is the index of a gate whose ticket was reserved by waiting.
   */
  enter(call: Call, held: number, reserved: number, to: number = this.gates.length): number {
    for (let index = this.#entered; index < to; index++) {
      const gate = this.gates[index] as Gate
      const ticket = index === held ? reserved : gate.enter(call)
      if (ticket < 0) {
        this.#leave(call, index - 1, this.#entered, 'ignored', undefined)
        // A reserved slot further in was not reached, so nothing above gave it back.
        if (held > index) leaveGate(this.gates[held] as Gate, call, reserved, 'ignored', undefined)
        this.refused = ticket
        return index
      }
      this.#tickets[index] = ticket
    }
    this.#entered = to
    return -1
  }

  /**
   * After a refusal at `refusing`: waits in the queue of that gate, holding nothing of its row, and enters all of the row again,
   * because the world has changed meanwhile. Resolves when it is entered; rejects with the refusal, or the abort's reason.
   */
  async wait(call: CallRecord, refusing: number, to?: number): Promise<void> {
    for (let index = refusing; index >= 0;) {
      const gate = this.gates[index] as Gate
      if (gate.canWait?.(this.refused) !== true) throw gate.refusal(call, this.refused)
      const heard = gate.events?.heard === true
      const ticket = (heard ? await waited(gate, gate.events, call) : await gate.wait?.(call)) ?? -1
      if (ticket < 0) throw gate.refusal(call, ticket)
      if (call.signal.aborted) {
        // The slot was handed over in the same turn in which the call was cut: give it back, nobody will run.
        leaveGate(gate, call, ticket, 'ignored', undefined)
        throw call.signal.reason
      }
      // The time in the queue is not the guarded function's.
      call.restart()
      index = this.enter(call, index, ticket, to)
    }
  }

  /** Settles and exits what was entered: for a call that ends at one moment. */
  end(call: Call, outcome: Outcome, error: unknown): void {
    const last = this.#entered - 1
    this.#entered = 0
    this.#leave(call, last, 0, outcome, error)
  }

  /** Lets every gate learn, without freeing anything. */
  settle(call: Call, outcome: Outcome, error: unknown): void {
    for (let index = this.#entered - 1; index >= 0; index--) {
      ;(this.gates[index] as Gate).settle(call, this.#tickets[index] as number, outcome, error)
    }
  }

  /** Frees everything that was settled before. */
  exit(call: Call): void {
    for (let index = this.#entered - 1; index >= 0; index--) {
      ;(this.gates[index] as Gate).exit(call, this.#tickets[index] as number)
    }
  }

  /** From the gate `last` out to the gate `first`. */
  #leave(call: Call, last: number, first: number, outcome: Outcome, error: unknown): void {
    let index = last
    try {
      for (; index >= first; index--) {
        leaveGate(this.gates[index] as Gate, call, this.#tickets[index] as number, outcome, error)
      }
    } finally {
      // A gate that breaks its contract and throws must not cost its neighbours their slots.
      if (index >= first) this.#leave(call, index - 1, first, outcome, error)
    }
  }
}

/** Waits in the queue of a gate and tells how long it took. Only for those who listen is the clock read. */
async function waited(gate: Gate, events: PolicyEvents, call: CallRecord): Promise<number> {
  const { clock } = call.environment
  const begunAt = clock.now()
  let ticket = -1
  try {
    ticket = (await gate.wait?.(call)) ?? -1
    return ticket
  } finally {
    const waitedMs = clock.now() - begunAt
    events.publish({ type: 'queued', policy: gate.name, pipeline: call.name, waitedMs, admitted: ticket >= 0 }, call)
  }
}

function leaveGate(gate: Gate, call: Call, ticket: number, outcome: Outcome, error: unknown): void {
  try {
    gate.settle(call, ticket, outcome, error)
  } finally {
    gate.exit(call, ticket)
  }
}
