// What is due and when: a binary heap of events, the earliest first, equal times in the order in which they were set.
// Invariant: `place` of an event in the heap is its index, so that one can be taken out again in O(log n). The times stand
// apart in a typed array, because nearly all the work of a heap is comparing them.

/** Something that happens at a virtual moment. It is its own node, in a heap or in a lane, so that setting it allocates nothing. */
export abstract class SimEvent {
  /** Virtual milliseconds. */
  at = 0
  /** Counts up with every setting; it decides between equal times. */
  order = 0
  /** Index in the heap, -1 when it is in none. */
  place = -1
  /** Neighbours in a lane, and whether it is in one. */
  ahead: SimEvent | null = null
  behind: SimEvent | null = null
  laned = false

  /** It happens. The clock stands at `at`. */
  abstract fire(): void
}

/** The events that are set, the earliest on top. */
export class EventHeap {
  #times = new Float64Array(1024)
  readonly #events: SimEvent[] = []

  get size(): number {
    return this.#events.length
  }

  /** The earliest; undefined when there is none. */
  get first(): SimEvent | undefined {
    return this.#events[0]
  }

  push(event: SimEvent): void {
    const place = this.#events.length
    if (place === this.#times.length) {
      const times = new Float64Array(place * 2)
      times.set(this.#times)
      this.#times = times
    }
    this.#events.push(event)
    this.#rise(place, event)
  }

  /** Takes one out, wherever it stands. Harmless when it is not in. */
  remove(event: SimEvent): void {
    const { place } = event
    if (place < 0) return
    event.place = -1
    const last = this.#events.pop() as SimEvent
    if (last === event) return
    // The last one takes the gap and then moves to where it belongs, up or down.
    this.#rise(place, last)
    if (last.place === place) this.#sink(place, last)
  }

  #rise(from: number, event: SimEvent): void {
    const times = this.#times
    const events = this.#events
    const { at, order } = event
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      const time = times[parent] as number
      const above = events[parent] as SimEvent
      if (time < at || (time === at && above.order < order)) break
      times[place] = time
      events[place] = above
      above.place = place
      place = parent
    }
    times[place] = at
    events[place] = event
    event.place = place
  }

  #sink(from: number, event: SimEvent): void {
    const times = this.#times
    const events = this.#events
    const { length } = events
    const { at, order } = event
    let place = from
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      if (child + 1 < length && this.#isBefore(child + 1, child)) child++
      const time = times[child] as number
      const below = events[child] as SimEvent
      if (at < time || (at === time && order < below.order)) break
      times[place] = time
      events[place] = below
      below.place = place
      place = child
    }
    times[place] = at
    events[place] = event
    event.place = place
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#times[one] as number
    const b = this.#times[other] as number
    return a < b || (a === b && (this.#events[one] as SimEvent).order < (this.#events[other] as SimEvent).order)
  }
}
