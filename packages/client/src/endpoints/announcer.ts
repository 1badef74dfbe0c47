// Tells whoever listens to a set of endpoints. Invariant: without a listener no event is built, and a listener that throws changes
// nothing.
import type { EndpointPeer } from './endpoint-peer.ts'
import type { AboutPeer, PeerEvent } from './events.ts'

/** The voice of one service. */
export class Announcer {
  /** How often the listener threw: it is broken, and this is where it can be seen. */
  listenerErrors = 0
  readonly #service: string
  readonly #listener: ((event: PeerEvent) => void) | undefined

  constructor(service: string, listener: ((event: PeerEvent) => void) | undefined) {
    this.#service = service
    this.#listener = listener
  }

  /** Something happened to the service. */
  tell(make: (service: string) => PeerEvent): void {
    if (this.#listener === undefined) return
    try {
      this.#listener(make(this.#service))
    } catch {
      this.listenerErrors++
    }
  }

  /** Something happened to a peer at `at` (monotonic ms); one that is not known any more is not told of. */
  tellOf(peer: EndpointPeer | undefined, at: number, make: (about: AboutPeer) => PeerEvent): void {
    if (peer !== undefined) this.tell((service) => make({ service, at, id: peer.id, origin: peer.origin.origin }))
  }
}
