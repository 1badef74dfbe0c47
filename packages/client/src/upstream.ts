// One service as its callers hold it: its policies, its endpoints and the connections to them. The client and a gateway
// use the same. Invariant: the policies own the time-outs and the bounds; the connection pool adds none that is felt first.
import {
  type AdmittingPipeline,
  type Clock,
  fromSpec,
  OptionsError,
  type Pipeline,
  type PolicySpec,
  type Random,
  type Registry,
  type Shared,
} from '@switchgear/core'
import type { Directory, Roster } from '@switchgear/discovery'
import type { EndpointSource } from '@switchgear/telemetry'
import { checkAdmitted } from './admitted.ts'
import { type BalancerSpec, createBalancer, type LoadOptions, loadSettings } from './balancing/index.ts'
import { type EjectionOptions, ejectionRules } from './ejection/index.ts'
import { parseEndpoints } from './endpoint.ts'
import type { PeerEvent } from './endpoints/events.ts'
import { type EndpointsOptions, endpointsSettings } from './endpoints/options.ts'
import type { Peer, PeerSet } from './endpoints/peer.ts'
import { ServicePeers } from './endpoints/service-peers.ts'
import { ServiceFallback, type ServiceFallbackOptions } from './fallback.ts'
import { FixedRoster } from './fixed-roster.ts'
import { createHedge, type ServiceHedgeOptions } from './hedging.ts'
import { standardPolicies } from './standard-policies.ts'
import type { TransportOptions } from './transport/options.ts'
import { Transport } from './transport/transport.ts'

/** A service as it is configured. */
export interface ServiceOptions {
  /** Origins, such as `http://127.0.0.1:4001`. Default: those that discovery finds, where the client has one. */
  readonly endpoints?: readonly string[] | undefined
  /** Outermost first. Default `standardPolicies`. Not among them is what `isAdmitted` refuses; a fallback stands in `fallback`. */
  readonly policies?: readonly PolicySpec[] | undefined
  /** What to answer when the service fails or is refused. Default: nothing, the caller gets the failure. */
  readonly fallback?: ServiceFallbackOptions | undefined
  /** A second request at another endpoint when the first is slow; only what is idempotent and has no streamed body. Default: none. */
  readonly hedge?: ServiceHedgeOptions | undefined
  /** How an endpoint is chosen. Default `peakEwma`. */
  readonly balancer?: BalancerSpec | undefined
  /** When an endpoint is left out for a while; `false`: never. */
  readonly ejection?: EjectionOptions | false | undefined
  /** How load and latency of endpoints are measured, and how new ones start. */
  readonly load?: LoadOptions | undefined
  /** How endpoints are waited for and let go. */
  readonly presence?: EndpointsOptions | undefined
  /** How endpoints are connected to. */
  readonly connections?: TransportOptions | undefined
}

/** What an upstream lives in. */
export interface UpstreamOptions {
  /** Where its pipeline is registered, under the service's name. */
  readonly registry: Registry
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** What policies may name as shared: budgets and circuit breakers, from `sharedFrom`. Default: nothing. */
  readonly shared?: Shared | undefined
  /** Where a service without `endpoints` is looked for. Default: nowhere, so that every service has to name its endpoints. */
  readonly directory?: Directory | undefined
  /** Where the caller runs: endpoints of its own zone are preferred then. */
  readonly zone?: string | undefined
  /** Hears of endpoints that come, go, are ejected and return. */
  readonly onPeerEvent?: ((event: PeerEvent) => void) | undefined
}

/** A service's pipeline, endpoints and connections. */
export interface Upstream {
  readonly name: string
  /** It holds no fallback, so `admit` works. */
  readonly pipeline: AdmittingPipeline
  /** Its endpoints: `peers.pick(now, key, tried)` answers the one for a try, which has the connections to it. */
  readonly peers: PeerSet
  /** Where its endpoints are heard of. */
  readonly roster: Roster
  /** Its endpoints, for metrics. */
  readonly shown: EndpointSource
  /** The origins it was given, empty where discovery finds them. */
  readonly origins: readonly URL[]
  /** Its fallback, applied by whoever answers the caller. */
  readonly fallback: ServiceFallback | undefined
  /** Its hedge, for those who can send twice. */
  readonly hedge: Pipeline<unknown> | undefined
  /** Ends all connections at once, those in use too. The pipeline stays in its registry. */
  close(): Promise<void>
}

