// The registry as a resolver: watches over HTTP, many services on few connections. Invariant: after `close` no connection and no
// timer is left. It keeps no endpoint alive and forgets none: that is for whoever keeps what is found here.
import {
  type Clock,
  type Duration,
  OptionsError,
  type Random,
  SwitchgearError,
  systemClock,
  systemRandom,
} from '@switchgear/core'
import { check, checkCount, checkFunction, checkKeys, checkMethods, parseDuration } from '@switchgear/core/options'
import type { Agent } from 'undici'
import type { Resolver, Watcher, Watching } from '../../resolver.ts'
import { bearer } from './access.ts'
import { serviceName } from './errors.ts'
import { RegistryUrls, streamAgent } from './registry-link.ts'
import { WatchGroup } from './watch-group.ts'
import type { WatchedService } from './watched-service.ts'

/** Options of a resolver; only `urls` has no default. */
export interface RegistryResolverOptions {
  /** The URL of a registry, or of several, of which one that answers is used. */
  readonly urls: string | readonly string[]
  /** Where reading needs one. Default none. */
  readonly token?: string | undefined
  /** How long connecting, and then the head of an answer, may take. Default '3s'. */
  readonly connectTimeout?: Duration | undefined
  /** Services under watch. Default 1000. */
  readonly maxServices?: number | undefined
  /** Default: the host's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

const optionNames: readonly (keyof RegistryResolverOptions)[] = [
  'urls',
  'token',
  'connectTimeout',
  'maxServices',
  'clock',
  'random',
]

/**
 * Finds services in the registry. Up to 64 of them share a connection, which does not keep the process alive. A registry that falls
 * silent, restarts or goes away is replaced by another of `urls`, or asked again with growing waits of up to 30 seconds; a watch
 * goes on after the last event where the registry still knows it. Unhealthy instances are found as `unready`. Throws
 * `SG_BAD_OPTIONS`; `watch` throws it for what is no name, and `SG_REGISTRY_BUSY` beyond `maxServices`.
 *
 * @example
 * const resolver = registryResolver({ urls: ['http://registry-a:4330', 'http://registry-b:4330'], token })
 */
export function registryResolver(options: RegistryResolverOptions): Resolver {
  const path = 'registryResolver'
  checkKeys(options, optionNames, path)
  const { urls, token, connectTimeout = '3s', maxServices = 1000 } = options
  const { clock = systemClock, random = systemRandom } = options
  const list = new RegistryUrls(urls, `${path}.urls`)
  if (token !== undefined && bearer(`Bearer ${String(token)}`) === undefined)
    throw new OptionsError(`${path}.token must be a token`)
  checkMethods(clock, ['now', 'wallNow', 'setTimer'], `${path}.clock`)
  checkFunction(random, `${path}.random`)
  checkCount(maxServices, `${path}.maxServices`, 1)
  const connectMs = Math.ceil(parseDuration(connectTimeout, `${path}.connectTimeout`, 1))
  const agent = streamAgent(connectMs)
  const group = (): WatchGroup =>
    // Each group goes through the list by itself. Twice the time: for the connection, and for the head.
    new WatchGroup({ agent, urls: list.fresh(), token, headMs: connectMs * 2, clock, random })
  return new RegistryResolver(agent, group, maxServices)
}

interface Place {
  readonly group: WatchGroup
  readonly watched: WatchedService
}

class RegistryResolver implements Resolver {
  readonly name = 'registry'
  readonly #agent: Agent
  readonly #newGroup: () => WatchGroup
  readonly #maxServices: number
  readonly #groups = new Set<WatchGroup>()
  readonly #places = new Map<string, Place>()
  #closed: Promise<void> | undefined

  constructor(agent: Agent, newGroup: () => WatchGroup, maxServices: number) {
    this.#agent = agent
    this.#newGroup = newGroup
    this.#maxServices = maxServices
  }

  watch(service: string, watcher: Watcher): Watching {
    if (this.#closed !== undefined) throw new OptionsError('registryResolver: it was closed')
    check(serviceName.test(service), 'registryResolver.watch: the service', 'a name like a host name', service)
    const place = this.#places.get(service) ?? this.#join(service)
    return place.watched.add(watcher, () => this.#leave(service, place))
  }

  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  #join(service: string): Place {
    if (this.#places.size >= this.#maxServices)
      throw new SwitchgearError(
        'SG_REGISTRY_BUSY',
        `${this.#maxServices} services are watched already: see maxServices`,
      )
    const group = [...this.#groups].find((one) => one.hasRoomFor(service)) ?? this.#newGroup()
    this.#groups.add(group)
    const place = { group, watched: group.add(service) }
    this.#places.set(service, place)
    return place
  }

  #leave(service: string, { group }: Place): void {
    this.#places.delete(service)
    group.remove(service)
    if (group.size === 0) this.#groups.delete(group)
  }

  async #end(): Promise<void> {
    for (const { watched } of this.#places.values()) watched.close()
    for (const group of this.#groups) group.close()
    this.#groups.clear()
    this.#places.clear()
    await this.#agent.destroy()
  }
}
