// A clock whose timers fire late, as they do when the event loop is busy, and that knows which of them hold the process.
import type { Clock, Timer } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'

export class LateClock implements Clock {
  readonly virtual: VirtualClock = new VirtualClock()
  /** How late every timer is that is set from now on. */
  lateMs = 0
  /** Timers that are set now, and those of them that keep the process alive. */
  readonly set: Set<Timer> = new Set()
  readonly holding: Set<Timer> = new Set()

  now(): number {
    return this.virtual.now()
  }

  wallNow(): number {
    return this.virtual.wallNow()
  }

  setTimer(run: () => void, ms: number): Timer {
    const gone = (): void => {
      this.set.delete(timer)
      this.holding.delete(timer)
    }
    const inner = this.virtual.setTimer(() => {
      gone()
      run()
    }, ms + this.lateMs)
    const timer: Timer = {
      cancel: () => {
        gone()
        inner.cancel()
      },
      hold: (keeps) => void (keeps ? this.holding.add(timer) : this.holding.delete(timer)),
    }
    this.set.add(timer)
    this.holding.add(timer)
    return timer
  }

  advance(ms: number): Promise<void> {
    return this.virtual.advance(ms)
  }
}
