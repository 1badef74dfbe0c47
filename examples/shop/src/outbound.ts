// How a service of the shop calls the others: guarded by the policies of switchgear.yaml, or bare as the unprotected twin
// does it. Services see one interface, so that both shops run the same code.
import { createClient, type ServiceOptions } from '@switchgear/client'
import { loadConfig } from '@switchgear/config'
import type { Pipeline } from '@switchgear/core'
import type { Tell } from './child.ts'
import type { StartOrder } from './messages.ts'

/** One call to another service. */
export interface OutboundCall {
  readonly method: 'GET' | 'POST'
  /** Sent as JSON. */
  readonly body?: unknown
  readonly idempotencyKey?: string
  readonly traceparent?: string | undefined
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
 * const outbound = await openOutbound(order, tell)
 * const response = await outbound.call('inventory', '/stock', { method: 'GET' })
 */
export async function openOutbound(order: StartOrder, tell: Tell): Promise<Outbound> {
  if (order.side === 'unprotected') return bare(order.origins)
  const { services } = await loadConfig(order.configPath)
  return guarded(relocate(services, order.origins), Object.keys(order.origins), tell)
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

/** Tells the parent of every change of a circuit of this pipeline. */
export function tellTransitions(service: string, pipeline: Pipeline<unknown>, tell: Tell): void {
  pipeline.subscribe((event) => {
    if (event.type !== 'transition') return
    const { from, to, reason, at } = event
    // Clocks of two processes have different zeros, so an age is told instead of a time.
    tell({ type: 'transition', service, from, to, reason, agoMs: performance.now() - at })
  })
}

function guarded(services: Record<string, ServiceOptions>, called: readonly string[], tell: Tell): Outbound {
  const client = createClient({ services })
  for (const name of called) tellTransitions(name, client.service(name).pipeline, tell)
  return {
    guarded: true,
    call: (service, path, { idempotencyKey, traceparent, ...call }) =>
      client.service(service).fetch(path, {
        ...requestInit(call),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        ...(traceparent === undefined ? {} : { traceparent }),
      }),
    close: () => client.close(),
  }
}

function bare(origins: Readonly<Record<string, string>>): Outbound {
  return {
    guarded: false,
    call: (service, path, { idempotencyKey, traceparent, ...call }) => {
      const init = requestInit(call)
      const headers = { ...init.headers, ...(traceparent === undefined ? {} : { traceparent }) }
      const keyed = idempotencyKey === undefined ? headers : { ...headers, 'idempotency-key': idempotencyKey }
      return fetch(`${origins[service] ?? ''}${path}`, { ...init, headers: keyed })
    },
    close: async () => {},
  }
}

interface PlainInit {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly signal?: AbortSignal
}

function requestInit({ method, body, signal }: OutboundCall): PlainInit {
  return {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }
}
