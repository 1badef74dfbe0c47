// One shop: its services in the order in which they need each other. The protected one has a gateway in front; customers
// of the unprotected twin go to its services directly. Owns no process: those belong to `Processes`.
import type { FaultMode, Side } from './messages.ts'
import type { Processes, ServiceProcess } from './processes.ts'

/** Services that can be broken. */
export const serviceNames = ['payments', 'inventory', 'recommendations', 'orders'] as const
export type ServiceName = (typeof serviceNames)[number]

/** Which service serves a path where there is no gateway. */
const serving: Readonly<Record<string, ServiceName>> = {
  '/orders': 'orders',
  '/checkout': 'orders',
  '/recommendations': 'recommendations',
  '/pay': 'payments',
}

export interface ShopOptions {
  readonly side: Side
  readonly configPath: string
  /** The gateway's port; it alone must not move, because people and bookmarks know it. */
  readonly gatewayPort: number
  /** Where services should listen, by name; they move when the port is taken. Missing: any free port. */
  readonly ports: Readonly<Record<string, number>>
}

/**
 * A running shop.
 *
 * @example
 * const shop = await openShop(processes, { side: 'protected', configPath, gatewayPort: 8080, ports: {} })
 * shop.fault('payments', 'hang')
 */
export interface Shop {
  readonly side: Side
  /** In the order of their start. */
  readonly processes: readonly ServiceProcess[]
  fault(service: ServiceName, mode: FaultMode): void
  /** Where customers send 'GET /orders'. */
  urlOf(route: string): string
}

/** Starts a shop and waits until all of it is ready. Throws a StartError; what was started then still has to be ended. */
export async function openShop(processes: Processes, options: ShopOptions): Promise<Shop> {
  const { side, configPath } = options
  const running = new Map<string, ServiceProcess>()
  const start = async (name: string, port: number, mayMove: boolean, needs: readonly string[]): Promise<void> => {
    const origins = Object.fromEntries(needs.map((need) => [need, running.get(need)?.origin ?? '']))
    const title = side === 'protected' ? name : `${side} ${name}`
    running.set(name, await processes.start(title, name, { type: 'start', side, configPath, port, mayMove, origins }))
  }
  const service = (name: ServiceName, needs: readonly ServiceName[]): Promise<void> =>
    start(name, options.ports[name] ?? 0, true, needs)
  await Promise.all([service('payments', []), service('inventory', [])])
  await Promise.all([service('orders', ['payments', 'inventory']), service('recommendations', ['inventory'])])
  if (side === 'protected') await start('gateway', options.gatewayPort, false, serviceNames)
  return {
    side,
    processes: [...running.values()],
    fault: (name, mode) => running.get(name)?.fault(mode),
    urlOf: (route) => {
      const path = route.slice(route.indexOf(' ') + 1)
      const front = side === 'protected' ? 'gateway' : (serving[path] ?? '')
      return `${running.get(front)?.origin ?? ''}${path}`
    },
  }
}
