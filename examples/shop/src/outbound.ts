// How a service of the shop calls the others: guarded by the policies of switchgear.yaml, or bare as the unprotected twin
// does it. Services see one interface, so that both shops run the same code.
import { createClient, type ServiceOptions } from '@switchgear/client'
import { loadConfig } from '@switchgear/config'
import { type Registry, systemClock } from '@switchgear/core'
import type { Beginning, Tell } from './child.ts'

/** One call to another service. */
export interface OutboundCall {
  readonly method: 'GET' | 'POST'
  /** Sent as JSON. */
  readonly body?: unknown
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

/** The way out of a service. */
export interface Outbound {
  /** Whether policies guard it. */
  readonly guarded: boolean
  /** Throws what the policies or the socket throw; any status is an answer. */
  call(service: string, path: string, call: OutboundCall): Promise<Response>
  close(): Promise<void>
}

/**
 * The outbound that the start order asks for.
 *
 * @example
 * const outbound = await openOutbound(beginning)
 * const response = await outbound.call('inventory', '/stock', { method: 'GET' })
 */
export async function openOutbound({ order, tell, registry }: Beginning): Promise<Outbound> {
  if (order.side === 'unprotected') return bare(order.origins)
  const { services } = await loadConfig(order.configPath)
  tellTransitions(registry, tell)
  return guarded(relocate(services, order.origins), registry)
}

/** The services of the config at the addresses where they were really started. */
export function relocate(
  services: Readonly<Record<string, ServiceOptions>>,
  origins: Readonly<Record<string, string>>,
): Record<string, ServiceOptions> {
  const moved = ([name, options]: [string, ServiceOptions]): [string, ServiceOptions] => {
    const origin = origins[name]
    return [name, origin === undefined ? options : { ...options, endpoints: [origin] }]
  }
  return Object.fromEntries(Object.entries(services).map(moved))
}

/** Tells the parent of every change of a circuit of this process. */
export function tellTransitions(registry: Registry, tell: Tell): void {
  registry.subscribe((event, service) => {
    if (event.type !== 'transition') return
    const { from, to, reason, at } = event
    // Clocks of two processes have different zeros, so an age is told instead of a time.
    tell({ type: 'transition', service, from, to, reason, agoMs: systemClock.now() - at })
  })
}

function guarded(services: Readonly<Record<string, ServiceOptions>>, registry: Registry): Outbound {
  const client = createClient({ services, registry })
  return {
    guarded: true,
    call: (service, path, { body, ...call }) => client.service(service).fetch(path, { ...call, ...json(body) }),
    close: () => client.close(),
  }
}

function bare(origins: Readonly<Record<string, string>>): Outbound {
  return {
    guarded: false,
    call: (service, path, { method, signal = null, body, idempotencyKey }) => {
      const init = json(body)
      const headers = new Headers(init.headers)
      if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey)
      return fetch(`${origins[service] ?? ''}${path}`, { ...init, method, headers, signal })
    },
    close: async () => {},
  }
}

function json(body: unknown): { body?: string; headers?: Record<string, string> } {
  if (body === undefined) return {}
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
}
