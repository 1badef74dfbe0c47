// Endpoints that were removed and whose connections are not closed yet. Owns their timers. Invariant: each leaves here after its last
// call, at the latest when its time is over, and then nothing of it is left.
import type { Clock, Timer } from '@switchgear/core'
import type { EndpointPeer } from './endpoint-peer.ts'

interface Leaving {
  readonly timer: Timer | undefined
  isClosing: boolean
  destroyed: Promise<void> | undefined
}

/** What is on its way out. `failed` hears what closing threw. */
export class Departures {
  readonly #clock: Clock
  readonly #drainForMs: number
  readonly #failed: (peer: EndpointPeer, error: unknown) => void
  readonly #leaving = new Map<EndpointPeer, Leaving>()

  constructor(clock: Clock, drainForMs: number, failed: (peer: EndpointPeer, error: unknown) => void) {
    this.#clock = clock
    this.#drainForMs = drainForMs
    this.#failed = failed
  }

  get size(): number {
    return this.#leaving.size
  }

  /** It finishes what is under way. */
  leave(peer: EndpointPeer): void {
    const timer = this.#clock.setTimer(() => void this.#destroy(peer), this.#drainForMs)
    timer.hold?.(false)
    this.#leaving.set(peer, { timer, isClosing: false, destroyed: undefined })
    if (peer.inFlight === 0) this.idle(peer)
  }

  /**
   * It has nothing under way. Only now is it closed: a call that has entered and not been sent yet would be refused by connections
   * that are closing already.
   */
  idle(peer: EndpointPeer): void {
    const leaving = this.#leaving.get(peer)
    if (leaving === undefined || leaving.isClosing) return
    leaving.isClosing = true
    void this.#close(peer, leaving)
  }

  /** Ends all of them and `others` now, and resolves when they have ended. */
  async end(others: Iterable<EndpointPeer>): Promise<void> {
    for (const peer of others) this.#leaving.set(peer, { timer: undefined, isClosing: true, destroyed: undefined })
    await Promise.all([...this.#leaving.keys()].map((peer) => this.#destroy(peer)))
  }

  async #close(peer: EndpointPeer, leaving: Leaving): Promise<void> {
    try {
      await peer.connections.close()
      this.#left(peer)
    } catch (error) {
      // What is destroyed meanwhile may well say so.
      if (leaving.destroyed === undefined) this.#failed(peer, error)
      await this.#destroy(peer)
    }
  }

  #destroy(peer: EndpointPeer): Promise<void> {
    const leaving = this.#leaving.get(peer)
    if (leaving === undefined) return Promise.resolve()
    return (leaving.destroyed ??= this.#tearDown(peer))
  }

  async #tearDown(peer: EndpointPeer): Promise<void> {
    try {
      await peer.connections.destroy()
    } catch (error) {
      this.#failed(peer, error)
    }
    this.#left(peer)
  }

  #left(peer: EndpointPeer): void {
    this.#leaving.get(peer)?.timer?.cancel()
    this.#leaving.delete(peer)
  }
}
