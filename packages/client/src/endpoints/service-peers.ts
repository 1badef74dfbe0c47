// All endpoints of one service: follows the roster and keeps one peer per endpoint. Owns the peers, their connections and the calls
// that wait for the first of them. Invariants: a peer stays the same while its endpoint stays where it is; one that has gone is never
// picked again, and its connections are closed after its last call.
import { type Clock, type Random, type SwitchgearError, systemClock, systemRandom } from '@switchgear/core'
import type { Endpoint, Entry, Roster, RosterView } from '@switchgear/discovery'
import type { Balancer } from '../balancing/balancer.ts'
import type { LoadSettings } from '../balancing/load.ts'
import type { EjectionListener, EjectionRules } from '../ejection/index.ts'
import { closedError } from '../errors.ts'
import { Announcer } from './announcer.ts'
import type { Connections } from './connections.ts'
import { Departures } from './departures.ts'
import { EndpointPeer, type PeerOwner } from './endpoint-peer.ts'
import { noEndpointError } from './errors.ts'
import type { PeerEvent, PeerTotals } from './events.ts'
import type { EndpointsSettings } from './options.ts'
import type { Peer, PeerSet, PeerView } from './peer.ts'
import { Selection } from './selection.ts'
import { WaitingRoom } from './waiting-room.ts'

/** What a set is made of; all options are checked already. */
export interface ServicePeersParts {
  readonly roster: Roster
  /** Connects to nothing yet. What it throws makes the endpoint an unusable one. */
  readonly connect: (endpoint: Endpoint) => Connections
  readonly balancer: Balancer<Peer>
  readonly load: LoadSettings
  readonly ejection: EjectionRules
  readonly settings: EndpointsSettings
  readonly onEvent?: ((event: PeerEvent) => void) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/**
 * The endpoints of a service.
 *
 * @example
 * const peers = new ServicePeers({ roster, connect: transport.connect, balancer: createBalancer(), load: loadSettings(),
 *   ejection: ejectionRules({}, 'ejection'), settings: endpointsSettings() })
 * await peers.ready(clock.now() + 800, undefined)
 * const peer = peers.pick(clock.now(), undefined, [])
 */
export class ServicePeers implements PeerSet {
  readonly service: string
  readonly #parts: ServicePeersParts
  readonly #clock: Clock
  readonly #owner: PeerOwner
  readonly #selection: Selection
  readonly #announcer: Announcer
  readonly #waiting: WaitingRoom
  readonly #departures: Departures
  readonly #unsubscribe: () => void
  #entries: readonly Entry[] = []
  #peers = new Map<string, EndpointPeer>()
  /** Endpoints that cannot be connected to, so that each is told of once. */
  #unusable = new Map<string, Endpoint>()
  #closing: Promise<void> | undefined = undefined
  readonly #totals = { added: 0, removed: 0, vainWaits: 0, closeErrors: 0 }

