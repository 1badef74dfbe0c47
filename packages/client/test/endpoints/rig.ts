// A set of endpoints with a roster that a test writes, connections that are only counted, and time that stands still.
import { EventEmitter } from 'node:events'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import {
  authority,
  type Endpoint,
  endpoint,
  type EndpointParts,
  type Entry,
  type Roster,
  type RosterView,
} from '@switchgear/discovery'
import type { Dispatcher } from 'undici'
import {
  type Balancer,
  type BalancerSpec,
  createBalancer,
  type LoadOptions,
  loadSettings,
} from '../../src/balancing/index.ts'
import { type EjectionOptions, ejectionRules } from '../../src/ejection/index.ts'
import type { Connections } from '../../src/endpoints/connections.ts'
import type { PeerEvent } from '../../src/endpoints/events.ts'
import { type EndpointsOptions, endpointsSettings } from '../../src/endpoints/options.ts'
import type { Peer } from '../../src/endpoints/peer.ts'
import { ServicePeers } from '../../src/endpoints/service-peers.ts'

/** A roster that is what the test says. */
export class FakeRoster implements Roster {
  readonly service = 'payments'
  readonly unreached: string[] = []
  view: RosterView = { service: 'payments', state: 'waiting', since: 0, error: undefined, entries: [], version: 0 }
  readonly #listeners = new Set<(view: RosterView) => void>()

  get listeners(): number {
    return this.#listeners.size
  }

  subscribe(listener: (view: RosterView) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  unreachable(id: string): void {
    this.unreached.push(id)
  }

  say(change: Partial<RosterView>): void {
    this.view = { ...this.view, ...change, version: this.view.version + 1 }
    for (const listener of this.#listeners) listener(this.view)
  }

  /** It is live with these endpoints; what is undefined of one has its default. */
  hold(...entries: readonly Entry[]): void {
    this.say({ state: 'live', entries })
  }
}

/** An entry of a roster: `10.0.0.<n>:80` with this number. */
export function entry(n: number, parts: Partial<EndpointParts> = {}, presence: Entry['presence'] = 'present'): Entry {
  return { endpoint: endpoint({ id: String(n), address: `10.0.0.${n}`, port: 80, ...parts }, 'test'), presence }
}

/** Connections that are only counted. `failing` makes closing or destroying fail, or hang. */
export class Wires {
  opened = 0
  closed = 0
  destroyed = 0
  failing: 'close' | 'destroy' | 'hang' | 'late' | undefined = undefined
  /** Ids whose connections end, in this order. */
  readonly ended: string[] = []

  readonly connect = (to: Endpoint): Connections => {
    if (to.address === '0.0.0.0') throw new TypeError('not an address to connect to')
    this.opened++
    let destroyed: () => void = () => undefined
    return {
      origin: new URL(`${to.scheme ?? 'http'}://${authority(to.address, to.port)}`),
      // Nothing is ever sent by these tests.
      dispatcher: new EventEmitter() as Dispatcher,
      close: async () => {
        this.closed++
        if (this.failing === 'close') throw new Error('it does not close')
        if (this.failing === 'hang') await new Promise(() => undefined)
        // As a pool may, that is destroyed while it closes.
        if (this.failing === 'late')
          await new Promise((_, reject) => (destroyed = () => reject(new Error('destroyed'))))
        this.ended.push(to.id)
      },
      destroy: async () => {
        this.destroyed++
        destroyed()
        if (this.failing === 'destroy') throw new Error('it does not die')
        this.ended.push(to.id)
      },
    }
  }
}

export interface RigOptions {
  readonly ejection?: EjectionOptions | false
  readonly balancer?: BalancerSpec | Balancer<Peer>
  readonly load?: LoadOptions
  readonly settings?: EndpointsOptions
  readonly onEvent?: (event: PeerEvent) => void
}

export class Rig {
  readonly clock = new VirtualClock({ now: 1_000_000 })
  readonly roster = new FakeRoster()
  readonly wires = new Wires()
  readonly events: PeerEvent[] = []
  readonly peers: ServicePeers

  constructor({ ejection = { jitter: 0 }, balancer = 'roundRobin', load = {}, settings, onEvent }: RigOptions = {}) {
    const random = seededRandom(1)
    this.peers = new ServicePeers({
      roster: this.roster,
      connect: this.wires.connect,
      balancer: typeof balancer === 'object' && 'pick' in balancer ? balancer : createBalancer(balancer, { random }),
      load: loadSettings(load),
      ejection: ejectionRules(ejection, 'ejection'),
      settings: endpointsSettings(settings),
      onEvent: onEvent ?? ((event) => this.events.push(event)),
      clock: this.clock,
      random,
    })
  }

  pick(...tried: readonly Peer[]): Peer | undefined {
    return this.peers.pick(this.clock.now(), undefined, tried)
  }

  /** The peer with this id, among those that may be picked. */
  peer(id: string): Peer {
    for (let attempt = 0; attempt < 2000; attempt++) {
      const peer = this.pick()
      if (peer?.id === id) return peer
    }
    throw new Error(`${id} is never picked`)
  }

  /** Ids of those that `picks` calls would go to. */
  picked(picks = 200): readonly string[] {
    const ids = new Set(Array.from({ length: picks }, () => this.pick()?.id ?? 'nobody'))
    return [...ids].toSorted((one, other) => Number(one) - Number(other))
  }

  /** So many calls to one begin and fail. */
  fail(peer: Peer, times = 5, unreachable = false): void {
    for (let call = 0; call < times; call++) {
      const now = this.clock.now()
      const ticket = peer.enter(now)
      peer.settle(ticket, 'failure', 1, now, unreachable)
      peer.exit(ticket)
    }
  }

  succeed(peer: Peer, times = 1): void {
    for (let call = 0; call < times; call++) {
      const now = this.clock.now()
      const ticket = peer.enter(now)
      peer.settle(ticket, 'success', 1, now)
      peer.exit(ticket)
    }
  }

  /** State by id. */
  get states(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.peers.views.map(({ id, state }) => [id, state]))
  }
}
