// @switchgear/core: policies and pipelines. No dependency, any JavaScript runtime.
export { AdaptiveLimit, adaptiveLimit } from './adaptive-limit/adaptive-limit.ts'
export type { AdaptiveLimitOptions } from './adaptive-limit/options.ts'
export type { BackoffKind } from './backoff.ts'
export { CircuitBreaker, circuitBreaker } from './breaker/circuit-breaker.ts'
export { CircuitOpenError, type FailureDigest } from './breaker/open-error.ts'
export type { CircuitBreakerOptions } from './breaker/options.ts'
export {
  critical,
  database,
  flakyExternal,
  nonCritical,
  type PresetName,
  presets,
  recommended,
} from './breaker/presets.ts'
export { Bulkhead, bulkhead, type BulkheadOptions } from './bulkhead.ts'
export { Cache, cache } from './cache/cache.ts'
export type { CacheOptions } from './cache/options.ts'
export type { Call, CallOptions, Priority } from './call.ts'
export { Chaos, chaos, type ChaosOptions } from './chaos.ts'
export {
  type Classifier,
  classify,
  failure,
  finalFailure,
  ignored,
  type Outcome,
  success,
  type Verdict,
} from './classify.ts'
export { type Clock, systemClock, type Timer } from './clock.ts'
export { Coalesce, coalesce, type CoalesceOptions } from './coalesce/coalesce.ts'
export type { Environment } from './environment.ts'
export { type ErrorEntry, type ErrorParts, OptionsError, SwitchgearError } from './errors.ts'
export { type CircuitState, type Listener, type PolicyEvent, PolicyEvents } from './events.ts'
export { Fallback, fallback, type FallbackOptions, type Substitute } from './fallback.ts'
export { type FleetState, type FleetView, LocalFleet, type LocalFleetOptions } from './fleet.ts'
export { guarded } from './guarded.ts'
export { Hedge, hedge, type HedgeOptions } from './hedge/hedge.ts'
export { classifyHttp, type HttpResponseLike } from './http.ts'
export { type Duration, parseDuration } from './options.ts'
export type { Attempt, Permit, Rejection } from './permit.ts'
export {
  type AdmittingPipeline,
  type AltOf,
  type Pipeline,
  pipeline,
  type PipelineOf,
  type PipelineOptions,
} from './pipeline.ts'
export type { Gate, Layer, Next, Policy } from './policy.ts'
export {
  type BudgetSpec,
  type CircuitBreakerSpec,
  type PolicyKind,
  type PolicySpec,
  type Shared,
  sharedFrom,
  type SharedSpec,
} from './policy-spec.ts'
export { type Random, systemRandom } from './random.ts'
export { RateLimitedError, type RateLimitFields } from './rate-limit/limited-error.ts'
export type { RateLimitOptions } from './rate-limit/options.ts'
export { RateLimit, rateLimit, type RateLimitQuota } from './rate-limit/rate-limit.ts'
export type { RateLimitRule, RateLimitState, RateLimitStore } from './rate-limit/store.ts'
export { Registry, type RegistryListener, type RegistryOptions, type RegistrySnapshot } from './registry.ts'
export { type RetryBudget, retryBudget, type RetryBudgetOptions } from './retry-budget.ts'
export { Retry, retry, type RetryOptions } from './retry.ts'
export type { ShedOptions } from './shed/options.ts'
export { Shed, shed } from './shed/shed.ts'
export type {
  AdaptiveLimitSnapshot,
  BulkheadSnapshot,
  CacheSnapshot,
  ChaosSnapshot,
  CircuitBreakerSnapshot,
  CoalesceSnapshot,
  FallbackSnapshot,
  HedgeSnapshot,
  OtherSnapshot,
  PipelineSnapshot,
  PolicySnapshot,
  RateLimitSnapshot,
  RetrySnapshot,
  ShedSnapshot,
  ThrottleSnapshot,
  TimeoutSnapshot,
} from './snapshot.ts'
export { fromSpec, type PipelineSpec, type SpecOptions } from './spec.ts'
export { Throttle, throttle, type ThrottleOptions } from './throttle.ts'
export { Timeout, timeout, type TimeoutOptions } from './timeout.ts'
