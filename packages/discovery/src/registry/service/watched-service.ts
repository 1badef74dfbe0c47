// One service as a resolver of the registry knows it: the last view with the changes since, and who wants to hear of it. A pure
// machine; both resolvers, over HTTP and in process, feed it. Invariant: watchers hear whole snapshots, once for all that came
// together, and never within the call that began their watch.
import type { Endpoint } from '../../endpoint.ts'
import type { Snapshot, Watcher, Watching } from '../../resolver.ts'
import type { CatalogChange, CatalogInstance, CatalogView } from '../catalog.ts'
import { warn } from './errors.ts'

/**
 * See the head of this file.
 *
 * @example
 * const watched = new WatchedService()
 * watched.view(view)
 * watched.flush() // tells everybody who was added
 */
export class WatchedService {
  readonly #watchers = new Set<Watcher>()
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #left = new Set<string>()
  #isComplete = false
  #snapshot: Snapshot | undefined
  #error: Error | undefined
  #hasNews = false

  /** Nobody watches any more when `onIdle` is called. */
  add(watcher: Watcher, onIdle: () => void): Watching {
    // A watcher of its own for each watch, so that one object may watch twice.
    const own: Watcher = {
      found: (snapshot) => watcher.found(snapshot),
      failed: (error) => watcher.failed(error),
    }
    this.#watchers.add(own)
    if (this.#snapshot !== undefined || this.#error !== undefined) queueMicrotask(() => this.#catchUp(own))
    return {
      close: () => {
        if (this.#watchers.delete(own) && this.#watchers.size === 0) onIdle()
      },
    }
  }

  /** Nothing more is told to anybody. */
  close(): void {
    this.#watchers.clear()
  }

  /** The whole of it. */
  view({ instances, complete }: CatalogView): void {
    this.#endpoints.clear()
    for (const instance of instances) this.#put(instance)
    this.complete(complete)
  }

  change({ kind, id, instance }: CatalogChange): void {
    this.#hasNews = true
    if (kind === 'put' && instance !== undefined) return this.#put(instance)
    this.#endpoints.delete(id)
    // A registry that is cut off from its instances sees all of them fall silent while they work. So whoever expired is only missing,
    // also from books that vouch for knowing all; gone is who said so itself.
    if (kind === 'left') this.#left.add(id)
  }

  /** Whether the registry vouches that there is nothing else. */
  complete(isComplete: boolean): void {
    this.#isComplete = isComplete
    this.#hasNews = true
  }

  /** Tells what has come since the last time, if anything. */
  flush(): void {
    if (!this.#hasNews) return
    this.#hasNews = false
    this.#error = undefined
    const endpoints = Object.freeze([...this.#endpoints.values()])
    const complete = this.#isComplete
    this.#snapshot = { endpoints, complete }
    const told = this.#left.size === 0 ? this.#snapshot : { endpoints, complete, left: [...this.#left] }
    this.#left.clear()
    for (const watcher of this.#watchers) tell(() => watcher.found(told))
  }

  /** The registry does not answer, or not with sense. */
  failed(error: Error): void {
    this.#error = error
    for (const watcher of this.#watchers) tell(() => watcher.failed(error))
  }

  #put(instance: CatalogInstance): void {
    const { endpoint, health } = instance
    this.#left.delete(endpoint.id)
    const isWell = health === 'healthy'
    this.#endpoints.set(endpoint.id, isWell ? endpoint : Object.freeze({ ...endpoint, readiness: 'unready' as const }))
  }

  #catchUp(watcher: Watcher): void {
    const isClosed = (): boolean => !this.#watchers.has(watcher)
    const snapshot = this.#snapshot
    const error = this.#error
    if (snapshot !== undefined && !isClosed()) tell(() => watcher.found(snapshot))
    if (error !== undefined && !isClosed()) tell(() => watcher.failed(error))
  }
}

/** A watcher may not throw; one that does must not keep the others from hearing. */
function tell(run: () => void): void {
  try {
    run()
  } catch (error) {
    warn(error)
  }
}
