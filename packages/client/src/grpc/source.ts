// What gRPC needs of a client: where the endpoints of a service are, and its policies. Types and names only, so that the client can
// answer it without knowing grpc-js.
import type { Roster } from '@switchgear/discovery'
import type { Depot } from '../depot.ts'

/** A service as gRPC uses it. */
export interface GrpcService {
  readonly depot: Depot
  /** Where its endpoints are: a channel of grpc-js makes its own connections. */
  readonly roster: Roster
}

/** Finds services by name; the same function each time. Throws `SG_UNKNOWN_SERVICE`. */
export type GrpcSource = (name: string) => GrpcService

/** Under which a client has its source. */
export const grpcSource: unique symbol = Symbol('switchgear.client.grpc')

/** A client, as far as gRPC needs it. */
export interface GrpcClient {
  readonly [grpcSource]: GrpcSource
}

/**
 * The channel option under which a channel carries its source: the resolver is a class for the whole process, the source is not.
 * With this beginning grpc-js does not tell connections apart by it.
 */
export const sourceOption = 'grpc.internal.no_subchannel.switchgear_source'

/** What a target begins with: `switchgear:///orders`. */
export const scheme = 'switchgear'

/** The service that a target of our scheme names: `switchgear:///orders`, `switchgear:orders`. Undefined for any other target. */
export function serviceOf(target: string): string | undefined {
  return /^switchgear:(?:\/\/[^/]*\/)?([^/].*)$/.exec(target)?.[1]
}
