// How often heartbeats are told to peers: at most once every so often per instance, and what came in between with the next.
// A thousand instances that beat every second then cost their peers as much as they would at a third of their lease.
import type { Clock } from '@switchgear/core'
import { Deadlines } from '../deadlines.ts'

/** Which keys are told when. */
export class Spreading {
  readonly #clock: Clock
  readonly #spread: (key: string) => void
  readonly #lastAt: Map<string, number> = new Map()
  readonly #later: Deadlines = new Deadlines()

  constructor(clock: Clock, spread: (key: string) => void) {
    this.#clock = clock
    this.#spread = spread
  }

  /** When something is told by `run`. */
  get nextDueAt(): number | undefined {
    return this.#later.next
  }

  /** Tells at once. */
  now(key: string): void {
    this.#later.delete(key)
    this.#lastAt.set(key, this.#clock.now())
    this.#spread(key)
  }

  /** Tells at once if the last time is `everyMs` ago, else then. */
  atMostEvery(key: string, everyMs: number): void {
    const now = this.#clock.now()
    const at = (this.#lastAt.get(key) ?? -Infinity) + everyMs
    if (at <= now) this.now(key)
    else this.#later.set(key, at)
  }

  /** Tells what is due. */
  run(): void {
    const now = this.#clock.now()
    for (let key = this.#later.take(now); key !== undefined; key = this.#later.take(now)) this.now(key)
  }

  /** Keeps nothing of a key that has gone. */
  forget(key: string): void {
    this.#later.delete(key)
    this.#lastAt.delete(key)
  }
}
