// A node of Moleculer for both sides of its benchmark. It is told the other nodes by address: nothing is searched for in the network.
import { Server } from 'node:net'
import { type BrokerOptions, ServiceBroker } from 'moleculer'

/** All that it has for the side that calls. */
const guards: BrokerOptions = {
  requestTimeout: 3000,
  retryPolicy: { enabled: true, retries: 2 },
  circuitBreaker: { enabled: true },
} as BrokerOptions

/** Makes a node that listens on a free port of the loopback; `others` are `tcp://127.0.0.1:port/nodeID`. */
export function brokerOf(nodeID: string, others: readonly string[], guarded: boolean): ServiceBroker {
  onLoopbackOnly()
  const transporter = { type: 'TCP', options: { udpDiscovery: false, useHostname: false, urls: [...others] } }
  return new ServiceBroker({
    nodeID,
    logger: false,
    // Its types know no options of a transporter.
    transporter: transporter as unknown as 'TCP',
    ...(guarded ? guards : {}),
  })
}

/** Where it listens. */
export function portOf(broker: ServiceBroker): number {
  const { registry } = broker as unknown as {
    readonly registry: { readonly nodes: { readonly localNode: { readonly port: number } } }
  }
  return registry.nodes.localNode.port
}

let isPatched = false

/** Its transporter listens on all interfaces and has no option against it; a benchmark shall open nothing to the network. */
function onLoopbackOnly(): void {
  if (isPatched) return
  isPatched = true
  const listen = Server.prototype.listen as (...given: unknown[]) => Server
  Server.prototype.listen = function (this: Server, options: object, ...rest: unknown[]): Server {
    return listen.call(this, { host: '127.0.0.1', ...options }, ...rest)
  } as Server['listen']
}
