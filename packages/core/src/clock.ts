// Time as the policies see it. Owns the default clock; everything else in core receives a `Clock` and never asks the
// host. Monotonic and wall time are kept apart, because a wall clock may be set back while calls are in flight.

/** A timer that was set. `hold`, where a clock has it, says whether the timer may keep the process alive. */
export interface Timer {
  /** Ends the timer; it will not run. Harmless when it already ran. */
  cancel(): void
  /** `hold(false)` lets the process end although the timer is set; `hold(true)` takes that back. */
  hold?(keepsProcessAlive: boolean): void
}

/**
 * The source of time of every policy.
 *
 * @example
 * import { pipeline, timeout } from '@switchgear/core'
 * import { VirtualClock } from '@switchgear/core/testing'
 * const clock = new VirtualClock()
 * const guarded = pipeline({ clock }, timeout('800ms'))
 */
export interface Clock {
  /** Monotonic milliseconds, with fractions. Its zero has no meaning. */
  now(): number
  /** Milliseconds since 1970-01-01 UTC. It may jump; only snapshots use it. */
  wallNow(): number
  /** Runs `run` once after `ms` milliseconds (at least 0). Until then it keeps the process alive, as a waiting call would. */
  setTimer(run: () => void, ms: number): Timer
}

/** `setTimeout` stores its delay in a signed 32-bit integer and fires at once above it. */
const longestDelay = 2 ** 31 - 1

class HostTimer implements Timer {
  #handle: ReturnType<typeof setTimeout>

  constructor(run: () => void, ms: number) {
    // A delay beyond the host's limit is waited for in legs, so that '30d' does not mean 'now'.
    const leg = (left: number): ReturnType<typeof setTimeout> =>
      setTimeout(
        () => (left > longestDelay ? (this.#handle = leg(left - longestDelay)) : run()),
        Math.min(left, longestDelay),
      )
    this.#handle = leg(Math.max(0, ms))
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  hold(keepsProcessAlive: boolean): void {
    // Browsers answer a number here and have no process to keep alive.
    const handle = this.#handle as unknown as { ref?(): void; unref?(): void }
    if (keepsProcessAlive) handle.ref?.()
    else handle.unref?.()
  }
}

// The global is a getter in Node; read once, `now` costs a third less.
const host = performance

/** The host's own time: `performance.now`, `Date.now` and `setTimeout`. */
export const systemClock: Clock = {
  now: () => host.now(),
  wallNow: () => Date.now(),
  setTimer: (run, ms) => new HostTimer(run, ms),
}

/** Wall-clock milliseconds of a date in HTTP's format (RFC 9110 section 5.6.7); NaN when it is none. */
export const parseHttpDate = (text: string): number => Date.parse(text)
