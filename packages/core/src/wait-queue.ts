// The calls that wait for a permit of one gate: in the order of their importance, and of their arrival where that is
// equal. Invariant: every waiter is answered once, by a ticket or by the reason of its abort, and whoever leaves does so at
// once, in O(1). It holds no timer and counts no permits; how many may wait is its gate's affair.
import type { Call } from './call.ts'

class Waiter {
  ahead: Waiter = this
  behind: Waiter = this
  readonly call: Call | undefined
  readonly answer: (ticket: number) => void

  constructor(call: Call | undefined, answer: (ticket: number) => void) {
    this.call = call
    this.answer = answer
  }
}

/**
 * A queue with one lane per priority; with a single lane it is first in, first out.
 *
 * @example
 * const queue = new WaitQueue(4)
 * const ticket = queue.wait(call) // in the gate's `wait`
 * queue.admit(0) // in its `exit`: the next call in line gets ticket 0
 */
export class WaitQueue {
  /** Each lane is a ring; its first element stands for nobody. The most important lane comes first. */
  readonly #lanes: readonly Waiter[]
  #size = 0
  #waited = 0

  constructor(lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => new Waiter(undefined, nobody))
  }

  /** Calls that wait now. */
  get size(): number {
    return this.#size
  }

  /** Calls that ever waited. */
  get waited(): number {
    return this.#waited
  }

  /** Answers the ticket that the call is given; rejects with the reason when its signal aborts, or had aborted before. */
  wait(call: Call): Promise<number> {
    // Reading the signal makes one; a call that waits can afford it.
    const { signal } = call
    if (signal.aborted) return Promise.reject(signal.reason)
    this.#waited++
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(call, (ticket) => {
        signal.removeEventListener('abort', leave)
        resolve(ticket)
      })
      const leave = (): void => {
        this.#unlink(waiter)
        signal.removeEventListener('abort', leave)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave)
      const lane = this.#lanes[this.#laneOf(call)] as Waiter
      waiter.ahead = lane.ahead
      waiter.behind = lane
      lane.ahead = lane.ahead.behind = waiter
      this.#size++
    })
  }

  /** Gives the next call in line its ticket. Who calls it has seen to it that somebody waits. */
  admit(ticket: number): void {
    const lane = this.#lanes.find((head) => head.behind !== head)
    if (lane !== undefined) this.#dismiss(lane.behind, ticket)
  }

  /** Whether somebody waits who is less important than this call. */
  yields(call: Call): boolean {
    return this.#last(call) !== undefined
  }

  /**
   * Makes room for a more important call: the latest of the least important ones, which has waited for the shortest time,
   * gets `ticket`, a refusal. Answers whose place it was; undefined when nobody is less important.
   */
  displace(call: Call, ticket: number): Call | undefined {
    const last = this.#last(call)
    if (last !== undefined) this.#dismiss(last, ticket)
    return last?.call
  }

  #last(call: Call): Waiter | undefined {
    const own = this.#laneOf(call)
    for (let lane = this.#lanes.length - 1; lane > own; lane--) {
      const head = this.#lanes[lane] as Waiter
      if (head.ahead !== head) return head.ahead
    }
    return undefined
  }

  /** A priority that is none of ours (plain JavaScript may say anything) is the least important. */
  #laneOf({ priority }: Call): number {
    return this.#lanes[priority] === undefined ? this.#lanes.length - 1 : priority
  }

  #dismiss(waiter: Waiter, ticket: number): void {
    this.#unlink(waiter)
    waiter.answer(ticket)
  }

  #unlink(waiter: Waiter): void {
    waiter.ahead.behind = waiter.behind
    waiter.behind.ahead = waiter.ahead
    this.#size--
  }
}

const nobody = (): void => undefined
