// Books in memory, whose health, completeness and history are moved by hand. They are the smallest thing that keeps the contract of
// `Catalog`, so that a test can bring about what the real books only do by time.
import { randomUUID } from 'node:crypto'
import { SwitchgearError } from '@switchgear/core'
import { endpoint } from '../../../src/endpoint.ts'
import type {
  Catalog,
  CatalogChange,
  CatalogInstance,
  CatalogListener,
  CatalogView,
  Registered,
  Registration,
} from '../../../src/registry/catalog.ts'

interface Held {
  instance: CatalogInstance
  readonly secret: string
  readonly leaseMs: number
}

/** See the head of this file. */
export class MemoryCatalog implements Catalog {
  epoch: string = randomUUID()
  complete = true
  index = 0
  /** How many changes are kept for `since`. */
  kept = 1000
  /** Of all heartbeats, in order. */
  readonly beats: { service: string; id: string; ready: boolean | undefined }[] = []
  readonly registrations: Registration[] = []
  readonly #services = new Map<string, Map<string, Held>>()
  readonly #changes: CatalogChange[] = []
  readonly #listeners = new Map<string, Set<CatalogListener>>()

  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0)
  }

  register(registration: Registration): Registered {
    const { service, id, incarnation = Date.now(), leaseMs = 15_000 } = registration
    const held = this.#held(service, id)
    if (held !== undefined && held.instance.incarnation > incarnation)
      throw new SwitchgearError('SG_STALE_REGISTRATION', 'a later life of this instance is registered')
    this.registrations.push(registration)
    const secret = randomUUID()
    const known = endpoint({ ...registration.endpoint, id }, 'registration')
    const instance = { endpoint: known, incarnation, health: 'healthy', reason: undefined, since: 0 } as const
    const instances = this.#services.get(service) ?? new Map<string, Held>()
    this.#services.set(service, instances.set(id, { instance, secret, leaseMs }))
    this.#tell(service, id, 'put', instance)
    return { secret, incarnation, leaseMs }
  }

  heartbeat(service: string, id: string, secret: string, ready?: boolean): { readonly leaseMs: number } {
    const held = this.#proven(service, id, secret)
    this.beats.push({ service, id, ready })
    const readiness = ready === false ? 'unready' : 'ready'
    if (held.instance.endpoint.readiness !== readiness) {
      const known = endpoint({ ...held.instance.endpoint, readiness }, 'registration')
      held.instance = { ...held.instance, endpoint: known }
      this.#tell(service, id, 'put', held.instance)
    }
    return { leaseMs: held.leaseMs }
  }

  deregister(service: string, id: string, secret: string): void {
    this.#proven(service, id, secret)
    this.#remove(service, id, 'left')
  }

  view(service: string): CatalogView {
    const instances = [...(this.#services.get(service)?.values() ?? [])].map(({ instance }) => instance)
    return { service, epoch: this.epoch, index: this.index, instances, complete: this.complete }
  }

  services(): readonly string[] {
    return [...this.#services.keys()]
  }

  since(service: string, epoch: string, index: number): readonly CatalogChange[] | undefined {
    const oldest = this.#changes[0]?.index ?? this.index + 1
    if (epoch !== this.epoch || index > this.index || index < oldest - 1) return undefined
    return this.#changes.filter((change) => change.service === service && change.index > index)
  }

  watch(service: string, listener: CatalogListener): () => void {
    const listeners = this.#listeners.get(service) ?? new Set()
    this.#listeners.set(service, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** An instance without the ceremony of a registration. */
  put(service: string, id: string, port = 8080): void {
    this.register({ service, id, endpoint: { address: '10.0.0.1', port } })
  }

  expire(service: string, id: string): void {
    this.#remove(service, id, 'expired')
  }

  leave(service: string, id: string): void {
    this.#remove(service, id, 'left')
  }

  sicken(service: string, id: string, reason = 'it does not answer'): void {
    const held = this.#held(service, id)
    if (held === undefined) throw new Error(`there is no ${id}`)
    held.instance = { ...held.instance, health: 'unhealthy', reason }
    this.#tell(service, id, 'put', held.instance)
  }

  setComplete(complete: boolean): void {
    this.complete = complete
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(undefined)
  }

  /** A new life: everything is forgotten. */
  wipe(complete: boolean): void {
    this.#services.clear()
    this.#changes.length = 0
    this.epoch = randomUUID()
    this.index = 0
    this.complete = complete
  }

  #held(service: string, id: string): Held | undefined {
    return this.#services.get(service)?.get(id)
  }

  #proven(service: string, id: string, secret: string): Held {
    const held = this.#held(service, id)
    if (held === undefined) throw new SwitchgearError('SG_NOT_REGISTERED', 'the registry does not know this instance')
    if (held.secret !== secret) throw new SwitchgearError('SG_WRONG_SECRET', 'the secret is another one')
    return held
  }

  #remove(service: string, id: string, kind: 'left' | 'expired'): void {
    this.#services.get(service)?.delete(id)
    this.#tell(service, id, kind, undefined)
  }

  #tell(service: string, id: string, kind: CatalogChange['kind'], instance: CatalogInstance | undefined): void {
    const change = { index: ++this.index, service, id, kind, instance }
    this.#changes.push(change)
    while (this.#changes.length > this.kept) this.#changes.shift()
    for (const listener of this.#listeners.get(service) ?? []) listener(change)
  }
}
