// Services in a NATS KV bucket. All watches share one connection. Invariant: after `close` there is no connection, question or timer.
import type { Resolver, Watcher, Watching } from '../resolver.ts'
import { SharedConnection } from './connection.ts'
import { type NatsResolverOptions, type NatsSettings, natsSettings } from './options.ts'
import { NatsWatch } from './watch.ts'

/**
 * Endpoints in a NATS KV bucket. An instance is one key, `natsKey(service, id)`, whose value is the JSON of its parts:
 * `{"address":"10.0.0.7","port":4001,"zone":"b"}`.
 *
 * A deleted or purged key has left, and its endpoint goes at once. A key that expired is absent: it keeps its traffic while it works.
 * That is noticed at the next comparison (`checkEvery`), and at once where the bucket has limit markers (NATS 2.11 and later). A
 * bucket that is missing, from the start or because it was deleted, is a source that does not answer, not an empty one. A value that
 * is not an endpoint is told to `onProblem` and concerns no other key. The open connection keeps the process alive until `close`.
 *
 * @example
 * natsResolver({ servers: ['nats-1:4222', 'nats-2:4222'], bucket: 'services', credentials: { user: 'shop', pass } })
 */
export function natsResolver(options: NatsResolverOptions): Resolver {
  return new Nats(natsSettings(options))
}

class Nats implements Resolver {
  readonly name = 'nats'
  readonly #settings: NatsSettings
  readonly #shared: SharedConnection
  readonly #watches = new Set<NatsWatch>()

  constructor(settings: NatsSettings) {
    this.#settings = settings
    this.#shared = new SharedConnection(settings)
  }

  watch(service: string, watcher: Watcher): Watching {
    const watch = new NatsWatch(service, watcher, this.#shared, this.#settings)
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
    await this.#shared.close()
  }
}
