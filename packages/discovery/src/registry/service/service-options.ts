// What the registry's service may be told, and the defaults. Owns the check of every option; nothing is guessed.
import { type Clock, systemClock } from '@switchgear/core'
import {
  type ByteSize,
  check,
  checkCount,
  checkFunction,
  checkKeys,
  checkMethods,
  type Duration,
  parseByteSize,
  parseDuration,
} from '@switchgear/core/options'
import type { Catalog } from '../catalog.ts'
import { TokenGrants, type TokenGrant } from './access.ts'
import { AddressRule } from './addresses.ts'
import { warn } from './errors.ts'
import { servedHosts } from './screen.ts'
import { longestHeartbeatMs } from './wire.ts'

/** Options of the request handler; only `catalog` has no default. */
export interface RegistryServiceOptions {
  /** The books. They stay open: they belong to whoever opened them. */
  readonly catalog: Catalog
  /** Who may register what; these tokens also read the services they name. Default none: nobody registers. */
  readonly tokens?: readonly TokenGrant[] | undefined
  /** Who may read what, where reading needs a token. Default none. */
  readonly readTokens?: readonly TokenGrant[] | undefined
  /** `open`: whoever reaches it reads. Default 'token', and 'open' for a server that listens on loopback. */
  readonly read?: 'open' | 'token' | undefined
  /** Ranges in which an instance may be registered at another address than that of its connection. Default none. */
  readonly addresses?: readonly string[] | undefined
  /** Values of the Host header to serve, without ports, beside loopback names and the address that was connected to. */
  readonly hosts?: readonly string[] | undefined
  /** Bytes of a body. Default '64kb'. */
  readonly maxBody?: ByteSize | undefined
  /** How long a body may take to arrive. Default '5s'. */
  readonly bodyTimeout?: Duration | undefined
  /** Watches at a time. Default 4096, and of a server at most half of its connections. */
  readonly maxWatchers?: number | undefined
  /** How often a watch gets a sign of life. Default '5s'; in [100 ms, 1m]. */
  readonly heartbeat?: Duration | undefined
  /** How long the connection of a watch may take nothing before it is dropped; its reader resumes. Default '15s'. */
  readonly stallTimeout?: Duration | undefined
  /** Failed attempts of a peer in a minute before it is put off. Default 30. */
  readonly failedAttempts?: number | undefined
  /** Told of errors that are neither the peer's nor answered with a code of ours. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Default: the host's. */
  readonly clock?: Clock | undefined
}

/** The options, checked and in the units they are used in. */
export interface ServiceSettings {
  readonly catalog: Catalog
  readonly register: TokenGrants
  readonly readers: TokenGrants
  readonly isOpen: boolean
  readonly addresses: AddressRule
  readonly hosts: ReadonlySet<string>
  readonly maxBodyBytes: number
  readonly bodyTimeoutMs: number
  readonly maxWatchers: number
  readonly heartbeatMs: number
  readonly stallMs: number
  readonly failedAttempts: number
  readonly onError: (error: unknown) => void
  readonly clock: Clock
}

/** Names of all options, for the check of a server that has these and its own. */
export const serviceOptionNames: readonly string[] = [
  'catalog',
  'tokens',
  'readTokens',
  'read',
  'addresses',
  'hosts',
  'maxBody',
  'bodyTimeout',
  'maxWatchers',
  'heartbeat',
  'stallTimeout',
  'failedAttempts',
  'onError',
  'clock',
]

const catalogMethods = ['register', 'heartbeat', 'deregister', 'view', 'services', 'since', 'watch']

/** Checks the options. Throws `SG_BAD_OPTIONS` naming path and bound. */
export function resolveService(options: RegistryServiceOptions): ServiceSettings {
  const path = 'registry'
  checkKeys(options, serviceOptionNames, path)
  const { catalog, tokens = [], readTokens = [], read = 'token', addresses = [], hosts = [] } = options
  const { onError = warn, clock = systemClock } = options
  checkMethods(catalog, catalogMethods, `${path}.catalog`)
  check(read === 'open' || read === 'token', `${path}.read`, 'open or token', read)
  for (const [name, list] of Object.entries({ tokens, readTokens, addresses, hosts }))
    check(Array.isArray(list), `${path}.${name}`, 'a list', list)
  checkFunction(onError, `${path}.onError`)
  checkMethods(clock, ['now', 'wallNow', 'setTimer'], `${path}.clock`)
  return {
    catalog,
    register: new TokenGrants(tokens, `${path}.tokens`),
    readers: new TokenGrants([...readTokens, ...tokens], `${path}.readTokens`),
    isOpen: read === 'open',
    addresses: new AddressRule(addresses, `${path}.addresses`),
    hosts: servedHosts(hosts, `${path}.hosts`),
    maxBodyBytes: parseByteSize(options.maxBody ?? '64kb', `${path}.maxBody`),
    bodyTimeoutMs: parseDuration(options.bodyTimeout ?? '5s', `${path}.bodyTimeout`, 1),
    maxWatchers: checkCount(options.maxWatchers ?? 4096, `${path}.maxWatchers`, 1, 65_535),
    heartbeatMs: heartbeatOf(options.heartbeat ?? '5s', `${path}.heartbeat`),
    stallMs: parseDuration(options.stallTimeout ?? '15s', `${path}.stallTimeout`, 1),
    failedAttempts: checkCount(options.failedAttempts ?? 30, `${path}.failedAttempts`, 1),
    onError,
    clock,
  }
}

function heartbeatOf(duration: Duration, path: string): number {
  const ms = Math.ceil(parseDuration(duration, path, 100))
  check(ms <= longestHeartbeatMs, path, "at most '1m'", duration)
  return ms
}
