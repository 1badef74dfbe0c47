// What the registry knows, as an interface: the books are kept behind it (state machine, store, checks, peers), the HTTP server
// and the resolver in the same process stand before it. Invariant: whoever watches sees every change once and in order, and
// can go on from the last one it has seen.
import type { Endpoint, EndpointParts } from '../endpoint.ts'

/** How an instance is looked at from outside: always at its own registered address, never at a URL of its choosing. */
export interface HealthCheck {
  readonly kind: 'http' | 'tcp' | 'grpc'
  /** Default: the port of the endpoint. */
  readonly port?: number | undefined
  /** Of `http`: an absolute path, default '/healthz'. Any 2xx passes; redirects are not followed, the body is not read. */
  readonly path?: string | undefined
  /** Of `grpc`: the service that grpc.health.v1 is asked for, default '' (the server as a whole). */
  readonly service?: string | undefined
  /** Default 10 000; at least 1000. */
  readonly intervalMs?: number | undefined
  /** Default 2000; below the interval. */
  readonly timeoutMs?: number | undefined
  /** Failures in a row that make it unhealthy. Default 3. */
  readonly failures?: number | undefined
  /** Successes in a row that make it healthy again. Default 2. */
  readonly successes?: number | undefined
}

/** Who wants to be found. */
export interface Registration {
  readonly service: string
  /** Of the instance; unique within the service. The endpoint's `id` is this one. */
  readonly id: string
  readonly endpoint: Omit<EndpointParts, 'id' | 'readiness'>
  /**
   * Grows with each life of the instance, so that what an earlier life still has under way cannot overwrite a later one.
   * Default: one more than is known of, and at least the wall clock in milliseconds.
   */
  readonly incarnation?: number | undefined
  /** Without a heartbeat for so long it is unhealthy; after three times as long it is removed. Default 15 000; in [1000, 300 000]. */
  readonly leaseMs?: number | undefined
  /** `false`: it sends no heartbeats and is judged by its check alone (which then must be there). Default true. */
  readonly heartbeats?: boolean | undefined
  /** With heartbeats both must be well (hybrid). */
  readonly check?: HealthCheck | undefined
}

/** What it gets for that. `secret` is told once and kept only as a hash; heartbeats and the deregistration need it. */
export interface Registered {
  readonly secret: string
  readonly incarnation: number
  readonly leaseMs: number
}

/** One instance as watchers see it. */
export interface CatalogInstance {
  readonly endpoint: Endpoint
  readonly incarnation: number
  readonly health: 'healthy' | 'unhealthy'
  /** Why it is unhealthy, in words; undefined while it is healthy. */
  readonly reason: string | undefined
  /** Wall clock ms of the last change of `health`. */
  readonly since: number
}

/** One change of one service. `index` grows over the whole catalog; an `epoch` is one unbroken life of the books. */
export interface CatalogChange {
  readonly index: number
  readonly service: string
  readonly id: string
  /** `put`: new or changed. `left`: deregistered by itself. `expired`: silent for too long, which need not be its own fault. */
  readonly kind: 'put' | 'left' | 'expired'
  readonly instance: CatalogInstance | undefined
}

/** A service at one moment. */
export interface CatalogView {
  readonly service: string
  readonly epoch: string
  readonly index: number
  readonly instances: readonly CatalogInstance[]
  /** False while there may be more: after a start without intact books, until the longest lease has passed, or cut off from peers. */
  readonly complete: boolean
}

/** Hears of changes, and with `change` undefined of `complete` having changed. Must not throw. */
export type CatalogListener = (change: CatalogChange | undefined) => void

/** The books. Every method that refuses throws a `SwitchgearError` with a code of `registryErrors`. */
export interface Catalog {
  readonly epoch: string
  /** `SG_STALE_REGISTRATION` when a later incarnation is known; `SG_REGISTRY_FULL`-like bounds have codes of their own. */
  register(registration: Registration): Registered
  /** `ready: false` says that it lives and wants no traffic. `SG_NOT_REGISTERED`, `SG_WRONG_SECRET`. Answers the lease. */
  heartbeat(service: string, id: string, secret: string, ready?: boolean): { readonly leaseMs: number }
  deregister(service: string, id: string, secret: string): void
  view(service: string): CatalogView
  services(): readonly string[]
  /** Changes of a service after `index`, oldest first; undefined when they are no longer kept or the epoch is another: take `view`. */
  since(service: string, epoch: string, index: number): readonly CatalogChange[] | undefined
  watch(service: string, listener: CatalogListener): () => void
  close(): Promise<void>
}
