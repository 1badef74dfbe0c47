// Services by name, each behind its policies. Owns their connections from creation to `close`. Invariant: a bad
// configuration throws here, before anything is connected; after `close` no socket and no timer is left.
import { type Clock, type Random, Registry, type Shared, systemClock } from '@switchgear/core'
import { currentTelemetry } from '@switchgear/telemetry'
import type { Depot } from './delivery.ts'
import { closedError, unknownServiceError } from './errors.ts'
import type { ClientExchange } from './exchange.ts'
import { createService, type Service } from './service.ts'
import { createUpstream, type ServiceOptions } from './upstream.ts'

/** Options of `createClient`. */
export interface ClientOptions {
  /** By name. */
  readonly services: Readonly<Record<string, ServiceOptions>>
  /** Where the pipelines are registered. Default: a registry of its own. */
  readonly registry?: Registry | undefined
  /** Default: the host's time. */
  readonly clock?: Clock | undefined
  /** Default: the host's chance. */
  readonly random?: Random | undefined
  /** Budgets and circuit breakers that policies of several services name as shared, from `sharedFrom`. Default: none. */
  readonly shared?: Shared | undefined
  /** Hears of every exchange when it has ended. What it throws is dropped: a broken meter must not break a call. */
  readonly onExchange?: ((exchange: ClientExchange) => void) | undefined
}

/** Calls services by name. */
export interface Client {
  readonly registry: Registry
  /** The service of this name. Throws `SG_UNKNOWN_SERVICE`, naming the nearest known. */
  service(name: string): Service
  /** Ends calls under way with `SG_CLIENT_CLOSED` and closes every connection. Harmless when called again. */
  close(): Promise<void>
}

/**
 * Makes a client; nothing is connected before the first call. Throws `SG_BAD_OPTIONS` for a bad endpoint, policy or fallback.
 *
 * @example
 * const client = createClient({ services: { payments: { endpoints: ['http://127.0.0.1:4001'] } } })
 * const response = await client.service('payments').fetch('/charge', { method: 'POST', body: JSON.stringify(order) })
 * await client.close()
 */
export function createClient(options: ClientOptions): Client {
  const { random, shared, clock = systemClock } = options
  const registry = options.registry ?? new Registry({ clock, random })
  const hide = currentTelemetry()?.show(registry)
  const report = reporter(options.onExchange)
  const depots = new Map<string, Depot>()
  for (const [name, service] of Object.entries(options.services)) {
    const upstream = createUpstream(name, service, { registry, clock, random, shared })
    depots.set(name, { upstream, clock, report, live: new Set(), closed: false })
  }
  const services = new Map([...depots].map(([name, depot]) => [name, createService(depot)]))
  return {
    registry,
    service(name) {
      const service = services.get(name)
      if (service === undefined) throw unknownServiceError(name, [...services.keys()])
      return service
    },
    async close() {
      hide?.()
      await Promise.all([...depots.values()].map(closeDepot))
    },
  }
}

async function closeDepot(depot: Depot): Promise<void> {
  depot.closed = true
  // The calls come first, so that they end with our reason and not with that of a connection which is suddenly gone.
  for (const watch of depot.live) watch.stop(closedError(depot.upstream.name))
  await depot.upstream.close()
}

function reporter(listener: ClientOptions['onExchange']): (exchange: ClientExchange) => void {
  if (listener === undefined) return () => undefined
  return (exchange) => {
    try {
      listener(exchange)
    } catch {
      // Told in the doc comment: there is nobody here who could do anything about a broken listener.
    }
  }
}
