// One policy from a plain object: every policy there is, by its name, with what several of them share. Functions, stores and
// clocks do not fit into a plain object; what needs them is made in code.
import { type AdaptiveLimitOptions } from './adaptive-limit/options.ts'
import { adaptiveLimit } from './adaptive-limit/adaptive-limit.ts'
import { CircuitBreaker, circuitBreaker } from './breaker/circuit-breaker.ts'
import type { CircuitBreakerOptions } from './breaker/options.ts'
import { type PresetName, presets } from './breaker/presets.ts'
import { bulkhead, type BulkheadOptions } from './bulkhead.ts'
import { cache } from './cache/cache.ts'
import type { CacheOptions } from './cache/options.ts'
import { chaos, type ChaosOptions } from './chaos.ts'
import { coalesce, type CoalesceOptions } from './coalesce/coalesce.ts'
import { OptionsError } from './errors.ts'
import { fallback } from './fallback.ts'
import type { FleetState } from './fleet.ts'
import { hedge, type HedgeOptions } from './hedge/hedge.ts'
import { check, checkKeys, checkObject, type Duration } from './options.ts'
import type { Policy } from './policy.ts'
import type { RateLimitOptions } from './rate-limit/options.ts'
import { rateLimit } from './rate-limit/rate-limit.ts'
import { type RetryBudget, retryBudget, type RetryBudgetOptions } from './retry-budget.ts'
import { retry, type RetryOptions } from './retry.ts'
import type { ShedOptions } from './shed/options.ts'
import { shed } from './shed/shed.ts'
import { throttle, type ThrottleOptions } from './throttle.ts'
import { timeout, type TimeoutOptions } from './timeout.ts'

/** A breaker as a plain object: a preset's name, options with or without a preset, or the name of a shared one. */
export type CircuitBreakerSpec =
  | PresetName
  | (Omit<CircuitBreakerOptions, 'fleet'> & { readonly preset?: PresetName | undefined })
  | { readonly shared: string }

/** A retry budget of its own, or the name of a shared one. */
export type BudgetSpec = RetryBudgetOptions | string

/** One policy as a plain object: exactly one key, the policy's name. */
export type PolicySpec =
  | { readonly circuitBreaker: CircuitBreakerSpec }
  | { readonly retry: Omit<RetryOptions, 'budget'> & { readonly budget?: BudgetSpec | undefined } }
  | { readonly timeout: Duration | TimeoutOptions }
  | { readonly bulkhead: BulkheadOptions }
  | { readonly fallback: { readonly value: unknown; readonly name?: string | undefined } }
  | { readonly rateLimit: Omit<RateLimitOptions, 'key' | 'store'> }
  | { readonly adaptiveLimit: AdaptiveLimitOptions }
  | { readonly throttle: ThrottleOptions }
  | { readonly shed: ShedOptions }
  | { readonly hedge: Omit<HedgeOptions, 'budget'> & { readonly budget?: BudgetSpec | undefined } }
  | { readonly cache: Omit<CacheOptions, 'key' | 'cacheable' | 'copy'> }
  | { readonly coalesce: Omit<CoalesceOptions, 'key' | 'copy'> }
  | {
      readonly chaos: Omit<ChaosOptions, 'match' | 'errors'> & {
        readonly errors?: { readonly rate: number } | undefined
      }
    }

/** Every name that a policy may have in a spec. */
export type PolicyKind = PolicySpec extends infer One ? (One extends unknown ? keyof One : never) : never

/** What several pipelines share on purpose, by name. */
export interface Shared {
  readonly budgets: Readonly<Record<string, RetryBudget>>
  readonly circuitBreakers: Readonly<Record<string, CircuitBreaker>>
}

/** The same as a plain object. */
export interface SharedSpec {
  readonly budgets?: Readonly<Record<string, RetryBudgetOptions>> | undefined
  readonly circuitBreakers?: Readonly<Record<string, Exclude<CircuitBreakerSpec, { shared: string }>>> | undefined
}

/** What policies are made with, beside their specs. */
export interface Surroundings {
  readonly shared?: Shared | undefined
  /** Every breaker that is made belongs to it. */
  readonly fleet?: FleetState | undefined
}

