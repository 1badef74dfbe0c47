// @switchgear/core: policies and pipelines. No dependency, any JavaScript runtime.
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
export type { Call, CallOptions, Priority } from './call.ts'
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
export type { Environment } from './environment.ts'
export { type ErrorEntry, type ErrorParts, OptionsError, SwitchgearError } from './errors.ts'
export { type CircuitState, type Listener, type PolicyEvent, PolicyEvents } from './events.ts'
export { Fallback, fallback, type FallbackOptions, type Substitute } from './fallback.ts'
export { guarded } from './guarded.ts'
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
export { type Random, systemRandom } from './random.ts'
export { Registry, type RegistryListener, type RegistryOptions, type RegistrySnapshot } from './registry.ts'
export { type RetryBudget, retryBudget, type RetryBudgetOptions } from './retry-budget.ts'
export { Retry, retry, type RetryOptions } from './retry.ts'
export type {
  BulkheadSnapshot,
  CircuitBreakerSnapshot,
  FallbackSnapshot,
  OtherSnapshot,
  PipelineSnapshot,
  PolicySnapshot,
  RetrySnapshot,
  TimeoutSnapshot,
} from './snapshot.ts'
export { fromSpec, type PipelineSpec, type PolicySpec, type SpecOptions } from './spec.ts'
export { Timeout, timeout, type TimeoutOptions } from './timeout.ts'
