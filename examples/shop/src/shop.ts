// One shop: its services in the order in which they need each other. The protected one has a gateway in front; customers
// of the unprotected twin go to its services directly. Owns no process: those belong to `Processes`.
import type { FaultMode, Side, StartOrder } from './messages.ts'
import type { Processes, ServiceProcess } from './processes.ts'

/** Services that can be broken. */
export const serviceNames = ['payments', 'inventory', 'recommendations', 'orders'] as const
export type ServiceName = (typeof serviceNames)[number]

/** Which services a service calls. */
const needsOf: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  payments: [],
  inventory: [],
  recommendations: ['inventory'],
  orders: ['payments', 'inventory'],
}

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
  /** Origin of the collector that its spans go to; undefined: it is not traced. */
  readonly collector: string | Promise<string> | undefined
  /** See `StartOrder`. */
  readonly log: string | undefined
}

/**
 * A running shop.
 *
 * @example
 * const shop = await openShop(processes, {
 *   side: 'protected', configPath, gatewayPort: 8080, ports: {}, collector: undefined, log: undefined,
 * })
 * shop.fault('payments', 'hang')
 */
export interface Shop {
  readonly side: Side
  /** In the order of their start. */
  readonly processes: readonly ServiceProcess[]
  /** Starts a process that was lost again, on the port that its callers know. Undefined: it is not of this shop. */
  restart(title: string): Promise<void> | undefined
  fault(service: ServiceName, mode: FaultMode): void
  /** Where customers send 'GET /orders'. */
  urlOf(route: string): string
}

/** Starts a shop and waits until all of it is ready. Throws a StartError; what was started then still has to be ended. */
export async function openShop(processes: Processes, options: ShopOptions): Promise<Shop> {
  const { side, configPath, ports, log } = options
  const starting = new Map<string, Promise<ServiceProcess>>()
  const orders = new Map<string, Promise<StartOrder>>()
  const start = (title: string, name: string, order: Promise<StartOrder>): void => {
    orders.set(name, order)
    starting.set(name, processes.start(title, name, order))
  }
  /** The order waits for the origins of what the service needs; the process does not wait for its order. */
  const orderOf = async (
    service: string,
    port: number,
    mayMove: boolean,
    needs: readonly ServiceName[],
  ): Promise<StartOrder> => {
    const collector = await options.collector
    const ready = await Promise.all(needs.map(async (need) => [need, (await starting.get(need))?.origin ?? '']))
    const telemetry = collector === undefined ? undefined : { service, collector }
    return { type: 'start', side, configPath, port, mayMove, origins: Object.fromEntries(ready), telemetry, log }
  }
  for (const name of serviceNames) {
    const title = side === 'protected' ? name : `${side} ${name}`
    start(title, name, orderOf(name, ports[name] ?? 0, true, needsOf[name]))
  }
  if (side === 'protected') {
    start('gateway', 'gateway', orderOf('gateway', options.gatewayPort, false, serviceNames))
  }
  const names = [...starting.keys()]
  const ready = await Promise.all(starting.values())
  const running = new Map(names.map((name, index) => [name, ready[index]]))
  const restart = async (title: string, name: string, lost: ServiceProcess): Promise<void> => {
    const order = (await orders.get(name)) as StartOrder
    const port = Number(new URL(lost.origin).port)
    running.set(name, await processes.start(title, name, { ...order, port, mayMove: false }))
  }
  return {
    side,
    processes: ready,
    restart: (title) => {
      for (const [name, lost] of running) if (lost?.name === title) return restart(title, name, lost)
      return undefined
    },
    fault: (name, mode) => running.get(name)?.fault(mode),
    urlOf: (route) => {
      const path = route.slice(route.indexOf(' ') + 1)
      const front = side === 'protected' ? 'gateway' : (serving[path] ?? '')
      return `${running.get(front)?.origin ?? ''}${path}`
    },
  }
}