/**
 * Makes what several pipelines share; given to `fromSpec` as `shared`.
 *
 * @example
 * const shared = sharedFrom({ budgets: { checkout: { ratio: 0.1 } } })
 * const orders = fromSpec({ policies: [{ retry: { budget: 'checkout' } }] }, { shared })
 */
export function sharedFrom(spec: SharedSpec, { fleet }: Pick<Surroundings, 'fleet'> = {}): Shared {
  checkKeys(spec, { budgets: undefined, circuitBreakers: undefined }, 'shared')
  const each = <A, B>(
    kind: string,
    entries: Readonly<Record<string, A>> = {},
    make: (one: A) => B,
  ): Record<string, B> =>
    Object.fromEntries(
      Object.entries(entries).map(([name, one]) => [name, at(`shared.${kind}.${name}`, () => make(one))]),
    )
  return {
    budgets: each('budgets', spec.budgets, retryBudget),
    circuitBreakers: each('circuitBreakers', spec.circuitBreakers, (one) => breakerFrom(one, { fleet })),
  }
}

type Makers = { readonly [K in PolicyKind]: (spec: never, surroundings: Surroundings) => Policy }

const makers: Makers = {
  circuitBreaker: breakerFrom,
  retry: withBudget('retry', retry),
  timeout,
  bulkhead,
  fallback: ({ name, ...substitute }: { readonly value: unknown; readonly name?: string }) =>
    fallback(substitute, { name }),
  rateLimit,
  adaptiveLimit,
  throttle,
  shed,
  hedge: withBudget('hedge', hedge),
  cache,
  coalesce,
  chaos,
}

/** Makes the policy that a spec names. Throws `SG_BAD_OPTIONS`. */
export function policyFrom(spec: PolicySpec, surroundings: Surroundings): Policy {
  const kinds = typeof spec === 'object' && spec !== null ? Object.keys(spec) : []
  check(kinds.length === 1, 'a policy', 'an object with one key', spec)
  const [kind = ''] = kinds
  if (!Object.hasOwn(makers, kind))
    throw new OptionsError(`'${kind}' is not a policy; known are ${Object.keys(makers).join(', ')}`)
  const given = (spec as Readonly<Record<string, unknown>>)[kind]
  if (kind !== 'timeout' && kind !== 'circuitBreaker') checkObject(given, kind)
  return makers[kind as PolicyKind](given as never, surroundings)
}

function breakerFrom(spec: CircuitBreakerSpec, { shared, fleet }: Surroundings): CircuitBreaker {
  if (typeof spec !== 'string') checkObject(spec, 'circuitBreaker')
  if (typeof spec === 'object' && 'shared' in spec) {
    checkKeys(spec, { shared: '' }, 'circuitBreaker')
    return named(shared?.circuitBreakers, spec.shared, 'circuitBreaker.shared')
  }
  const { preset, ...options } = typeof spec === 'string' ? { preset: spec } : spec
  const own = fleet === undefined ? options : { ...options, fleet }
  if (preset === undefined) return circuitBreaker(own)
  const names = Object.keys(presets).join(', ')
  check(Object.hasOwn(presets, preset), 'circuitBreaker.preset', `one of ${names}`, preset)
  return circuitBreaker({ ...presets[preset](), ...own })
}

/** A budget stands in a spec by its options or by the name of a shared one. */
function withBudget(
  kind: string,
  make: (options: { budget?: RetryBudget }) => Policy,
): (spec: { readonly budget?: BudgetSpec }, surroundings: Surroundings) => Policy {
  return ({ budget, ...options }, { shared }) => {
    if (budget === undefined) return make(options)
    const made = typeof budget === 'string' ? named(shared?.budgets, budget, `${kind}.budget`) : retryBudget(budget)
    return make({ ...options, budget: made })
  }
}

function named<T>(shared: Readonly<Record<string, T>> = {}, name: string, path: string): T {
  const found = Object.hasOwn(shared, name) ? shared[name] : undefined
  const known = Object.keys(shared).join(', ') || 'none'
  check(found !== undefined, path, `the name of something shared (there is ${known})`, name)
  return found as T
}

/** Puts the place in front of what a policy says about its options. */
export function at<T>(place: string, build: () => T): T {
  try {
    return build()
  } catch (error) {
    if (error instanceof OptionsError) throw new OptionsError(`${place}: ${error.message}`)
    throw error
  }
}
