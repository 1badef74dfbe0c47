// The policies of one service as the rules look at them: each kind with its position, durations in milliseconds, presets
// and shared circuit breakers resolved. A smaller index is further out.
import type { CircuitBreakerOptions, CircuitBreakerSpec, PolicyKind, PolicySpec, SharedSpec } from '@switchgear/core'
import { formatPath, type Path } from '../path.ts'
import { type OwnCircuitBreaker, resolved } from '../schema/circuit-breaker.ts'
import { milliseconds } from '../schema/field.ts'
import type { OptionsOf } from '../schema/limits.ts'

/** A policy at its position. */
export interface Placed<T> {
  readonly index: number
  readonly value: T
}

/** A circuit breaker at its position, and its name where it is a shared one. */
export interface PlacedBreaker extends Placed<CircuitBreakerOptions> {
  readonly shared?: string
}

/** What the rules ask of a list of policies. */
export interface Stack {
  readonly service: string
  readonly policies: readonly PolicySpec[]
  readonly timeouts: readonly Placed<number>[]
  /** Attempts of those that try more than once. */
  readonly retries: readonly Placed<number>[]
  readonly breakers: readonly PlacedBreaker[]
  /** The options of all policies of a kind. */
  of<K extends PolicyKind>(kind: K): readonly Placed<OptionsOf<K>>[]
  /** The kind of the policy at a position. */
  kindAt(index: number): string
  /** `services.payments.policies[1]`, or of the whole list without an index. */
  at(index?: number): string
}

/** Reads a list of policies that stands at a path. */
export function stackOf(service: string, policies: readonly PolicySpec[], path: Path, shared: SharedSpec = {}): Stack {
  const of = <K extends PolicyKind>(kind: K): Placed<OptionsOf<K>>[] =>
    policies.flatMap((policy, index) =>
      kind in policy ? [{ index, value: (policy as unknown as Readonly<Record<K, OptionsOf<K>>>)[kind] }] : [],
    )
  return {
    service,
    policies,
    timeouts: of('timeout').map(({ index, value }) => {
      const after = typeof value === 'object' ? value.after : value
      return { index, value: milliseconds(after) ?? Infinity }
    }),
    retries: of('retry')
      .map(({ index, value }) => ({ index, value: value.maxAttempts ?? 3 }))
      .filter(({ value }) => value > 1),
    breakers: of('circuitBreaker').map(({ index, value }) => {
      const own = { index, value: resolved(ownOf(value, shared)) }
      const name = sharedName(value)
      return name === undefined ? own : { ...own, shared: name }
    }),
    of,
    kindAt: (index) => Object.keys(policies[index] ?? {})[0] ?? '',
    at: (index) => formatPath(index === undefined ? path : [...path, index]),
  }
}

/** The setting itself, or that of the shared one which it names. */
export function ownOf(setting: CircuitBreakerSpec, shared: SharedSpec = {}): OwnCircuitBreaker {
  if (typeof setting !== 'object' || !('shared' in setting)) return setting
  return shared.circuitBreakers?.[setting.shared] ?? {}
}

/** The name of the shared circuit breaker that a setting is. */
export function sharedName(setting: CircuitBreakerSpec): string | undefined {
  return typeof setting === 'object' && 'shared' in setting ? setting.shared : undefined
}
