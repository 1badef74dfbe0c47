// From a plain object to a pipeline: what configuration files, gateways and simulators have in common. The words are those
// of the TypeScript options; the checks are those of the policies themselves, with the place in the object put in front.
import { circuitBreaker } from './breaker/circuit-breaker.ts'
import type { CircuitBreakerOptions } from './breaker/options.ts'
import { type PresetName, presets } from './breaker/presets.ts'
import { bulkhead, type BulkheadOptions } from './bulkhead.ts'
import { type Classifier, classify } from './classify.ts'
import type { Clock } from './clock.ts'
import { OptionsError } from './errors.ts'
import { fallback } from './fallback.ts'
import { classifyHttp } from './http.ts'
import { check, checkKeys, checkObject, type Duration } from './options.ts'
import { type Pipeline, pipeline } from './pipeline.ts'
import type { Policy } from './policy.ts'
import type { Random } from './random.ts'
import type { Registry } from './registry.ts'
import { retryBudget, type RetryBudgetOptions } from './retry-budget.ts'
import { retry, type RetryOptions } from './retry.ts'
import { timeout, type TimeoutOptions } from './timeout.ts'

/** One policy as a plain object: exactly one key, the policy's name. */
export type PolicySpec =
  | { readonly circuitBreaker: PresetName | (CircuitBreakerOptions & { readonly preset?: PresetName | undefined }) }
  | { readonly retry: Omit<RetryOptions, 'budget'> & { readonly budget?: RetryBudgetOptions | undefined } }
  | { readonly timeout: Duration | TimeoutOptions }
  | { readonly bulkhead: BulkheadOptions }
  | { readonly fallback: { readonly value: unknown; readonly name?: string | undefined } }

/** A pipeline as a plain object. */
export interface PipelineSpec {
  readonly name?: string | undefined
  /** Default 'default': a throw is a failure. 'http': see `classifyHttp`. */
  readonly classify?: 'default' | 'http' | undefined
  /** Outermost first. */
  readonly policies: readonly PolicySpec[]
}

/** What a spec cannot hold. */
export interface SpecOptions {
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Registers the pipeline; the spec must then have a name. */
  readonly registry?: Registry | undefined
  /** Instead of what the spec names. */
  readonly classify?: Classifier | undefined
}

const classifiers: Readonly<Record<string, Classifier>> = { default: classify, http: classifyHttp }

/**
 * Compiles a plain object. Throws `SG_BAD_OPTIONS` with the place, the bound and the value.
 *
 * @example
 * const payments = fromSpec({ name: 'payments', policies: [{ circuitBreaker: 'critical' }, { timeout: '800ms' }] })
 */
export function fromSpec(spec: PipelineSpec, options: SpecOptions = {}): Pipeline<unknown> {
  checkKeys(spec, { name: '', classify: '', policies: [] }, 'pipeline')
  check(Array.isArray(spec.policies), 'pipeline.policies', 'a list', spec.policies)
  const kind = spec.classify ?? 'default'
  check(Object.hasOwn(classifiers, kind), 'pipeline.classify', `one of ${Object.keys(classifiers).join(', ')}`, kind)
  const policies = spec.policies.map((policy, index) => at(`policies[${index}]`, () => policyFrom(policy)))
  const { clock, random, registry } = options
  const chosen = {
    classify: options.classify ?? classifiers[kind],
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
  }
  if (registry === undefined) return pipeline({ name: spec.name, ...chosen }, ...policies)
  if (spec.name === undefined) throw new OptionsError('pipeline.name is needed to register it')
  return registry.pipeline({ name: spec.name, ...chosen }, ...policies)
}

function policyFrom(spec: PolicySpec): Policy {
  check(
    typeof spec === 'object' && spec !== null && Object.keys(spec).length === 1,
    'a policy',
    'an object with one key',
    spec,
  )
  if ('circuitBreaker' in spec) return breakerFrom(spec.circuitBreaker)
  if ('retry' in spec) {
    checkObject(spec.retry, 'retry')
    const { budget, ...options } = spec.retry
    return retry(budget === undefined ? options : { ...options, budget: retryBudget(budget) })
  }
  if ('timeout' in spec) return timeout(spec.timeout)
  if ('bulkhead' in spec) return bulkhead(spec.bulkhead)
  if ('fallback' in spec) {
    checkObject(spec.fallback, 'fallback')
    const { name, ...substitute } = spec.fallback
    return fallback(substitute, { name })
  }
  throw new OptionsError(
    `'${Object.keys(spec)[0]}' is not a policy; known are circuitBreaker, retry, timeout, bulkhead, fallback`,
  )
}

function breakerFrom(
  spec: PresetName | (CircuitBreakerOptions & { readonly preset?: PresetName | undefined }),
): Policy {
  if (typeof spec !== 'string') checkObject(spec, 'circuitBreaker')
  const { preset, ...options } = typeof spec === 'string' ? { preset: spec } : spec
  if (preset === undefined) return circuitBreaker(options)
  const names = Object.keys(presets).join(', ')
  check(Object.hasOwn(presets, preset), 'circuitBreaker.preset', `one of ${names}`, preset)
  return circuitBreaker({ ...presets[preset](), ...options })
}

/** Puts the place in front of what a policy says about its options. */
function at<T>(place: string, build: () => T): T {
  try {
    return build()
  } catch (error) {
    if (error instanceof OptionsError) throw new OptionsError(`${place}: ${error.message}`)
    throw error
  }
}
