// A registry as a process: the real books and the real server, on the port it is told.
import type { AddressInfo } from 'node:net'
import { createRegistryServer, openCatalog } from '@switchgear/discovery'
import { ready, settings } from './parent.ts'

/** How it is started. */
export interface RegistrySettings {
  readonly port: number
  /** Its file. */
  readonly path: string
  readonly token: string
  readonly longestLeaseMs: number
}

const { port, path, token, longestLeaseMs } = settings<RegistrySettings>()
const catalog = await openCatalog({ path, bounds: { longestLeaseMs } })
const server = createRegistryServer({ catalog, port, tokens: [{ token, services: ['*'] }], heartbeat: '500ms' })
await server.start()
ready(
  { port: (server.server.address() as AddressInfo).port },
  {
    instances: () => ({ ids: catalog.view('orders').instances.map(({ endpoint }) => endpoint.id) }),
  },
)
