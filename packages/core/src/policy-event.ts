// What policies can tell, as types. The publishing side is in events.ts.

/** The states of a circuit breaker, with those that only an operator sets. */
export type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated' | 'disabled'

/** Everything that policies publish, told apart by `type`. `at` is monotonic milliseconds of the policy's clock. */
export type PolicyEvent =
  | {
      readonly type: 'transition'
      readonly policy: string
      readonly from: CircuitState
      readonly to: CircuitState
      /** When it happened; a change driven by time is noticed later and still carries its own time. */
      readonly at: number
      /** Why, in words for a person. */
      readonly reason: string
    }
  | {
      readonly type: 'rejected' | 'wouldReject'
      readonly policy: string
      readonly pipeline: string
      readonly code: string
      /** Of the circuit, where it was a circuit breaker. */
      readonly state?: CircuitState
    }
  | {
      readonly type: 'retry'
      readonly policy: string
      readonly pipeline: string
      /** The attempt that failed: 1 for the first. */
      readonly attempt: number
      readonly delayMs: number
      readonly error: unknown
    }
  /** A call has waited in the queue of a gate; `admitted` says whether it was worth it. */
  | {
      readonly type: 'queued'
      readonly policy: string
      readonly pipeline: string
      readonly waitedMs: number
      readonly admitted: boolean
    }
  | { readonly type: 'timeout'; readonly policy: string; readonly pipeline: string; readonly afterMs: number }
  | { readonly type: 'abandoned'; readonly policy: string; readonly pipeline: string }
  | { readonly type: 'fallback'; readonly policy: string; readonly pipeline: string; readonly error: unknown }
  /** A second attempt starts beside the first, which has been running for `delayMs`. */
  | { readonly type: 'hedge'; readonly policy: string; readonly pipeline: string; readonly delayMs: number }
  /** The second attempt answered first. */
  | { readonly type: 'hedgeWon'; readonly policy: string; readonly pipeline: string }
  /** An adaptive limit moved to another whole number. */
  | { readonly type: 'limit'; readonly policy: string; readonly from: number; readonly to: number; readonly at: number }
  /** A load shedder now refuses calls of priority `to` and of less important ones; 4 means none. */
  | {
      readonly type: 'shedding'
      readonly policy: string
      readonly from: number
      readonly to: number
      readonly at: number
    }
  | {
      readonly type: 'cache'
      readonly policy: string
      readonly pipeline: string
      readonly key: string
      readonly result: 'hit' | 'miss' | 'stale' | 'staleOnError'
    }
  /** A call was answered by the flight of another. */
  | { readonly type: 'coalesced'; readonly policy: string; readonly pipeline: string; readonly key: string }
  | {
      readonly type: 'chaos'
      readonly policy: string
      readonly pipeline: string
      readonly fault: 'latency' | 'error' | 'hang'
      /** How long the call was held up; 0 for an error, Infinity for a hang. */
      readonly delayMs: number
    }