const fewestConnections = 100

/**
 * Makes a service's pipeline and endpoints; nothing is connected yet.
 *
 * Throws `SG_BAD_OPTIONS` for a bad endpoint, policy or fallback and `SG_DUPLICATE_NAME` when the registry has the name.
 *
 * @example
 * const payments = createUpstream('payments', { endpoints: ['http://127.0.0.1:4001'] }, { registry })
 * const peer = payments.peers.pick(systemClock.now(), undefined, [])
 */
export function createUpstream(name: string, options: ServiceOptions, surroundings: UpstreamOptions): Upstream {
  const path = `services.${name}`
  const { registry, clock, random, shared } = surroundings
  const policies = options.policies ?? standardPolicies
  const origins = originsOf(options, surroundings, path)
  const fallback =
    options.fallback === undefined ? undefined : new ServiceFallback(options.fallback, `${path}.fallback`)
  checkAdmitted(policies, path)
  const hedge =
    options.hedge === undefined
      ? undefined
      : at(path, () => createHedge(name, options.hedge ?? {}, { clock, random, shared }))
  const transport = new Transport(options.connections ?? {}, `${path}.connections`, connectionsFor(policies))
  const settings = settingsOf(options, surroundings, path)
  // Safe: what cannot be admitted was just refused.
  const pipeline = fromSpec(
    { name, classify: 'http', policies: [...policies] },
    { registry, clock, random, shared },
  ) as AdmittingPipeline
  const roster: Roster =
    surroundings.directory !== undefined && options.endpoints === undefined
      ? surroundings.directory.roster(name)
      : new FixedRoster(name, origins, `${path}.endpoints`)
  const { onPeerEvent: onEvent } = surroundings
  const peers = new ServicePeers({ roster, connect: transport.connect, onEvent, clock, random, ...settings })
  return {
    name,
    pipeline,
    peers,
    roster,
    shown: {
      service: name,
      get views() {
        return peers.views
      },
      get isPanicking() {
        return peers.isPanicking
      },
      get isStale() {
        return roster.view.state === 'stale'
      },
      get ejections() {
        return peers.totals.ejections
      },
    },
    origins,
    fallback,
    hedge,
    async close() {
      transport.close()
      await peers.close()
    },
  }
}

function originsOf({ endpoints }: ServiceOptions, { directory }: UpstreamOptions, path: string): readonly URL[] {
  if (endpoints === undefined && directory !== undefined) return []
  return parseEndpoints(endpoints ?? [], `${path}.endpoints`)
}

function settingsOf(options: ServiceOptions, { random, zone }: UpstreamOptions, path: string) {
  return {
    balancer: createBalancer<Peer>(options.balancer, { random, zone, path: `${path}.balancer` }),
    load: loadSettings(options.load, `${path}.load`),
    ejection: ejectionRules(options.ejection ?? {}, `${path}.ejection`),
    settings: endpointsSettings(options.presence, `${path}.presence`),
  }
}

/** Puts the place of a service in front of what core says of a policy. */
function at<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw error instanceof OptionsError ? new OptionsError(`${path}.${error.message}`) : error
  }
}

/** The largest limit decides; without one the pool is the only bound there is. */
function connectionsFor(policies: readonly PolicySpec[]): number {
  return Math.max(fewestConnections, ...policies.map(inFlightOf))
}

function inFlightOf(policy: PolicySpec): number {
  // What is no policy at all is for the pipeline to say.
  if (typeof policy !== 'object' || policy === null) return 0
  if ('bulkhead' in policy) return policy.bulkhead.maxInFlight ?? 0
  return 'adaptiveLimit' in policy ? (policy.adaptiveLimit.maxLimit ?? 200) : 0
}