  constructor(parts: ServicePeersParts) {
    const { roster, balancer, ejection, load, settings, clock = systemClock, random = systemRandom } = parts
    this.service = roster.service
    this.#parts = parts
    this.#clock = clock
    this.#announcer = new Announcer(roster.service, parts.onEvent)
    this.#selection = new Selection(balancer, () => this.#peers.values(), ejection, random, this.#listener())
    this.#waiting = new WaitingRoom(clock)
    this.#departures = new Departures(clock, settings.drainForMs, (peer, error) => {
      this.#totals.closeErrors++
      this.#announcer.tellOf(peer, clock.now(), (about) => ({ ...about, type: 'closeFailed', error }))
    })
    this.#owner = {
      clock,
      load,
      ejector: this.#selection.ejector,
      unreachable: ({ id }) => roster.unreachable(id),
      idle: (peer) => this.#departures.idle(peer),
    }
    this.#unsubscribe = roster.subscribe((view) => this.#follow(view))
    this.#follow(roster.view)
  }

  pick(now: number, key: string | undefined, tried: readonly Peer[]): Peer | undefined {
    return this.#selection.pick(now, key, tried)
  }

  ready(deadline: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#closing !== undefined) return Promise.reject(closedError(this.service))
    if (this.#peers.size > 0) return undefined
    const { waitForMs, maxWaiting } = this.#parts.settings
    const isFull = this.#waiting.size >= maxWaiting
    const late = (): SwitchgearError => {
      this.#totals.vainWaits++
      return this.noEndpoint(isFull ? `; ${maxWaiting} calls wait for one already` : '')
    }
    if (isFull) return Promise.reject(late())
    return this.#waiting.wait(Math.min(deadline, this.#clock.now() + waitForMs), signal, late)
  }

  /** The error for a call that finds no endpoint; `more` is said at its end. */
  noEndpoint(more?: string): SwitchgearError {
    return noEndpointError(this.#parts.roster.view, this.#unusable.size, more)
  }

  get views(): readonly PeerView[] {
    this.#selection.look(this.#clock.now())
    return Array.from(this.#peers.values(), ({ view }) => view)
  }

  /** Whether so many endpoints are ejected that they are used all the same. */
  get isPanicking(): boolean {
    this.#selection.look(this.#clock.now())
    return this.#selection.ejector.isPanicking
  }

  /** Endpoints that were removed and whose connections are not closed yet. */
  get leaving(): number {
    return this.#departures.size
  }

  get totals(): PeerTotals {
    const { ejections, returns, spared, panics } = this.#selection.ejector.totals
    const { unpicked } = this.#selection
    const { listenerErrors } = this.#announcer
    return { ...this.#totals, ejections: { ...ejections }, returns, spared, panics, unpicked, listenerErrors }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#end())
  }

  async #end(): Promise<void> {
    this.#unsubscribe()
    const peers = [...this.#peers.values()]
    for (const peer of peers) this.#forget(peer)
    this.#peers = new Map()
    this.#selection.choose(this.#clock.now())
    this.#waiting.close(closedError(this.service))
    await this.#departures.end(peers)
  }

  /** A new view of the roster. */
  #follow({ entries }: RosterView): void {
    if (entries === this.#entries || this.#closing !== undefined) return
    this.#entries = entries
    const now = this.#clock.now()
    const before = this.#peers
    const told = this.#unusable
    // The first endpoints of all have nobody beside whom they would have to start slowly.
    const since = before.size === 0 ? -Infinity : now
    this.#peers = new Map()
    this.#unusable = new Map()
    for (const entry of entries) {
      // Written down twice, it is still one.
      if (this.#peers.has(entry.endpoint.id)) continue
      const peer = this.#kept(before.get(entry.endpoint.id), entry, now) ?? this.#made(entry, since, told)
      if (peer !== undefined) this.#peers.set(peer.id, peer)
    }
    const gone = [...before.values()].filter((peer) => this.#peers.get(peer.id) !== peer)
    const made = [...this.#peers.values()].filter((peer) => before.get(peer.id) !== peer)
    this.#totals.added += made.length
    for (const peer of gone) {
      this.#forget(peer)
      this.#departures.leave(peer)
    }
    this.#selection.choose(now)
    // Those who listen or wait come last: they may call back.
    for (const peer of gone) this.#announcer.tellOf(peer, now, (about) => ({ ...about, type: 'removed' }))
    for (const peer of made) this.#announcer.tellOf(peer, now, (about) => ({ ...about, type: 'added' }))
    if (this.#peers.size > 0) this.#waiting.open()
  }

  #kept(peer: EndpointPeer | undefined, entry: Entry, now: number): EndpointPeer | undefined {
    if (peer === undefined || !peer.isAt(entry.endpoint)) return undefined
    if (peer.become(entry, now)) this.#selection.reweigh()
    return peer
  }

  #made(entry: Entry, since: number, told: ReadonlyMap<string, Endpoint>): EndpointPeer | undefined {
    const { endpoint } = entry
    const { id } = endpoint
    try {
      return new EndpointPeer(entry, this.#parts.connect(endpoint), this.#owner, since)
    } catch (error) {
      this.#unusable.set(id, endpoint)
      if (told.get(id) !== endpoint)
        this.#announcer.tell((service) => ({ type: 'unusable', service, id, at: this.#clock.now(), error }))
      return undefined
    }
  }

  #forget(peer: EndpointPeer): void {
    this.#totals.removed++
    peer.remove()
    this.#selection.ejector.forget(peer.gate)
  }

  #listener(): EjectionListener {
    const peerOf = (id: string): EndpointPeer | undefined => this.#peers.get(id)
    return {
      ejected: ({ id }, { reason, detail, at, until, times }) =>
        this.#announcer.tellOf(peerOf(id), at, (about) => ({
          ...about,
          type: 'ejected',
          reason,
          detail,
          until,
          times,
        })),
      returned: ({ id }, cause, at) => {
        const peer = peerOf(id)
        // What has just worked, or is all there is, need not start slowly.
        if (cause === 'time') peer?.restart(at)
        this.#announcer.tellOf(peer, at, (about) => ({ ...about, type: 'returned', cause }))
      },
      panicked: (isPanicking, at) => {
        const { ejected, size: endpoints } = this.#selection.ejector
        this.#announcer.tell((service) => ({ type: 'panic', service, at, isPanicking, ejected, endpoints }))
      },
    }
  }
}
