// Where in the cluster a service name points. Names are those of the cluster's DNS: `payments`, `payments.shop`, `payments.shop.svc`,
// `payments.shop.svc.cluster.local`. A Service has no dot in its name, so none of them can mean two things.
import { dnsLabel, type KubernetesSettings, type PortChoice } from './options.ts'

/** Service, namespace and port of one service name. */
export interface Place {
  readonly service: string
  readonly namespace: string
  readonly port: PortChoice | undefined
}

/** The place of a name; undefined for a name that no Service can have. */
export function placeOf(name: string, { services, namespace, port }: KubernetesSettings): Place | undefined {
  const mapped = Object.hasOwn(services, name) ? services[name] : undefined
  const [first = '', second, svc] = name.split('.')
  const place = {
    service: mapped?.service ?? first,
    namespace: mapped?.namespace ?? second ?? namespace,
    port: mapped?.port ?? port,
  }
  if (mapped?.service === undefined && svc !== undefined && svc !== 'svc') return undefined
  return dnsLabel.test(place.service) && dnsLabel.test(place.namespace) ? place : undefined
}
