// The policies of one service as the rules look at them: each kind with its position, durations in milliseconds, presets
// resolved. A smaller index is further out.
import type { ServiceOptions } from '@switchgear/client'
import type { CircuitBreakerOptions } from '@switchgear/core'
import { formatPath } from '../path.ts'
import { resolved } from '../schema/circuit-breaker.ts'
import { milliseconds } from '../schema/field.ts'

/** A policy at its position. */
export interface Placed<T> {
  readonly index: number
  readonly value: T
}

/** What the rules ask of a list of policies. */
export interface Stack {
  readonly service: string
  readonly timeouts: readonly Placed<number>[]
  /** Attempts of those that try more than once. */
  readonly retries: readonly Placed<number>[]
  readonly breakers: readonly Placed<CircuitBreakerOptions>[]
  /** `services.payments.policies[1]`, or of the whole list without an index. */
  at(index?: number): string
}

/** Reads the policies of a service; undefined when it has none of its own and gets the standard stack. */
export function stackOf(service: string, { policies }: ServiceOptions): Stack | undefined {
  if (policies === undefined) return undefined
  const timeouts: Placed<number>[] = []
  const retries: Placed<number>[] = []
  const breakers: Placed<CircuitBreakerOptions>[] = []
  for (const [index, policy] of policies.entries()) {
    if ('timeout' in policy) {
      const after = typeof policy.timeout === 'object' ? policy.timeout.after : policy.timeout
      timeouts.push({ index, value: milliseconds(after) ?? Infinity })
    } else if ('retry' in policy) {
      const attempts = policy.retry.maxAttempts ?? 3
      if (attempts > 1) retries.push({ index, value: attempts })
    } else if ('circuitBreaker' in policy) breakers.push({ index, value: resolved(policy.circuitBreaker) })
  }
  const path = ['services', service, 'policies']
  const at = (index?: number): string => formatPath(index === undefined ? path : [...path, index])
  return { service, timeouts, retries, breakers, at }
}
