// One endpoint as the client holds it: the account of its load, its gate and its connections, which stay the same while the source
// changes its mind about weight, zone or readiness. Invariant: a result of before an ejection or a return changes nothing but the
// number of calls under way.
import type { Clock, Outcome } from '@switchgear/core'
import type { Endpoint, Entry } from '@switchgear/discovery'
import type { Dispatcher } from 'undici'
import { Load, type LoadSettings } from '../balancing/load.ts'
import { EndpointGate, type Ejector } from '../ejection/index.ts'
import type { Connections } from './connections.ts'
import type { Peer, PeerView } from './peer.ts'

/** What the peers of one set have in common. */
export interface PeerOwner {
  readonly clock: Clock
  readonly ejector: Ejector
  readonly load: LoadSettings
  /** No connection came about to one that its source no longer names. */
  unreachable(peer: EndpointPeer): void
  /** The last call of one that was removed has ended. */
  idle(peer: EndpointPeer): void
}

/** A peer with its connections. */
export class EndpointPeer implements Peer {
  readonly id: string
  readonly gate: EndpointGate
  readonly connections: Connections
  readonly #owner: PeerOwner
  readonly #load: Load
  #entry: Entry
  #isRemoved = false

  /** `since`: when it appeared, in monotonic ms; `-Infinity` for one that need not start slowly. */
  constructor(entry: Entry, connections: Connections, owner: PeerOwner, since: number) {
    this.id = entry.endpoint.id
    this.gate = new EndpointGate(this.id)
    this.connections = connections
    this.#owner = owner
    this.#load = new Load(owner.load, entry.endpoint.weight, since)
    this.#entry = entry
  }

  get endpoint(): Endpoint {
    return this.#entry.endpoint
  }

  get zone(): string | undefined {
    return this.#entry.endpoint.zone
  }

  get origin(): URL {
    return this.connections.origin
  }

  get dispatcher(): Dispatcher {
    return this.connections.dispatcher
  }

  /** Calls that have entered and not exited. */
  get inFlight(): number {
    return this.#load.inFlight
  }

  /** Whether its source still names it. */
  get isPresent(): boolean {
    return this.#entry.presence === 'present'
  }

  get view(): PeerView {
    const now = this.#owner.clock.now()
    const { ejector } = this.#owner
    if (now >= ejector.dueAt) ejector.advance(now)
    const { ejection } = this.gate
    return {
      id: this.id,
      origin: this.origin.origin,
      zone: this.zone,
      inFlight: this.inFlight,
      latencyMs: this.latencyMs(now),
      state: this.#state,
      reason: ejection?.detail,
      since: ejection?.at,
      until: ejection?.until,
      ejections: this.gate.times(now, ejector.rules.intervalMs),
    }
  }

  weight(now: number): number {
    return this.#load.weight(now)
  }

  load(now: number): number {
    return this.#load.load(now)
  }

  latencyMs(now: number): number {
    return this.#load.latencyMs(now)
  }

  enter(now: number): number {
    this.#load.enter(now)
    return this.gate.generation
  }

  settle(ticket: number, outcome: Outcome, tookMs: number, now: number, unreachable = false): void {
    if (ticket === this.gate.generation) {
      this.#load.settle(outcome, tookMs, now)
      this.#owner.ejector.learn(this.gate, ticket, outcome, unreachable, now)
    }
    // Last, because the roster may remove this peer within the call.
    if (unreachable && outcome === 'failure' && !this.isPresent && !this.#isRemoved) this.#owner.unreachable(this)
  }

  exit(_ticket: number): void {
    this.#load.exit()
    if (this.#isRemoved && this.#load.inFlight === 0) this.#owner.idle(this)
  }

  /** Whether this is where `endpoint` listens, so that connections and what was learned go on being true. */
  isAt({ address, port, scheme }: Endpoint): boolean {
    const own = this.endpoint
    return own.address === address && own.port === port && own.scheme === scheme
  }

  /** Takes over what the source says now of the same endpoint. Answers whether balancing has to know. */
  become(entry: Entry, now: number): boolean {
    const { endpoint: old } = this.#entry
    const { endpoint } = entry
    this.#entry = entry
    this.#load.fullWeight = endpoint.weight
    if (endpoint.readiness === 'ready' && old.readiness !== 'ready') this.restart(now)
    return endpoint.weight !== old.weight || endpoint.zone !== old.zone
  }

  /** It comes back: what was known of its load is forgotten, and it starts slowly. */
  restart(now: number): void {
    this.#load.restart(now)
  }

  /** It gets no calls any more; those under way go on. */
  remove(): void {
    this.#isRemoved = true
  }

  get #state(): PeerView['state'] {
    if (this.gate.ejection !== undefined) return 'ejected'
    if (!this.isPresent) return 'absent'
    const { readiness } = this.endpoint
    return readiness === 'ready' ? 'healthy' : readiness
  }
}
