// The knobs of one policy: which of its options can be turned, where they stand, and the policy that a turn makes of it. An
// option that no knob turns stays as it was written.
import type { PolicySpec } from '@switchgear/core'
import { breakerKnobs, breakerValues, turnedBreaker, writtenOut } from './breaker-dial.ts'
import { countKnob, durationKnob, type Knob } from './knob.ts'

/** A policy with its knobs. */
export interface Dial {
  readonly knobs: readonly Knob[]
  /** What the knobs are set to, in the same order. */
  readonly present: readonly unknown[]
  /** The policy with other values. */
  readonly write: (values: readonly unknown[]) => PolicySpec
}

/**
 * The dial of a policy; without knobs where nothing can be turned.
 *
 * @example
 * dialOf({ timeout: '3s' }).write(['1s']) // { timeout: '1s' }
 */
export function dialOf(spec: PolicySpec): Dial {
  if ('timeout' in spec) return timeoutDial(spec.timeout)
  if ('retry' in spec) {
    const { retry } = spec
    return {
      knobs: [countKnob('retry.maxAttempts', 1, 5), durationKnob('retry.delay', 5, 2000)],
      present: [retry.maxAttempts ?? 3, retry.delay ?? '100ms'],
      // Who tries once never waits.
      write: ([maxAttempts, delay]) => ({
        retry: { ...retry, maxAttempts, ...(maxAttempts === 1 ? {} : { delay }) } as typeof retry,
      }),
    }
  }
  if ('bulkhead' in spec) {
    const { bulkhead } = spec
    return {
      knobs: [countKnob('bulkhead.maxInFlight', 2, 1000)],
      present: [bulkhead.maxInFlight ?? 100],
      write: ([maxInFlight]) => ({ bulkhead: { ...bulkhead, maxInFlight: maxInFlight as number } }),
    }
  }
  // One that is shared stands elsewhere, and others depend on it.
  if ('circuitBreaker' in spec && !isShared(spec.circuitBreaker)) {
    const options = writtenOut(spec.circuitBreaker)
    return {
      knobs: breakerKnobs,
      present: breakerValues(options),
      write: (values) => ({ circuitBreaker: turnedBreaker(options, values) }),
    }
  }
  return { knobs: [], present: [], write: () => spec }
}

function timeoutDial(timeout: Extract<PolicySpec, { timeout: unknown }>['timeout']): Dial {
  const after = typeof timeout === 'object' ? timeout.after : timeout
  return {
    knobs: [durationKnob('timeout', 10, 60_000)],
    present: [after],
    write: ([value]) => ({
      timeout: typeof timeout === 'object' ? { ...timeout, after: value as string } : (value as string),
    }),
  }
}

function isShared(setting: unknown): setting is { readonly shared: string } {
  return typeof setting === 'object' && setting !== null && 'shared' in setting
}
