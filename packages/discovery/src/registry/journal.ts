// The changes that watchers see: numbered, kept for a while, and told to those who watch the service. Invariant: numbers have
// no gap over the whole catalog; a change is told once to each watcher of its service, in order. An epoch is one life of one
// process: a new one begins at each start, because what was numbered before can no longer be told.
import { randomUUID } from 'node:crypto'
import type { CatalogChange, CatalogInstance, CatalogListener } from './catalog.ts'
import { registryError } from './errors.ts'

/** How much it keeps. */
export interface JournalBounds {
  /** Changes kept for those who come back. */
  readonly maxChanges: number
  readonly maxWatchers: number
}

/** What has changed, and who wants to know. */
export class Journal {
  readonly epoch: string = randomUUID()
  readonly #bounds: JournalBounds
  readonly #ring: CatalogChange[] = []
  readonly #watchers: Map<string, Set<CatalogListener>> = new Map()
  #watching = 0
  #index = 0

  constructor(bounds: JournalBounds) {
    this.#bounds = bounds
  }

  /** The number of the last change, 0 before the first. */
  get index(): number {
    return this.#index
  }

  /** How many watch. */
  get watching(): number {
    return this.#watching
  }

  /** Numbers a change and tells it. */
  add(service: string, id: string, kind: CatalogChange['kind'], instance: CatalogInstance | undefined): void {
    const change: CatalogChange = Object.freeze({ index: ++this.#index, service, id, kind, instance })
    // A ring: the place of a change follows from its number.
    this.#ring[(change.index - 1) % this.#bounds.maxChanges] = change
    this.#tell(this.#watchers.get(service), change)
  }

  /** Tells everybody that `complete` has changed. */
  completeness(): void {
    for (const listeners of this.#watchers.values()) this.#tell(listeners, undefined)
  }

  /** As `Catalog.since`. */
  since(service: string, epoch: string, index: number): readonly CatalogChange[] | undefined {
    const oldest = Math.max(0, this.#index - this.#bounds.maxChanges)
    if (epoch !== this.epoch || !Number.isInteger(index) || index < oldest || index > this.#index) return undefined
    const changes: CatalogChange[] = []
    for (let number = index; number < this.#index; number++) {
      const change = this.#ring[number % this.#bounds.maxChanges]
      if (change?.service === service) changes.push(change)
    }
    return changes
  }

  /** As `Catalog.watch`. */
  watch(service: string, listener: CatalogListener): () => void {
    const { maxWatchers } = this.#bounds
    if (this.#watching >= maxWatchers)
      throw registryError('SG_REGISTRY_WATCHERS_FULL', `the registry has ${maxWatchers} watchers, which is its bound`)
    const listeners = this.#watchers.get(service) ?? new Set()
    this.#watchers.set(service, listeners)
    // A function of its own per watch: the same listener may watch twice, and each end ends one.
    const own: CatalogListener = (change) => listener(change)
    listeners.add(own)
    this.#watching++
    return () => {
      if (!listeners.delete(own)) return
      this.#watching--
      if (listeners.size === 0 && this.#watchers.get(service) === listeners) this.#watchers.delete(service)
    }
  }

  /** Ends all watches. */
  close(): void {
    for (const listeners of this.#watchers.values()) listeners.clear()
    this.#watchers.clear()
    this.#watching = 0
  }

  #tell(listeners: ReadonlySet<CatalogListener> | undefined, change: CatalogChange | undefined): void {
    if (listeners === undefined) return
    // A copy: a listener may end its watch, or begin another, which must not hear of what was before.
    for (const listener of Array.from(listeners)) {
      try {
        listener(change)
      } catch {
        // It must not throw; the books, and the watchers behind it, go on.
      }
    }
  }
}
