// Services in etcd, over its HTTP JSON gateway (etcd 3.4 and later), which needs no client library. One watch for each service, over
// connections of its own. Invariant: after `close` there is no connection, question or timer.
import type { Resolver, Watcher, Watching } from '../resolver.ts'
import { EtcdGateway } from './gateway.ts'
import { type EtcdResolverOptions, type EtcdSettings, etcdSettings } from './options.ts'
import { EtcdWatch } from './watch.ts'

/**
 * Endpoints in etcd. An instance is one key, `/switchgear/<service>/<id>`, whose value is the JSON of its parts:
 * `{"address":"10.0.0.7","port":4001,"zone":"b"}`; instances usually put it under a lease that they keep alive.
 *
 * A deleted key without a lease has left, and its endpoint goes at once. A key under a lease is absent once it is gone, and keeps its
 * traffic while it works: etcd tells the end of a lease as a deletion, and all leases end together where instances are cut off from
 * etcd. The same goes for keys that are missing after an interruption. A value that is not an endpoint is told to `onProblem` and concerns no other key.
 *
 * @example
 * etcdResolver({ urls: ['https://etcd-1:2379', 'https://etcd-2:2379'], ca, username: 'shop', password })
 */
export function etcdResolver(options: EtcdResolverOptions): Resolver {
  return new Etcd(etcdSettings(options))
}

class Etcd implements Resolver {
  readonly name = 'etcd'
  readonly #settings: EtcdSettings
  readonly #gateway: EtcdGateway
  readonly #watches = new Set<EtcdWatch>()

  constructor(settings: EtcdSettings) {
    this.#settings = settings
    this.#gateway = new EtcdGateway(settings)
  }

  watch(service: string, watcher: Watcher): Watching {
    const watch = new EtcdWatch(service, watcher, this.#gateway, this.#settings)
    this.#watches.add(watch)
    return {
      close: () => {
        this.#watches.delete(watch)
        watch.close()
      },
    }
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.close()
    this.#watches.clear()
    await this.#gateway.close()
  }
}
