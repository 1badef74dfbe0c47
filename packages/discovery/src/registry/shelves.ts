// Where the books keep what they hold: living instances by service, and those that have gone, the oldest first. Invariant: a
// key stands in exactly one of both; the bounds hold for what is put in by `admit`.
import type { CatalogBounds } from './bounds.ts'
import { registryError } from './errors.ts'
import type { Holding } from './holding.ts'
import { keyOf } from './record.ts'

/** Living and gone instances. */
export class Shelves {
  readonly #bounds: CatalogBounds
  readonly #services: Map<string, Map<string, Holding>> = new Map()
  readonly #all: Map<string, Holding> = new Map()
  readonly #gone: Set<string> = new Set()

  constructor(bounds: CatalogBounds) {
    this.#bounds = bounds
  }

  /** Living instances. */
  get alive(): number {
    return this.#all.size - this.#gone.size
  }

  /** Instances that have gone and are remembered. */
  get gone(): number {
    return this.#gone.size
  }

  get(key: string): Holding | undefined {
    return this.#all.get(key)
  }

  isGone(key: string): boolean {
    return this.#gone.has(key)
  }

  services(): readonly string[] {
    return [...this.#services.keys()]
  }

  /** The living instances of a service. */
  of(service: string): Iterable<Holding> {
    return this.#services.get(service)?.values() ?? []
  }

  /** All, living and gone. */
  all(): Iterable<Holding> {
    return this.#all.values()
  }

  /** Throws when another living instance would break a bound. One that lives already breaks none. */
  admit(service: string, key: string): void {
    if (this.#all.has(key) && !this.#gone.has(key)) return
    const { maxServices, maxInstancesPerService, maxInstances } = this.#bounds
    const siblings = this.#services.get(service)
    if (siblings === undefined && this.#services.size >= maxServices)
      throw registryError('SG_REGISTRY_SERVICES_FULL', `the registry holds ${maxServices} services, which is its bound`)
    const full = siblings !== undefined && siblings.size >= maxInstancesPerService
    if (full || this.alive >= maxInstances)
      throw registryError(
        'SG_REGISTRY_INSTANCES_FULL',
        full
          ? `service ${service} has ${maxInstancesPerService} instances, which is the bound of one service`
          : `the registry holds ${maxInstances} instances, which is its bound`,
      )
  }

  /** Puts a holding among the living. */
  putAlive(holding: Holding): void {
    const { record } = holding
    const key = keyOf(record)
    this.#all.set(key, holding)
    this.#gone.delete(key)
    const siblings = this.#services.get(record.service) ?? new Map<string, Holding>()
    siblings.set(record.id, holding)
    this.#services.set(record.service, siblings)
  }

  /** Puts it among those that have gone. Answers the key of the oldest one when there are too many now. */
  putGone(holding: Holding): string | undefined {
    const key = keyOf(holding.record)
    this.#takeFromService(holding)
    this.#all.set(key, holding)
    // One that has gone already keeps its place: its time has begun.
    this.#gone.add(key)
    return this.#gone.size > this.#bounds.maxTombstones ? this.#gone.values().next().value : undefined
  }

  /** Forgets one entirely. */
  remove(key: string): void {
    const holding = this.#all.get(key)
    if (holding !== undefined) this.#takeFromService(holding)
    this.#all.delete(key)
    this.#gone.delete(key)
  }

  #takeFromService({ record }: Holding): void {
    const siblings = this.#services.get(record.service)
    siblings?.delete(record.id)
    if (siblings?.size === 0) this.#services.delete(record.service)
  }
}
