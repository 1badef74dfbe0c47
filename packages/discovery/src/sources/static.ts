// Endpoints that somebody wrote down: in code, or in a configuration that is handed over with `update`. Invariant: what is written
// is the truth at once, so that an endpoint which is taken out has *left*, and a wrong update changes nothing.
import type { Endpoint } from '../endpoint.ts'
import type { Resolver, Watcher, Watching } from '../resolver.ts'
import { sameEndpoints } from '../roster-comparison.ts'
import { Audience } from './audience.ts'
import { type ServiceTexts, servicesOf } from './endpoint-text.ts'

/** A source that can be told what is true from now on. */
export interface StaticResolver extends Resolver {
  /** All services from now on. Throws `SG_BAD_OPTIONS` naming the place and changes nothing when something is wrong. */
  update(services: ServiceTexts): void
}

/**
 * Endpoints that are known beforehand. A service that is not among them has none.
 *
 * @example
 * staticResolver({ payments: ['http://10.0.0.1:4001', { address: '10.0.0.2', port: 4001, zone: 'b', weight: 0.5 }] })
 */
export function staticResolver(services: ServiceTexts): StaticResolver {
  return new Written(services)
}

class Written implements StaticResolver {
  readonly name = 'static'
  readonly #audience = new Audience()
  #services: ReadonlyMap<string, readonly Endpoint[]>

  constructor(services: ServiceTexts) {
    this.#services = servicesOf(services, 'services')
  }

  update(services: ServiceTexts): void {
    const before = this.#services
    this.#services = servicesOf(services, 'services')
    for (const service of this.#audience.services) {
      const had = before.get(service) ?? []
      const endpoints = this.#endpoints(service)
      if (sameEndpoints(had, endpoints)) continue
      const ids = new Set(endpoints.map((one) => one.id))
      const left = had.map((one) => one.id).filter((id) => !ids.has(id))
      this.#audience.tell(service, { endpoints, complete: true, left })
    }
  }

  watch(service: string, watcher: Watcher): Watching {
    return this.#audience.join(service, watcher, (watcher) =>
      watcher.found({ endpoints: this.#endpoints(service), complete: true }),
    )
  }

  close(): Promise<void> {
    this.#audience.close()
    return Promise.resolve()
  }

  #endpoints(service: string): readonly Endpoint[] {
    return this.#services.get(service) ?? []
  }
}
