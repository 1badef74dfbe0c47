// @switchgear/client: a service's name to a guarded call.
export { isAdmitted } from './admitted.ts'
export type { BalancerName, BalancerSpec, LoadOptions, MaglevOptions, ZoneOptions } from './balancing/index.ts'
export type { ByteSize } from '@switchgear/core/options'
export { type Client, type ClientOptions, createClient, type ExternalOptions } from './client.ts'
export { formatGrpcTimeout, grpcTimeoutHeader, parseGrpcTimeout } from './deadline/grpc-timeout.ts'
export {
  formatRequestDeadline,
  longestDeadlineMs,
  parseRequestDeadline,
  requestDeadlineHeader,
} from './deadline/request-deadline.ts'
export type { EjectionOptions, FailureShareOptions, SuccessRateOptions } from './ejection/options.ts'
export { idempotentMethods } from './dispatch/outgoing.ts'
export { endpointErrors } from './endpoints/errors.ts'
export type { PeerEvent, PeerTotals } from './endpoints/events.ts'
export type { EndpointsOptions } from './endpoints/options.ts'
export type { Peer, PeerSet, PeerView } from './endpoints/peer.ts'
export { settlePeer, type Settling } from './endpoints/settling.ts'
export { clientErrors, isConnectError } from './errors.ts'
export type { ClientExchange } from './exchange.ts'
export {
  type Answered,
  type Asked,
  type CachedOptions,
  fallbackHeader,
  ServiceFallback,
  type ServiceFallbackOptions,
} from './fallback.ts'
export type { ServiceHedgeOptions } from './hedging.ts'
export type { Recording } from './last-good.ts'
export { nearest } from './nearest.ts'
export { protectErrors } from './protect/errors.ts'
export { type ProtectOptions, serverPolicies } from './protect/options.ts'
export { protect, type Protection } from './protect/protect.ts'
export { requestSignal } from './protect/served.ts'
export type { ServiceBody, ServiceHeaders, ServiceInit } from './request.ts'
export type { Service } from './service.ts'
export { standardPolicies } from './standard-policies.ts'
export type { TlsOptions, TransportOptions } from './transport/options.ts'
export { createUpstream, type ServiceOptions, type Upstream, type UpstreamOptions } from './upstream.ts'
