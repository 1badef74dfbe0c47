// What a source says, as its watcher hears it: only what is new. Invariant: after `close` nothing is told; the first answer after a
// failure is always told, also when it says the same as before, because the watcher has to hear that the source is well again.
import type { Snapshot, Watcher } from '../resolver.ts'
import { sameEndpoints } from '../roster-comparison.ts'

/**
 * Stands between a source and one watcher.
 *
 * @example
 * const news = new News(watcher)
 * news.found({ endpoints, complete: true }) // told
 * news.found({ endpoints, complete: true }) // the same: not told
 */
export class News {
  readonly #watcher: Watcher
  #told: Snapshot | undefined = undefined
  #closed = false

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  /** Tells a snapshot unless it says what was told last. Its endpoints should be in a stable order. */
  found(snapshot: Snapshot): void {
    if (this.#closed) return
    const told = this.#told
    const gone = snapshot.left !== undefined && snapshot.left.length > 0
    const same =
      told !== undefined &&
      !gone &&
      told.complete === snapshot.complete &&
      sameEndpoints(told.endpoints, snapshot.endpoints)
    if (same) return
    this.#told = snapshot
    this.#watcher.found(snapshot)
  }

  /** Tells that the source does not answer, each time. */
  failed(error: Error): void {
    if (this.#closed) return
    this.#told = undefined
    this.#watcher.failed(error)
  }

  close(): void {
    this.#closed = true
    this.#told = undefined
  }
}
