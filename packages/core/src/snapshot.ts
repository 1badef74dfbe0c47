// What can be read of policies and pipelines at one moment: plain objects for metrics, consoles and restarts. They are
// copies; changing one changes nothing. Totals only ever grow.
import type { CircuitState } from './events.ts'

/** Of a circuit breaker. `version` to `reason` are what `restore` needs; the rest is for people and metrics. */
export interface CircuitBreakerSnapshot {
  readonly policy: 'circuitBreaker'
  readonly version: 1
  readonly name: string
  readonly state: CircuitState
  /** How often in a row it re-opened; it decides the next open time. */
  readonly reopenings: number
  /** Milliseconds it stays open, 0 unless open. */
  readonly openRemainingMs: number
  /** Wall-clock milliseconds. */
  readonly takenAt: number
  /** Why it is in this state, in words for a person; an operator's own where it was isolated or disabled. */
  readonly reason: string | undefined
  readonly mode: 'protect' | 'observe'
  readonly consecutiveFailures: number
  /** Calls, failures and slow calls in the window of the current generation. */
  readonly window: { readonly calls: number; readonly failures: number; readonly slow: number }
  readonly probesInFlight: number
  /** Since construction; `slow` calls are also counted by their outcome. */
  readonly totals: {
    readonly successes: number
    readonly failures: number
    readonly ignored: number
    readonly slow: number
    readonly rejections: number
    readonly transitions: number
  }
}

/** Of a bulkhead; `queued` in the totals counts every call that had to wait. */
export interface BulkheadSnapshot {
  readonly policy: 'bulkhead'
  readonly name: string
  readonly inFlight: number
  readonly queued: number
  readonly maxInFlight: number
  readonly maxQueue: number
  readonly totals: { readonly admitted: number; readonly rejections: number; readonly queued: number }
}

/** Of a retry. */
export interface RetrySnapshot {
  readonly policy: 'retry'
  readonly name: string
  /** `recovered`: a later attempt succeeded. `exhausted`: attempts, budget or deadline were used up. */
  readonly totals: { readonly retries: number; readonly recovered: number; readonly exhausted: number }
  readonly budgetBalance: number
}

/** Of a timeout. */
export interface TimeoutSnapshot {
  readonly policy: 'timeout'
  readonly name: string
  readonly afterMs: number
  /** `abandoned`: results that came after the caller had been answered. */
  readonly totals: { readonly timeouts: number; readonly abandoned: number }
}

/** Of a fallback: how often it was asked, and how often it failed itself. */
export interface FallbackSnapshot {
  readonly policy: 'fallback'
  readonly name: string
  readonly totals: { readonly used: number; readonly failed: number }
}

/** One of a policy that is not ours: only its name is known. */
export interface OtherSnapshot {
  readonly policy: 'other'
  readonly name: string
}

/** Of any policy, told apart by `policy`. */
export type PolicySnapshot =
  | CircuitBreakerSnapshot
  | BulkheadSnapshot
  | RetrySnapshot
  | TimeoutSnapshot
  | FallbackSnapshot
  | OtherSnapshot

/** Of a pipeline. `calls` is kept only for those in a registry and is undefined elsewhere. */
export interface PipelineSnapshot {
  readonly name: string
  readonly calls:
    | {
        readonly successes: number
        readonly failures: number
        readonly ignored: number
        readonly inFlight: number
      }
    | undefined
  /** Outermost first. */
  readonly policies: readonly PolicySnapshot[]
}
