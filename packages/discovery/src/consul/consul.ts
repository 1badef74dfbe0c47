// Endpoints from Consul by blocking queries on its HTTP API. One poll per watched service; they share a pool of connections.
// Invariant: an answer only counts as complete when a server vouches for it that knows its leader, has not just been restarted and
// left nothing out. Tested against a fake written from Consul's documentation, not against Consul itself.
import { OptionsError } from '@switchgear/core'
import { Origin } from '../polling/origin.ts'
import type { Resolver, Watcher, Watching } from '../resolver.ts'
import { ConsulWatch } from './consul-watch.ts'
import { type ConsulOptions, consulSettings } from './options.ts'

/**
 * Finds the instances of services that are registered in Consul. Tested against a fake that was written from Consul's
 * documentation, not against Consul itself.
 *
 * Throws `SG_BAD_OPTIONS`. Watchers hear `SG_CONSUL_FAILED` and `SG_CONSUL_REFUSED`.
 *
 * @example
 * const resolver = consulResolver({ url: 'http://127.0.0.1:8500', token: process.env.CONSUL_HTTP_TOKEN, datacenter: 'dc1' })
 * const watching = resolver.watch('payments', watcher)
 */
export function consulResolver(options: ConsulOptions): Resolver {
  const settings = consulSettings(options)
  const origin = new Origin({ url: settings.url, ca: settings.ca, connectMs: settings.timeoutMs })
  const watches = new Set<ConsulWatch>()
  let closing: Promise<void> | undefined
  return {
    name: 'consul',
    watch(service: string, watcher: Watcher): Watching {
      if (closing !== undefined) throw new OptionsError('consulResolver: it is closed')
      const watch = new ConsulWatch(service, watcher, origin, settings, () => watches.delete(watch))
      watches.add(watch)
      return watch
    },
    close(): Promise<void> {
      for (const watch of watches) watch.close()
      return (closing ??= origin.close())
    },
  }
}
