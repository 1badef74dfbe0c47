// The gate of one endpoint: what is learned of it, and whether it is out. It decides nothing; the ejector does, because that takes a
// look at the siblings. Invariant: every ejection and every return begins a new generation with nothing learned yet, so that a
// result of before changes nothing.

/** What ejected an endpoint. */
export type EjectionReason = 'consecutive-failures' | 'unreachable' | 'success-rate' | 'failure-share' | 'probation'

/** One ejection. Times are monotonic milliseconds. */
export interface Ejection {
  readonly reason: EjectionReason
  /** In words for a person. */
  readonly detail: string
  readonly at: number
  readonly until: number
  /** How often in a row, 1 for the first; what it was ejected for long ago is forgotten. */
  readonly times: number
}

/**
 * What is known of one endpoint.
 *
 * @example
 * const gate = new EndpointGate('10.0.0.7:8080')
 * const ticket = gate.generation
 */
export class EndpointGate {
  readonly id: string
  /** The ticket of a call that begins now. */
  generation = 0
  /** Present while it is ejected. */
  ejection: Ejection | undefined = undefined
  /** Whether it is one of those that calls may go to, and so of those that are compared. */
  isMember = false
  failuresInRow = 0
  successesInRow = 0
  /** Of this interval. */
  calls = 0
  failures = 0
  /** Calls until its return is believed. */
  probation = 0
  #times = 0
  #freeSince = 0

  constructor(id: string) {
    this.id = id
  }

  record(failed: boolean): void {
    this.calls++
    if (failed) {
      this.failures++
      this.failuresInRow++
      this.successesInRow = 0
    } else {
      this.failuresInRow = 0
      this.successesInRow++
      if (this.probation > 0) this.probation--
    }
  }

  /** Ejections in a row as of `now`: each whole interval outside takes one of them away. */
  times(now: number, intervalMs: number): number {
    if (this.ejection !== undefined) return this.#times
    const intervals = Math.floor(Math.max(0, now - this.#freeSince) / intervalMs)
    return Math.max(0, this.#times - intervals)
  }

  eject(ejection: Ejection): void {
    this.ejection = ejection
    this.#times = ejection.times
    this.#begin()
  }

  /** It takes part again; of its next `probation` calls none may fail. */
  release(at: number, probation: number): void {
    this.ejection = undefined
    this.#freeSince = at
    this.#begin()
    this.probation = probation
  }

  #begin(): void {
    this.generation++
    this.failuresInRow = this.successesInRow = this.calls = this.failures = this.probation = 0
  }
}
