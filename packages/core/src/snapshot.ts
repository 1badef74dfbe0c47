// What can be read of policies and pipelines at one moment: plain objects for metrics, consoles and restarts. They are
// copies; changing one changes nothing. Totals only ever grow.
import type { CircuitState } from './policy-event.ts'

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
  /** From how many milliseconds on a call is slow; undefined where slow calls are no trigger. */
  readonly slowFromMs: number | undefined
  /** What a call usually takes, where slow is relative to it and enough is known; restored as well. */
  readonly usualMs: number | undefined
  /** Since construction; `slow` calls are also counted by their outcome. */
  readonly totals: {
    readonly successes: number
    readonly failures: number
    readonly ignored: number
    readonly slow: number
    readonly rejections: number
    readonly transitions: number
    /** How often the fleet it belongs to threw. */
    readonly fleetErrors: number
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
  readonly version: 1
  readonly name: string
  /** Wall-clock milliseconds. */
  readonly takenAt: number
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

/** Of a rate limit. `version` to `buckets` are what `restore` needs. */
export interface RateLimitSnapshot {
  readonly policy: 'rateLimit'
  readonly version: 1
  readonly name: string
  /** Wall-clock milliseconds. */
  readonly takenAt: number
  /** What every key has used, in calls, the longest unused first; one that has all of its quota is left out. */
  readonly buckets: readonly { readonly key: string; readonly used: number }[]
  /** Keys that are known now, at most `maxKeys`. */
  readonly keys: number
  /**
   * `givenBack`: admitted calls that did not run. `evicted`: keys that were forgotten to make room before all of their
   * quota was back. `storeErrors`: how often the store threw, rejected or answered no number.
   */
  readonly totals: {
    readonly admitted: number
    readonly rejections: number
    readonly givenBack: number
    readonly evicted: number
    readonly storeErrors: number
  }
}

/** Of an adaptive limit. */
export interface AdaptiveLimitSnapshot {
  readonly policy: 'adaptiveLimit'
  readonly version: 1
  readonly name: string
  readonly algorithm: 'aimd' | 'vegas' | 'gradient2'
  /** Calls in flight at most at this moment. */
  readonly limit: number
  /** The latency that it takes for that of an unloaded dependency; undefined while unknown. */
  readonly baselineMs: number | undefined
  readonly inFlight: number
  readonly queued: number
  readonly totals: { readonly admitted: number; readonly rejections: number; readonly queued: number }
}

/** Of a throttle; the counts are those of its window. */
export interface ThrottleSnapshot {
  readonly policy: 'throttle'
  readonly version: 1
  readonly name: string
  /** Wall-clock milliseconds. */
  readonly takenAt: number
  readonly requests: number
  readonly accepts: number
  /** Chance with which the next call is refused, in [0, 1]; of the priority for which it is the greatest. */
  readonly refusalChance: number
  /** By priority, 0 to 3, the oldest first: age in milliseconds, requests and accepts of each part of the window. */
  readonly priorities: readonly (readonly (readonly [number, number, number])[])[]
  readonly totals: { readonly admitted: number; readonly rejections: number }
}

/** Of a load shedder. */
export interface ShedSnapshot {
  readonly policy: 'shed'
  readonly version: 1
  readonly name: string
  /** Calls of this priority and of less important ones are refused; 4 means none is. */
  readonly refusedFrom: number
  /** Milliseconds: the last delay of the event loop, or the last that it was told of if that is longer. */
  readonly delayMs: number
  /** `sheds` by priority, 0 to 3. */
  readonly totals: { readonly admitted: number; readonly sheds: readonly [number, number, number, number] }
}

/** Of a hedge. */
export interface HedgeSnapshot {
  readonly policy: 'hedge'
  readonly version: 1
  readonly name: string
  /** Wall-clock milliseconds. */
  readonly takenAt: number
  /** After how long a second attempt would start now; undefined while too little is known. */
  readonly delayMs: number | undefined
  /** What the percentile of first attempts took; undefined while too little is known. `restore` takes it over, and the balance. */
  readonly estimateMs: number | undefined
  /** `wins`: how often the second attempt answered first. */
  readonly totals: { readonly hedges: number; readonly wins: number; readonly unaffordable: number }
  readonly budgetBalance: number
}

/** Of a cache. */
export interface CacheSnapshot {
  readonly policy: 'cache'
  readonly name: string
  readonly entries: number
  readonly maxEntries: number
  readonly totals: {
    readonly hits: number
    readonly misses: number
    /** Answered with a stale value while a fresh one was fetched. */
    readonly stale: number
    /** Answered with a stale value because the rest failed or refused. */
    readonly staleOnError: number
    readonly evicted: number
    /** Background refreshes that failed; the stale value stayed. */
    readonly refreshFailures: number
  }
}

/** Of a coalescing layer: `joined` counts the calls that were answered by the flight of another. */
export interface CoalesceSnapshot {
  readonly policy: 'coalesce'
  readonly name: string
  readonly inFlight: number
  /** `alone`: calls that ran on their own because `maxFlights` keys were in flight. */
  readonly totals: { readonly flights: number; readonly joined: number; readonly alone: number }
}

/** Of injected chaos. */
export interface ChaosSnapshot {
  readonly policy: 'chaos'
  readonly name: string
  readonly active: boolean
  /** Milliseconds until it stops by itself, 0 when it has. */
  readonly remainingMs: number
  readonly totals: { readonly delays: number; readonly errors: number; readonly hangs: number }
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
  | RateLimitSnapshot
  | AdaptiveLimitSnapshot
  | ThrottleSnapshot
  | ShedSnapshot
  | HedgeSnapshot
  | CacheSnapshot
  | CoalesceSnapshot
  | ChaosSnapshot
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
