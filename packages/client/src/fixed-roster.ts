// Endpoints that are written down: what a service has that is not looked for. They are always there and nothing is heard of them.
import { type Endpoint, endpoint, type Entry, type Roster, type RosterView } from '@switchgear/discovery'

/** A roster that never changes. `origins` are checked. */
export class FixedRoster implements Roster {
  readonly service: string
  readonly view: RosterView

  constructor(service: string, origins: readonly URL[], path: string) {
    this.service = service
    const entries = origins.map((origin, index): Entry => ({
      endpoint: endpointOf(origin, `${path}[${index}]`),
      presence: 'present',
    }))
    this.view = { service, state: 'live', since: Date.now(), error: undefined, entries, version: 1 }
  }

  subscribe(): () => void {
    return () => undefined
  }

  /** What is written down stays, reachable or not. */
  unreachable(): void {}
}

function endpointOf({ protocol, hostname, port }: URL, path: string): Endpoint {
  const scheme = protocol === 'https:' ? 'https' : 'http'
  return endpoint(
    {
      address: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
      port: port === '' ? (scheme === 'https' ? 443 : 80) : Number(port),
      scheme,
    },
    path,
  )
}
