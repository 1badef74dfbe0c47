// The registry's books as a resolver, for a process that holds them itself: the same as over HTTP, without HTTP. Invariant: it
// reads what is new at the end of the turn in which the books change, so that a watcher never runs within their work.
import { OptionsError } from '@switchgear/core'
import { check } from '@switchgear/core/options'
import type { Resolver, Watcher, Watching } from '../../resolver.ts'
import type { Catalog } from '../catalog.ts'
import { serviceName } from './errors.ts'
import { ServiceFeed } from './service-feed.ts'
import { WatchedService } from './watched-service.ts'

/**
 * Finds services in books of the same process. `close` ends its watches and leaves the books open. `watch` throws `SG_BAD_OPTIONS`
 * for what is no name, and what the books throw when they take no more watches.
 *
 * @example
 * const resolver = catalogResolver(catalog)
 */
export function catalogResolver(catalog: Catalog): Resolver {
  return new CatalogResolver(catalog)
}

class CatalogResolver implements Resolver {
  readonly name = 'registry'
  readonly #catalog: Catalog
  readonly #services = new Map<string, FedService>()
  #isClosed = false

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  watch(service: string, watcher: Watcher): Watching {
    if (this.#isClosed) throw new OptionsError('catalogResolver: it was closed')
    check(serviceName.test(service), 'catalogResolver.watch: the service', 'a name like a host name', service)
    const fed = this.#services.get(service) ?? new FedService(this.#catalog, service)
    this.#services.set(service, fed)
    return fed.watched.add(watcher, () => {
      fed.close()
      this.#services.delete(service)
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    for (const fed of this.#services.values()) fed.close()
    this.#services.clear()
    return Promise.resolve()
  }
}

class FedService {
  readonly watched: WatchedService = new WatchedService()
  readonly #feed: ServiceFeed
  #isScheduled = false
  #isClosed = false

  constructor(catalog: Catalog, service: string) {
    this.#feed = new ServiceFeed(catalog, service, () => this.#schedule())
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    this.watched.close()
    this.#feed.close()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      if (!this.#isClosed) this.#read()
    })
  }

  #read(): void {
    const { watched } = this
    try {
      const { view, changes, complete } = this.#feed.read()
      if (view !== undefined) watched.view(view)
      for (const change of changes) watched.change(change)
      if (complete !== undefined) watched.complete(complete)
      watched.flush()
    } catch (error) {
      // Books that are being closed; what was found before stays true.
      watched.failed(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
