// What a gateway is told, and what it makes of it. Owns the defaults and their reasons; checks at construction, so that a
// gateway that exists can start. It reads no files.
import type { ServiceOptions } from '@switchgear/client'
import {
  type Clock,
  type Duration,
  OptionsError,
  parseDuration,
  type Random,
  type Registry,
  type Shared,
} from '@switchgear/core'
import type { Directory } from '@switchgear/discovery'
import type { Metrics } from '@switchgear/telemetry'
import type { ExchangeRecord } from './exchange.ts'
import type { RouteOptions } from './router.ts'

/** Options of `createGateway`. */
export interface GatewayOptions {
  readonly routes: readonly RouteOptions[]
  /** By name; every route leads to one of them. */
  readonly services: Readonly<Record<string, ServiceOptions>>
  /** Where services are found that name no endpoints. It stays its owner's to close. Default: every service names its own. */
  readonly discovery?: Directory | undefined
  /** Where this gateway runs: endpoints of its own zone are preferred then. */
  readonly zone?: string | undefined
  /** Address to listen on. Default '127.0.0.1': nobody outside of the machine. */
  readonly host?: string | undefined
  /** Default 8080; 0 takes a free one. */
  readonly port?: number | undefined
  /** Where the services' pipelines are registered. Default: a registry of its own. */
  readonly registry?: Registry | undefined
  /** Budgets and circuit breakers that policies of several services name as shared, from `sharedFrom`. Default: none. */
  readonly shared?: Shared | undefined
  /** What /metrics shows and requests are observed into. Default: metrics of `registry`. */
  readonly metrics?: Metrics | undefined
  /** How long `stop` lets requests finish. Default '10s'. */
  readonly drainTimeout?: Duration | undefined
  /** How long a client may neither send a byte of its body nor read one of its response. Default '60s'. */
  readonly stallTimeout?: Duration | undefined
  /** How long a client may take for a whole request, body included; a large upload over a slow line needs more. Default '5m'. */
  readonly requestTimeout?: Duration | undefined
  /** Called with each request when it is over. What it throws is dropped. */
  readonly log?: ((record: ExchangeRecord) => void) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Checked scalars of the options. */
export interface Settings {
  readonly host: string
  readonly port: number
  readonly drainMs: number
  readonly stallMs: number
  readonly requestMs: number
}

const known: ReadonlySet<string> = new Set<keyof GatewayOptions>([
  'routes',
  'services',
  'discovery',
  'zone',
  'host',
  'port',
  'registry',
  'shared',
  'metrics',
  'drainTimeout',
  'stallTimeout',
  'requestTimeout',
  'log',
  'clock',
  'random',
])

/** Throws `SG_BAD_OPTIONS` naming path, bound and value. */
export function settingsOf(options: GatewayOptions): Settings {
  const stranger = Object.keys(options).find((key) => !known.has(key))
  if (stranger !== undefined)
    throw new OptionsError(`gateway.${stranger} is not an option; known are ${[...known].join(', ')}`)
  const { host = '127.0.0.1', port = 8080 } = options
  if (host === '') throw new OptionsError('gateway.host must be an address or a name, got an empty text')
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new OptionsError(`gateway.port must be a whole number in [0, 65535], got ${String(port)}`)
  }
  return {
    host,
    port,
    drainMs: parseDuration(options.drainTimeout ?? '10s', 'gateway.drainTimeout'),
    stallMs: parseDuration(options.stallTimeout ?? '60s', 'gateway.stallTimeout', 1),
    requestMs: parseDuration(options.requestTimeout ?? '5m', 'gateway.requestTimeout', 1),
  }
}
