// Those who watch services of one source. Owns who is there; it must tell nobody within `watch`, and nobody who has left.
import type { Snapshot, Watcher, Watching } from '../resolver.ts'

/** One watcher of one service. */
interface Seat {
  readonly service: string
  readonly watcher: Watcher
  isOpen: boolean
}

/**
 * Watchers of a source that knows all its services at once.
 *
 * @example
 * const audience = new Audience()
 * audience.tell('payments', { endpoints: [], complete: true })
 */
export class Audience {
  readonly #seats = new Set<Seat>()

  get size(): number {
    return this.#seats.size
  }

  /** Names that somebody watches. */
  get services(): ReadonlySet<string> {
    return new Set([...this.#seats].map((seat) => seat.service))
  }

  /** `first` is called soon, unless the watch has ended by then; `then` when it ends. */
  join(service: string, watcher: Watcher, first: (watcher: Watcher) => void, then?: () => void): Watching {
    const seat: Seat = { service, watcher, isOpen: true }
    this.#seats.add(seat)
    queueMicrotask(() => {
      if (seat.isOpen) first(watcher)
    })
    return {
      close: () => {
        if (!seat.isOpen) return
        this.#leave(seat)
        then?.()
      },
    }
  }

  tell(service: string, snapshot: Snapshot): void {
    for (const seat of this.#seats) if (seat.isOpen && seat.service === service) seat.watcher.found(snapshot)
  }

  fail(error: Error): void {
    for (const seat of this.#seats) if (seat.isOpen) seat.watcher.failed(error)
  }

  close(): void {
    for (const seat of this.#seats) this.#leave(seat)
  }

  #leave(seat: Seat): void {
    seat.isOpen = false
    this.#seats.delete(seat)
  }
}
