// Services that nobody configured and discovery knows: found by the name that somebody calls. Invariants: a name becomes a service only
// once discovery has endpoints for it; asking costs a bounded time, and for a source that is mute only once; a name that is none takes
// no place in the directory for longer than the answer needs, or every typing error would take one for good.
import type { Clock } from '@switchgear/core'
import type { Directory, Roster, RosterView } from '@switchgear/discovery'

/** How long a request for a host that may be a service waits for discovery's first word on it. */
const firstWordMs = 1000
/** How long a name is remembered as none, so that another host is not looked up at each request to it. */
const noneForMs = 5000
const mostDoubted = 100

/** A name that is passed on without asking. */
interface Doubt {
  /** Monotonic ms; Infinity for one of which nothing was heard yet. */
  readonly until: number
  /** Ends the listening for its first word. */
  readonly unsubscribe: (() => void) | undefined
}

/** Names that may be services. */
export class Prospects {
  readonly #directory: Directory
  readonly #clock: Clock
  readonly #doubts = new Map<string, Doubt>()

  constructor(directory: Directory, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
  }

  /**
   * Whether discovery has endpoints for a service: at once where it has answered. A name that cannot be one, or one too many, is none.
   */
  isKnown(name: string): boolean | Promise<boolean> {
    const doubt = this.#doubts.get(name)
    if (doubt !== undefined && this.#clock.now() < doubt.until) return false
    let roster: Roster
    try {
      roster = this.#directory.roster(name)
    } catch {
      // No name of a service, or too many names: whoever asked gets what it would have got without us.
      return false
    }
    const { view } = roster
    return view.state === 'waiting' ? this.#firstWord(roster) : this.#judge(name, view)
  }

  /** Gives back what is still listened for. */
  close(): void {
    for (const name of this.#doubts.keys()) this.#forget(name)
  }

  #firstWord(roster: Roster): Promise<boolean> {
    return new Promise((resolve) => {
      const unsubscribe = roster.subscribe((view) => {
        if (view.state === 'waiting') return
        timer.cancel()
        unsubscribe()
        resolve(this.#judge(roster.service, view))
      })
      const timer = this.#clock.setTimer(() => {
        unsubscribe()
        this.#awaitWord(roster)
        resolve(false)
      }, firstWordMs)
    })
  }

  /** Nobody waits a second time: until the source speaks, requests pass. */
  #awaitWord(roster: Roster): void {
    const { service } = roster
    // Others that asked at the same time have waited as long.
    if (this.#doubts.get(service)?.until === Infinity) return
    const unsubscribe = roster.subscribe((view) => {
      if (view.state !== 'waiting') this.#judge(service, view)
    })
    this.#doubt(service, { until: Infinity, unsubscribe })
  }

  #judge(name: string, { entries }: RosterView): boolean {
    this.#doubts.get(name)?.unsubscribe?.()
    this.#doubts.delete(name)
    if (entries.length > 0) return true
    this.#doubt(name, { until: this.#clock.now() + noneForMs, unsubscribe: undefined })
    this.#directory.release(name)
    return false
  }

  #doubt(name: string, doubt: Doubt): void {
    this.#doubts.set(name, doubt)
    if (this.#doubts.size <= mostDoubted) return
    const [oldest] = this.#doubts.keys()
    if (oldest !== undefined) this.#forget(oldest)
  }

  #forget(name: string): void {
    const doubt = this.#doubts.get(name)
    this.#doubts.delete(name)
    if (doubt?.unsubscribe === undefined) return
    doubt.unsubscribe()
    this.#directory.release(name)
  }
}
