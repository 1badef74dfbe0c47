// Whether the books can vouch that there is nothing else, which lets callers forget what they miss. Invariant: true only where
// the books were there and whole at the start, or the peers' were, or the longest lease has passed, within which everybody
// alive has been heard; and never while peers cannot be heard or something of theirs had no room.
import type { Clock } from '@switchgear/core'

/** On what it depends. */
export interface CompletenessParts {
  readonly clock: Clock
  /** The books were read whole from the disk. */
  readonly intact: boolean
  /** There are peers. */
  readonly shared: boolean
  /** The longest lease, ms. */
  readonly warmUpMs: number
}

/** See the head of this file. */
export class Completeness {
  readonly #parts: CompletenessParts
  #warmAt: number
  #heard: boolean
  #everHeard = false
  #overflowed = false
  #told: boolean
  #lostTold = false

  constructor(parts: CompletenessParts) {
    this.#parts = parts
    this.#warmAt = parts.intact ? -Infinity : parts.clock.now() + parts.warmUpMs
    this.#heard = !parts.shared
    this.#told = this.now
  }

  /** Whether all is known now. */
  get now(): boolean {
    return this.#heard && !this.#overflowed && this.#parts.clock.now() >= this.#warmAt
  }

  /** Whether that has changed since the last call. */
  changed(): boolean {
    const { now } = this
    const changed = now !== this.#told
    this.#told = now
    return changed
  }

  /** Peers were heard to the end. `fresh`: nobody has vouched for what they have, so it may be as new as we are, or lost. */
  synced(fresh: boolean): void {
    if (!fresh) this.#warmAt = -Infinity
    else if (this.#everHeard) this.#warmAt = this.#parts.clock.now() + this.#parts.warmUpMs
    this.#heard = true
    this.#everHeard = true
    this.#lostTold = false
  }

  /** Peers cannot be heard. Answers whether that is new, so worth a word; also the first time they could not be reached. */
  lost(): boolean {
    this.#heard = false
    // They tell again all that they know when they are heard again.
    this.#overflowed = false
    const isNew = !this.#lostTold
    this.#lostTold = true
    return isNew
  }

  /** Something of the peers has no room. Answers whether that is new. */
  overflow(): boolean {
    const isNew = !this.#overflowed
    this.#overflowed = true
    return isNew
  }
}
