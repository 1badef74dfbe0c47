// Endpoints from Kubernetes by listing and watching EndpointSlices (discovery.k8s.io/v1). One watch per service, each on a connection
// of its own. Tested against a fake written from the documentation of the API, not against a cluster.
import { OptionsError } from '@switchgear/core'
import type { Resolver, Watcher, Watching } from '../resolver.ts'
import { ApiServer } from './api-server.ts'
import { KubernetesWatch } from './kubernetes-watch.ts'
import { type KubernetesOptions, kubernetesSettings } from './options.ts'

/**
 * Finds the pods behind Services. An endpoint that is deleted while the watch is whole has left; one that is missing after a new list
 * is merely absent. Tested against a fake that was written from the documentation of the Kubernetes API, not against a cluster.
 *
 * Throws `SG_BAD_OPTIONS`. Watchers hear `SG_KUBERNETES_FAILED` and `SG_KUBERNETES_REFUSED`.
 *
 * @example
 * const resolver = kubernetesResolver({ ...inCluster(), port: 'http', services: { payments: { service: 'pay', namespace: 'shop' } } })
 * const watching = resolver.watch('payments', watcher)
 */
export function kubernetesResolver(options: KubernetesOptions): Resolver {
  const settings = kubernetesSettings(options)
  const api = new ApiServer(settings)
  const watches = new Set<KubernetesWatch>()
  let closing: Promise<void> | undefined
  return {
    name: 'kubernetes',
    watch(service: string, watcher: Watcher): Watching {
      if (closing !== undefined) throw new OptionsError('kubernetesResolver: it is closed')
      const watch = new KubernetesWatch(service, watcher, api, settings, () => watches.delete(watch))
      watches.add(watch)
      return watch
    },
    close(): Promise<void> {
      for (const watch of watches) watch.close()
      return (closing ??= api.close())
    },
  }
}
