// The deadlines of one timeout policy, behind one timer. All waits are equally long, so they fall due in the order in
// which they came: a first-in-first-out list, and the only timer is that of its head.
// Invariant: an empty lane keeps no process alive. Where the clock's timers cannot be released, an empty lane has none.
import type { Clock, Timer } from './clock.ts'

/** An entry of a lane; it is its own list node, so that joining and leaving allocate nothing. */
export interface Waiting {
  /** Monotonic ms; -1 while it is in no lane. */
  due: number
  ahead: Waiting | null
  behind: Waiting | null
  /** Called once at its time, when it is no longer in the lane. */
  expire(): void
}

/** A list of waits of equal length. */
export class Lane {
  readonly #clock: Clock
  #head: Waiting | null = null
  #tail: Waiting | null = null
  #timer: Timer | undefined = undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `due` must not be before that of the entry that joined last. */
  join(entry: Waiting, due: number, now: number): void {
    entry.due = due
    entry.ahead = this.#tail
    entry.behind = null
    if (this.#tail === null) {
      this.#head = entry
      if (this.#timer === undefined) this.#arm(due - now)
      else this.#timer.hold?.(true)
    } else {
      this.#tail.behind = entry
    }
    this.#tail = entry
  }

  /** Harmless for an entry that is in no lane. */
  leave(entry: Waiting): void {
    if (entry.due < 0) return
    entry.due = -1
    if (entry.ahead === null) this.#head = entry.behind
    else entry.ahead.behind = entry.behind
    if (entry.behind === null) this.#tail = entry.ahead
    else entry.behind.ahead = entry.ahead
    entry.ahead = entry.behind = null
    if (this.#head === null) this.#release()
  }

  /** Setting and clearing a host timer per call would cost more than the call; letting go of it costs next to nothing. */
  #release(): void {
    const timer = this.#timer
    if (timer === undefined) return
    if (timer.hold !== undefined) return timer.hold(false)
    timer.cancel()
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimer(this.#fire, ms)
  }

  readonly #fire = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    for (let head = this.#head; head !== null && head.due <= now; head = this.#head) {
      this.leave(head)
      head.expire()
    }
    // What expired may have started new calls, which may have set the timer already. A host timer may also fire a little
    // early, or for a wait that has left; then this sets it again for the rest.
    if (this.#head !== null && this.#timer === undefined) this.#arm(this.#head.due - now)
  }
}
