// What a registration from code may be told, and the defaults. Owns the check of every option; nothing is guessed but the id.
import { hostname } from 'node:os'
import {
  type Clock,
  OptionsError,
  type Random,
  type SwitchgearError,
  systemClock,
  systemRandom,
} from '@switchgear/core'
import { check, checkFunction, checkKeys, checkMethods, type Duration, parseDuration } from '@switchgear/core/options'
import { endpoint } from '../../endpoint.ts'
import type { HealthCheck } from '../catalog.ts'
import { bearer } from './access.ts'
import { serviceName, warn } from './errors.ts'
import { RegistryUrls } from './registry-link.ts'

/** How the registry looks at the instance by itself. */
export interface ActiveHealth extends Omit<HealthCheck, 'kind' | 'path' | 'service' | 'intervalMs' | 'timeoutMs'> {
  /** An absolute path, like '/healthz'. */
  readonly http?: string | undefined
  readonly tcp?: true | undefined
  /** The service that grpc.health.v1 is asked for, '' for the server as a whole. */
  readonly grpc?: string | undefined
  readonly interval?: Duration | undefined
  readonly timeout?: Duration | undefined
}

/** Asked before each heartbeat; it has as long as a heartbeat has. False, a throw and silence say that no traffic is wanted. */
export type HealthFunction = () => boolean | Promise<boolean>

/** Options of a registration. */
export interface RegisterOptions {
  readonly service: string
  /** On which the instance listens. */
  readonly port: number
  /** The URL of a registry, or of several, of which one that answers is used. */
  readonly registry: string | readonly string[]
  /** Bound to the service's name at the registry. */
  readonly token: string
  /** Unique within the service, and the same after a restart. Default `<hostname>:<port>`. */
  readonly id?: string | undefined
  /** Where the registry allows another one than that of the connection. Default: that of the connection. */
  readonly address?: string | undefined
  readonly scheme?: 'http' | 'https' | undefined
  readonly zone?: string | undefined
  readonly weight?: number | undefined
  readonly version?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** A function that is asked before each heartbeat, or how the registry looks by itself. Default: heartbeats say it. */
  readonly health?: HealthFunction | 'tcp' | 'grpc' | ActiveHealth | undefined
  /** Without a heartbeat for so long it is unhealthy; one is sent each third of it. Default '15s'; in [1s, 5m]. */
  readonly lease?: Duration | undefined
  /** How long one request may take. Default '3s', and at most a third of the lease. */
  readonly requestTimeout?: Duration | undefined
  /** How long `close` may take. Default '2s'. */
  readonly closeTimeout?: Duration | undefined
  /** Told of a problem of the background once, until it is over or another one. Default: a process warning. */
  readonly onProblem?: ((problem: SwitchgearError) => void) | undefined
  /** Default: the host's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** The options, checked and in the units they are used in. */
export interface RegisterSettings {
  readonly urls: RegistryUrls
  readonly token: string
  /** Of the instance below the registry's URL. */
  readonly path: string
  /** The body of the registration, without the incarnation. */
  readonly body: Readonly<Record<string, unknown>>
  readonly health: HealthFunction | undefined
  readonly leaseMs: number
  readonly requestMs: number
  readonly closeMs: number
  readonly onProblem: (problem: SwitchgearError) => void
  readonly clock: Clock
  readonly random: Random
}

const optionNames: readonly (keyof RegisterOptions)[] = [
  'service',
  'port',
  'registry',
  'token',
  'id',
  'address',
  'scheme',
  'zone',
  'weight',
  'version',
  'metadata',
  'health',
  'lease',
  'requestTimeout',
  'closeTimeout',
  'onProblem',
  'clock',
  'random',
]

/** Checks the options. Throws `SG_BAD_OPTIONS` naming path and bound; the token is never shown. */
export function resolveRegister(options: RegisterOptions): RegisterSettings {
  checkKeys(options, optionNames, 'register')
  const { service, port, token, address, scheme, zone, weight, version, metadata, health } = options
  const { onProblem = warn, clock = systemClock, random = systemRandom } = options
  check(
    typeof service === 'string' && serviceName.test(service),
    'register.service',
    'a name like a host name',
    service,
  )
  const urls = new RegistryUrls(options.registry, 'register.registry')
  if (bearer(`Bearer ${String(token)}`) === undefined) throw new OptionsError('register.token must be a token')
  const { id = `${hostname()}:${port}` } = options
  // The address is the registry's to know; any other stands in for it here.
  endpoint({ id, address: address ?? '127.0.0.1', port, scheme, zone, weight, version, metadata }, 'register')
  checkFunction(onProblem, 'register.onProblem')
  checkMethods(clock, ['now', 'wallNow', 'setTimer'], 'register.clock')
  checkFunction(random, 'register.random')
  const leaseMs = Math.round(parseDuration(options.lease ?? '15s', 'register.lease', 1000))
  check(leaseMs <= 300_000, 'register.lease', "at most '5m'", options.lease)
  const requestMs = parseDuration(options.requestTimeout ?? '3s', 'register.requestTimeout', 1)
  const isFunction = typeof health === 'function'
  const active = health === undefined || isFunction ? undefined : checkOf(health)
  return {
    urls,
    token,
    path: `/v1/services/${encodeURIComponent(service)}/instances/${encodeURIComponent(id)}`,
    body: { address, port, scheme, zone, weight, version, metadata, leaseMs, check: active },
    health: isFunction ? health : undefined,
    leaseMs,
    requestMs: Math.max(1, Math.floor(Math.min(requestMs, leaseMs / 3))),
    closeMs: parseDuration(options.closeTimeout ?? '2s', 'register.closeTimeout', 1),
    onProblem,
    clock,
    random,
  }
}

function checkOf(health: 'tcp' | 'grpc' | ActiveHealth): HealthCheck {
  const path = 'register.health'
  if (health === 'tcp') return { kind: 'tcp' }
  if (health === 'grpc') return { kind: 'grpc' }
  const known = ['http', 'tcp', 'grpc', 'port', 'interval', 'timeout', 'failures', 'successes']
  checkKeys(health, known, path)
  const { http, tcp, grpc, interval, timeout, ...counts } = health
  const kinds = [http, tcp, grpc].filter((kind) => kind !== undefined)
  check(kinds.length === 1, path, 'one of http, tcp and grpc', kinds.length === 0 ? 'none' : 'several')
  const times = {
    ...(interval === undefined ? {} : { intervalMs: parseDuration(interval, `${path}.interval`, 1000) }),
    ...(timeout === undefined ? {} : { timeoutMs: parseDuration(timeout, `${path}.timeout`, 1) }),
  }
  if (http !== undefined) {
    check(typeof http === 'string' && http.startsWith('/'), `${path}.http`, "an absolute path like '/healthz'", http)
    return { kind: 'http', path: http, ...times, ...counts }
  }
  return grpc === undefined
    ? { kind: 'tcp', ...times, ...counts }
    : { kind: 'grpc', service: grpc, ...times, ...counts }
}
