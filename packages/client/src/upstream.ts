// One service as its callers hold it: its policies, its endpoints and the connections to them. The client and a gateway
// use the same. Invariant: the policies own the time-outs and the bounds; the connection pool adds none that is felt first.
//
// What the pool is told, and why:
// - connections: as many per endpoint as the bulkhead or the adaptive limit admits, so that no second, invisible queue forms inside the pool.
// - the connector's time-out: an endpoint that swallows packets is given up after 3 s. A try that gave up earlier does not end the
//   connecting socket, so this bounds how many of those there are.
// - headersTimeout, bodyTimeout: 5 minutes. A try's timeout ends it far earlier; these only free what a pipeline without
//   any timeout would hold for ever. Who reads bodies may set a shorter time for a body that stands still.
// - HTTP/1.1 only, one request at a time per connection: a slot of the bulkhead is then a connection at most.
import {
  type AdmittingPipeline,
  type Clock,
  fromSpec,
  type PolicySpec,
  type Random,
  type Registry,
  type Shared,
} from '@switchgear/core'
import { Agent, type Dispatcher } from 'undici'
import { checkAdmitted } from './admitted.ts'
import { Connector } from './connector.ts'
import { parseEndpoints, RoundRobin } from './endpoint.ts'
import { ServiceFallback, type ServiceFallbackOptions } from './fallback.ts'
import { standardPolicies } from './standard-policies.ts'

/** A service as it is configured. */
export interface ServiceOptions {
  /** Origins, such as `http://127.0.0.1:4001`. At least one; tries take turns. */
  readonly endpoints: readonly string[]
  /** Outermost first. Default `standardPolicies`. Not among them is what `isAdmitted` refuses; a fallback stands in `fallback`. */
  readonly policies?: readonly PolicySpec[] | undefined
  /** What to answer when the service fails or is refused. Default: nothing, the caller gets the failure. */
  readonly fallback?: ServiceFallbackOptions | undefined
}

/** What an upstream lives in. */
export interface UpstreamOptions {
  /** Where its pipeline is registered, under the service's name. */
  readonly registry: Registry
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** What policies may name as shared: budgets and circuit breakers, from `sharedFrom`. Default: nothing. */
  readonly shared?: Shared | undefined
}

/** A service's pipeline, endpoints and connections. */
export interface Upstream {
  readonly name: string
  /** It holds no fallback, so `admit` works. */
  readonly pipeline: AdmittingPipeline
  readonly endpoints: readonly URL[]
  /** Its fallback, applied by whoever answers the caller. */
  readonly fallback: ServiceFallback | undefined
  /** Connections to all endpoints. */
  readonly dispatcher: Dispatcher
  /** The endpoint whose turn it is: another one than `previous`, the endpoint of the try before, if there is another. */
  pick(previous?: URL): URL
  /** Ends all connections at once, those in use too. The pipeline stays in its registry. */
  close(): Promise<void>
}

const fewestConnections = 100
const connectTimeoutMs = 3000
const backstopMs = 300_000

/**
 * Makes a service's pipeline and connections; nothing is connected yet.
 *
 * Throws `SG_BAD_OPTIONS` for a bad endpoint, policy or fallback and `SG_DUPLICATE_NAME` when the registry has the name.
 *
 * @example
 * const payments = createUpstream('payments', { endpoints: ['http://127.0.0.1:4001'] }, { registry })
 * const { body } = await payments.dispatcher.request({ origin: payments.pick(), path: '/charge', method: 'GET' })
 */
export function createUpstream(
  name: string,
  options: ServiceOptions,
  { registry, clock, random, shared }: UpstreamOptions,
): Upstream {
  const path = `services.${name}`
  const policies = options.policies ?? standardPolicies
  const endpoints = parseEndpoints(options.endpoints, `${path}.endpoints`)
  const fallback =
    options.fallback === undefined ? undefined : new ServiceFallback(options.fallback, `${path}.fallback`)
  checkAdmitted(policies, path)
  // Safe: what cannot be admitted was just refused.
  const pipeline = fromSpec(
    { name, classify: 'http', policies: [...policies] },
    { registry, clock, random, shared },
  ) as AdmittingPipeline
  const connector = new Connector(connectTimeoutMs)
  const dispatcher = new Agent({
    connections: connectionsFor(policies),
    connect: connector.connect,
    headersTimeout: backstopMs,
    bodyTimeout: backstopMs,
    pipelining: 1,
  })
  const turns = new RoundRobin(endpoints)
  return {
    name,
    pipeline,
    endpoints,
    fallback,
    dispatcher,
    pick: (previous) => turns.pick(previous),
    async close() {
      connector.close()
      await dispatcher.destroy()
    },
  }
}

/** The largest limit decides; without one the pool is the only bound there is. */
function connectionsFor(policies: readonly PolicySpec[]): number {
  return Math.max(fewestConnections, ...policies.map(inFlightOf))
}

function inFlightOf(policy: PolicySpec): number {
  if ('bulkhead' in policy) return policy.bulkhead.maxInFlight ?? 0
  return 'adaptiveLimit' in policy ? (policy.adaptiveLimit.maxLimit ?? 200) : 0
}
