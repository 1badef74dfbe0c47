// What can be set about the DNS resolver, with its defaults and its checks. Invariant: what leaves here is complete and within its
// bounds; nothing later has to doubt it.
import { isIP } from 'node:net'
import { type Clock, type Duration, type Random, systemClock, systemRandom } from '@switchgear/core'
import {
  check,
  checkCount,
  checkFunction,
  checkKeys,
  checkMethods,
  checkObject,
  parseDuration,
} from '@switchgear/core/options'
import type { Family } from './addresses.ts'
import { canonical, isAskable } from './names.ts'
import { placeholder } from './question.ts'
import type { ResolvConf } from './resolv-conf.ts'
import type { Nameserver } from './transport.ts'

/** Options of the DNS resolver. All have defaults, except that type 'A' needs a port from somewhere. */
export interface DnsResolverOptions {
  /**
   * The DNS name of a service: a text in which '{service}' stands for its name, such as '{service}.default.svc.cluster.local' or
   * '_http._tcp.{service}.example.', or a function. A trailing dot means that name and no search list. For type 'A' it may end with
   * the port (':8080'). Default '{service}'.
   */
  readonly name?: string | ((service: string) => string) | undefined
  /** 'A' asks for addresses (A and AAAA) and gives all of them one port; 'SRV' asks for both (RFC 2782). Default 'A'. */
  readonly type?: 'A' | 'SRV' | undefined
  /** The port of type 'A' where the name has none, 1 to 65535. */
  readonly port?: number | undefined
  /** How the endpoints are spoken to. Default undefined: whoever connects decides. */
  readonly scheme?: 'http' | 'https' | undefined
  /** Which addresses are asked for: 'any' (A and AAAA), 'ipv4' or 'ipv6'. Default 'any'. */
  readonly family?: 'any' | 'ipv4' | 'ipv6' | undefined
  /** Who is asked, in this order: '10.0.0.2', '127.0.0.1:5353', '[::1]:53'. Default: the nameservers of `resolvConf`. */
  readonly servers?: readonly string[] | undefined
  /** Suffixes for names with fewer dots than `ndots`. Default: those of `resolvConf`. */
  readonly search?: readonly string[] | undefined
  /** 0 to 15. Default: that of `resolvConf`, else 1. */
  readonly ndots?: number | undefined
  /** How long one server is waited for, at least 10 ms. Default: that of `resolvConf`, else '5s'. */
  readonly timeout?: Duration | undefined
  /** How often each server is asked, 1 to 5. Default: that of `resolvConf`, else 2. */
  readonly attempts?: number | undefined
  /** Path of the resolv.conf, which is read again when it changed; false for none. Default '/etc/resolv.conf'. */
  readonly resolvConf?: string | false | undefined
  /** Path of the hosts file, likewise. Default '/etc/hosts'. */
  readonly hosts?: string | false | undefined
  /** An answer is used for at least so long, whatever its TTL; at least '1s', which is the default. */
  readonly minTtl?: Duration | undefined
  /** And for at most so long, to which chance adds up to a tenth. Default '5m'. */
  readonly maxTtl?: Duration | undefined
  /** The same for an absence (NXDOMAIN, NODATA). Default '30s'. */
  readonly maxNegativeTtl?: Duration | undefined
  /** The wait after a first failure; it doubles with each further one in a row and is cut by up to a half by chance. Default '1s'. */
  readonly backoff?: Duration | undefined
  /** The longest such wait. Default '30s'. */
  readonly maxBackoff?: Duration | undefined
  /** Questions under way at a time, 1 to 1000; the others wait. Default 64. */
  readonly maxInFlight?: number | undefined
  /** Endpoints of one service; more are left out, always the same ones, and it is told. 1 to 10 000, default 1000. */
  readonly maxEndpoints?: number | undefined
  /**
   * Gets to know what goes wrong without making a watch fail: one family of addresses that cannot be had, a file that cannot be
   * read. What makes it fail is told to the watcher. Default: nobody.
   */
  readonly onProblem?: ((error: Error) => void) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Options with every default and every duration in milliseconds. */
export interface CompleteOptions {
  readonly name: string | ((service: string) => string)
  readonly type: 'A' | 'SRV'
  readonly port: number | undefined
  readonly scheme: 'http' | 'https' | undefined
  readonly families: readonly Family[]
  /** What stands above the resolv.conf. */
  readonly conf: Partial<ResolvConf>
  readonly resolvConf: string | undefined
  readonly hosts: string | undefined
  readonly minTtlMs: number
  readonly maxTtlMs: number
  readonly maxNegativeTtlMs: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly maxInFlight: number
  readonly maxEndpoints: number
  /** Never throws. */
  readonly onProblem: (error: Error) => void
  readonly clock: Clock
  readonly random: Random
}

const known: Readonly<Record<keyof DnsResolverOptions, true>> = {
  name: true,
  type: true,
  port: true,
  scheme: true,
  family: true,
  servers: true,
  search: true,
  ndots: true,
  timeout: true,
  attempts: true,
  resolvConf: true,
  hosts: true,
  minTtl: true,
  maxTtl: true,
  maxNegativeTtl: true,
  backoff: true,
  maxBackoff: true,
  maxInFlight: true,
  maxEndpoints: true,
  onProblem: true,
  clock: true,
  random: true,
}

const familiesOf: Readonly<Record<string, readonly Family[]>> = { any: ['A', 'AAAA'], ipv4: ['A'], ipv6: ['AAAA'] }

/** Checks and completes. Throws `SG_BAD_OPTIONS` naming the option, its bound and its value. */
export function completeOptions(options: DnsResolverOptions): CompleteOptions {
  checkObject(options, 'dns')
  checkKeys(options, known, 'dns')
  const { type = 'A', port, scheme, family = 'any', clock = systemClock, random = systemRandom, onProblem } = options
  check(type === 'A' || type === 'SRV', 'dns.type', "'A' or 'SRV'", type)
  check(scheme === undefined || scheme === 'http' || scheme === 'https', 'dns.scheme', 'http or https', scheme)
  const families = Object.hasOwn(familiesOf, family) ? familiesOf[family] : undefined
  check(families !== undefined, 'dns.family', "'any', 'ipv4' or 'ipv6'", family)
  if (port !== undefined) checkCount(port, 'dns.port', 1, 65_535)
  checkMethods(clock, ['now', 'wallNow', 'setTimer'], 'dns.clock')
  checkFunction(random, 'dns.random')
  if (onProblem !== undefined) checkFunction(onProblem, 'dns.onProblem')
  const minTtlMs = parseDuration(options.minTtl ?? '1s', 'dns.minTtl', 1000)
  const backoffMs = parseDuration(options.backoff ?? '1s', 'dns.backoff', 10)
  return {
    name: checkedName(options.name ?? placeholder, type === 'A' && port === undefined),
    type,
    port,
    scheme,
    families: families ?? [],
    conf: checkedConf(options),
    resolvConf: checkedPath(options.resolvConf ?? '/etc/resolv.conf', 'dns.resolvConf'),
    hosts: checkedPath(options.hosts ?? '/etc/hosts', 'dns.hosts'),
    minTtlMs,
    maxTtlMs: parseDuration(options.maxTtl ?? Math.max(minTtlMs, 300_000), 'dns.maxTtl', minTtlMs),
    maxNegativeTtlMs: parseDuration(
      options.maxNegativeTtl ?? Math.max(minTtlMs, 30_000),
      'dns.maxNegativeTtl',
      minTtlMs,
    ),
    backoffMs,
    maxBackoffMs: parseDuration(options.maxBackoff ?? Math.max(backoffMs, 30_000), 'dns.maxBackoff', backoffMs),
    maxInFlight: checkCount(options.maxInFlight ?? 64, 'dns.maxInFlight', 1, 1000),
    maxEndpoints: checkCount(options.maxEndpoints ?? 1000, 'dns.maxEndpoints', 1, 10_000),
    onProblem: guarded(onProblem),
    clock,
    random,
  }
}

/** A listener that throws must not end what it listens to; there is nobody above it who could be told. */
function guarded(onProblem: ((error: Error) => void) | undefined): (error: Error) => void {
  return (error) => {
    try {
      onProblem?.(error)
    } catch {
      // See above.
    }
  }
}

function checkedName(name: unknown, needsPort: boolean): string | ((service: string) => string) {
  if (typeof name === 'function') return name as (service: string) => string
  check(typeof name === 'string' && name !== '', 'dns.name', 'a text or a function', name)
  const text = String(name)
  // At the end of the template the service itself may bring its port; anywhere else it is plain now that there never will be one.
  const mayHavePort = /:\d+$/.test(text) || text.endsWith(placeholder)
  check(!needsPort || mayHavePort, 'dns.port', "given for type 'A', or at the end of dns.name (':8080')", undefined)
  return text
}

function checkedConf(options: DnsResolverOptions): Partial<ResolvConf> {
  const { servers, search, ndots, timeout, attempts } = options
  return {
    ...(servers === undefined ? {} : { servers: checkedServers(servers) }),
    ...(search === undefined ? {} : { search: checkedSearch(search) }),
    ...(ndots === undefined ? {} : { ndots: checkCount(ndots, 'dns.ndots', 0, 15) }),
    ...(timeout === undefined ? {} : { timeoutMs: parseDuration(timeout, 'dns.timeout', 10) }),
    ...(attempts === undefined ? {} : { attempts: checkCount(attempts, 'dns.attempts', 1, 5) }),
  }
}

function checkedServers(servers: readonly string[]): readonly Nameserver[] {
  const isList = Array.isArray(servers) && servers.length >= 1 && servers.length <= 8
  check(isList, 'dns.servers', 'a list of 1 to 8 addresses', servers)
  return servers.map((written, index) => {
    const text = String(written)
    // '[v6]:port', 'v4:port', or an address alone.
    const [, bracketed, plain, digits = '53'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
    const address = isIP(text) !== 0 ? text : (bracketed ?? plain ?? '')
    const port = isIP(text) !== 0 ? 53 : Number(digits)
    const isSound = isIP(address) !== 0 && port >= 1 && port <= 65_535
    check(isSound, `dns.servers[${index}]`, "an IP address, with a port like '127.0.0.1:5353' or '[::1]:5353'", written)
    return { address, port }
  })
}

function checkedSearch(search: readonly string[]): readonly string[] {
  check(Array.isArray(search) && search.length <= 32, 'dns.search', 'a list of at most 32 domains', search)
  return search.map((suffix, index) => {
    const name = canonical(String(suffix))
    check(isAskable(name), `dns.search[${index}]`, 'a domain', suffix)
    return name
  })
}

function checkedPath(path: unknown, name: string): string | undefined {
  if (path === false) return undefined
  check(typeof path === 'string' && path !== '', name, 'a path or false', path)
  return String(path)
}
