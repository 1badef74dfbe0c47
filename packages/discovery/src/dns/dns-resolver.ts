// The resolver that asks DNS: what all its watches share, and their end. Invariant: after `close` there is no socket and no timer.
import { hostname } from 'node:os'
import type { Resolver, Watcher, Watching } from '../resolver.ts'
import { closed } from './errors.ts'
import { type Hosts, parseHosts } from './hosts.ts'
import { Lookup, type Sources } from './lookup.ts'
import { type CompleteOptions, completeOptions, type DnsResolverOptions } from './options.ts'
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts'
import { type DnsTotals, Servers } from './servers.ts'
import { socketTransport, type Transport } from './transport.ts'
import { Watch } from './watch.ts'
import { WatchedFile } from './watched-file.ts'

/** A resolver that asks DNS. */
export interface DnsResolver extends Resolver {
  readonly totals: DnsTotals
}

/**
 * Services by DNS: A and AAAA records with one port, or SRV records with theirs. It asks the servers of the host itself, because
 * the host's own resolver tells no TTL: the records of an answer say how long it holds. The hosts file is asked first.
 *
 * - NXDOMAIN and NODATA are answers: a complete snapshot without endpoints.
 * - SERVFAIL, REFUSED, silence and damaged answers are none: `failed`, and what was found before stays.
 * - When one family of addresses cannot be had, its last addresses stand in and the snapshot is not complete; after more than three
 *   rounds in a row it is complete again, because some servers never answer AAAA.
 * - Of SRV records only those of the lowest priority number are `ready`, the others `unready`.
 *
 * @throws OptionsError naming the option, its bound and its value
 * @example
 * const resolver = dnsResolver({ type: 'SRV', name: '_http._tcp.{service}.shop.internal.' })
 * resolver.watch('payments', { found: ({ endpoints }) => use(endpoints), failed: (error) => log(error) })
 */
export function dnsResolver(options: DnsResolverOptions = {}): DnsResolver {
  return new SharedDns(completeOptions(options))
}

/** `transport` is there for tests: everything but the sockets. */
export class SharedDns implements DnsResolver {
  readonly name = 'dns'
  readonly #sources: Sources
  readonly #watches = new Set<Watch>()
  #strangers = 0
  #isClosed = false

  constructor(options: CompleteOptions, transport?: Transport) {
    const { clock, onProblem } = options
    const sockets = transport ?? socketTransport(() => this.#strangers++)
    const parseConf = (text: string): ResolvConf => parseResolvConf(text, hostname())
    const conf = new WatchedFile<ResolvConf>(options.resolvConf, parseConf, clock, onProblem)
    const hosts = new WatchedFile<Hosts>(options.hosts, parseHosts, clock, onProblem)
    this.#sources = {
      options,
      servers: new Servers(sockets, clock, options.maxInFlight),
      conf: async () => ({ ...(await conf.current()), ...options.conf }),
      hosts: () => hosts.current(),
    }
  }

  get totals(): DnsTotals {
    const { sent, overTcp, failed } = this.#sources.servers
    return { sent, overTcp, failed, strangers: this.#strangers }
  }

  watch(service: string, watcher: Watcher): Watching {
    if (this.#isClosed) throw closed()
    const watch = new Watch(new Lookup(service, this.#sources), watcher, this.#sources.options)
    this.#watches.add(watch)
    return {
      close: () => {
        watch.close()
        this.#watches.delete(watch)
      },
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const watches = [...this.#watches]
    for (const watch of watches) watch.close()
    this.#watches.clear()
    await Promise.all(watches.map((watch) => watch.ended))
  }
}
