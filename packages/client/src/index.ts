// @switchgear/client: a service's name to a guarded call.
export { isAdmitted } from './admitted.ts'
export type { ByteSize } from '@switchgear/core/options'
export { type Client, type ClientOptions, createClient } from './client.ts'
export { clientErrors } from './errors.ts'
export type { ClientExchange } from './exchange.ts'
export {
  type Answered,
  type Asked,
  type CachedOptions,
  fallbackHeader,
  ServiceFallback,
  type ServiceFallbackOptions,
} from './fallback.ts'
export type { Recording } from './last-good.ts'
export { nearest } from './nearest.ts'
export type { ServiceBody, ServiceHeaders, ServiceInit } from './request.ts'
export type { Service } from './service.ts'
export { standardPolicies } from './standard-policies.ts'
export { createUpstream, type ServiceOptions, type Upstream, type UpstreamOptions } from './upstream.ts'
