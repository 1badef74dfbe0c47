// Events in a row. What waits equally long falls due in the order in which it was set: a list serves it in O(1), where a
// heap would sort what is sorted already. The network's delay and the patience of users are such; a queue is one too.
import type { SimEvent } from './heap.ts'

/** A list that anyone can leave at once. An event is in at most one. */
export class Line {
  first: SimEvent | null = null
  #last: SimEvent | null = null
  length = 0

  push(event: SimEvent): void {
    this.length++
    event.laned = true
    event.ahead = this.#last
    event.behind = null
    if (this.#last === null) this.first = event
    else this.#last.behind = event
    this.#last = event
  }

  /** Takes one out that is in this line, wherever it stands. Harmless when it is in none. */
  remove(event: SimEvent): void {
    if (!event.laned) return
    this.length--
    event.laned = false
    if (event.ahead === null) this.first = event.behind
    else event.ahead.behind = event.behind
    if (event.behind === null) this.#last = event.ahead
    else event.behind.ahead = event.ahead
    event.ahead = event.behind = null
  }
}

/** The events of one delay, set by `SimulationClock.enter`. Its clock looks at the first one. */
export class Lane extends Line {
  readonly delayMs: number

  constructor(delayMs: number) {
    super()
    this.delayMs = delayMs
  }
}
