// The deadlines of all calls of a service behind a few timers. Most deadlines are set by the same two timeouts and so fall due in
// the order in which they came: each goes to the end of the lane whose last one is due just before it, and the timer of a lane is
// that of its head. What fits into no lane (callers with deadlines of their own) gets a timer of its own.
// Invariant: nothing expires early or twice; an empty lane keeps no process alive; after `close` no timer is left.
import type { Clock, Timer } from '@switchgear/core'

/** What waits for its time. It is its own list node, so that joining and leaving allocate nothing. */
export interface Due {
  /** Monotonic ms; -1 while it waits nowhere. */
  due: number
  ahead: Due | null
  behind: Due | null
  /** Where it waits: set by the lanes. */
  lane: DueLane | null
  timer: Timer | undefined
  /** Called once, at its time or after it. */
  expire(): void
}

const mostLanes = 8

/** The deadlines of one service. */
export class DueLanes {
  readonly #clock: Clock
  readonly #lanes: DueLane[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `due` is monotonic milliseconds; Infinity waits for nothing. An entry waits once: let it leave before it joins again. */
  join(entry: Due, due: number, now: number): void {
    if (due === Infinity) return
    const lane = this.#laneFor(due)
    if (lane === undefined) this.#alone(entry, due, now)
    else lane.join(entry, due, now)
  }

  /** Harmless for an entry that waits nowhere. */
  leave(entry: Due): void {
    entry.lane?.leave(entry)
    entry.timer?.cancel()
    entry.timer = undefined
    entry.due = -1
  }

  /** Ends every lane's timer. Whoever still waits must have been ended before. */
  close(): void {
    for (const lane of this.#lanes) lane.close()
  }

  /** The fullest sequence that it continues (patience sorting), an empty lane, or a new one while there is room. */
  #laneFor(due: number): DueLane | undefined {
    let best: DueLane | undefined
    for (const lane of this.#lanes) {
      if (lane.last <= due && (best === undefined || lane.last > best.last)) best = lane
    }
    if (best === undefined && this.#lanes.length < mostLanes) {
      best = new DueLane(this.#clock)
      this.#lanes.push(best)
    }
    return best
  }

  #alone(entry: Due, due: number, now: number): void {
    entry.due = due
    entry.timer = this.#clock.setTimer(() => {
      // The host's timer may fire a little early; a deadline must not.
      const at = this.#clock.now()
      if (at < due) return this.#alone(entry, due, at)
      entry.timer = undefined
      entry.due = -1
      entry.expire()
    }, due - now)
  }
}

/** Deadlines in the order in which they fall due. */
export class DueLane {
  readonly #clock: Clock
  #head: Due | null = null
  #tail: Due | null = null
  #timer: Timer | undefined = undefined
  #timerAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** When its last one is due; -Infinity while it is empty. */
  get last(): number {
    return this.#tail === null ? -Infinity : this.#tail.due
  }

  join(entry: Due, due: number, now: number): void {
    entry.due = due
    entry.lane = this
    entry.ahead = this.#tail
    entry.behind = null
    if (this.#tail === null) {
      this.#head = entry
      this.#hold(due, now)
    } else {
      this.#tail.behind = entry
    }
    this.#tail = entry
  }

  leave(entry: Due): void {
    if (entry.ahead === null) this.#head = entry.behind
    else entry.ahead.behind = entry.behind
    if (entry.behind === null) this.#tail = entry.ahead
    else entry.behind.ahead = entry.ahead
    entry.ahead = entry.behind = entry.lane = null
    entry.due = -1
    if (this.#head === null) this.#release()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #hold(due: number, now: number): void {
    // A timer that was left over fires early for this one and is then set again; one that would fire late is of no use.
    if (this.#timer !== undefined && this.#timerAt <= due) return this.#timer.hold?.(true)
    this.#timer?.cancel()
    this.#arm(due, now)
  }

  /** Setting and clearing a host timer per call would cost more than the rest of it; letting go of one costs next to nothing. */
  #release(): void {
    if (this.#timer?.hold !== undefined) return this.#timer.hold(false)
    this.close()
  }

  #arm(due: number, now: number): void {
    this.#timerAt = due
    this.#timer = this.#clock.setTimer(this.#fire, due - now)
  }

  readonly #fire = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    for (let head = this.#head; head !== null && head.due <= now; head = this.#head) {
      this.leave(head)
      head.expire()
    }
    // What expired may have set the timer already by what it began.
    if (this.#head !== null && this.#timer === undefined) this.#arm(this.#head.due, now)
  }
}
