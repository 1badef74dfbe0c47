// What a result means. One classifier per pipeline; retry, breaker, fallback and metrics all believe its answer. A
// classifier is pure: it may be asked about the same result more than once, and must answer the same.
import { SwitchgearError } from './errors.ts'
import { isShared } from './shared.ts'

/** What became of a call, as every policy of its pipeline sees it. */
export type Outcome = 'success' | 'failure' | 'ignored'

/** The meaning of one result, and whether another attempt may help. */
export interface Verdict {
  readonly outcome: Outcome
  readonly retryable: boolean
  /** What the other side asked for, in milliseconds; a retry waits at least so long, up to its `maxDelay`. */
  readonly retryAfterMs?: number | undefined
  /** The other side has seen nothing of it, so repeating it is harmless also where the call itself is not idempotent. */
  readonly unsent?: boolean | undefined
}

// The four common verdicts, so that judging a call allocates nothing.

/** It worked. */
export const success: Verdict = Object.freeze({ outcome: 'success', retryable: false })
/** It failed, and another attempt may help. */
export const failure: Verdict = Object.freeze({ outcome: 'failure', retryable: true })
/** It failed, and would fail again. */
export const finalFailure: Verdict = Object.freeze({ outcome: 'failure', retryable: false })
/** It says nothing about the dependency: counted nowhere. */
export const ignored: Verdict = Object.freeze({ outcome: 'ignored', retryable: false })

/**
 * Judges results. Left out parts judge like `classify`. A refusal by a policy and the caller's own abort never get here:
 * they are `ignored`, whatever a classifier thinks.
 *
 * @example
 * const strict = pipeline({ classify: { ofValue: (rows) => (rows.length === 0 ? failure : success) } }, retry())
 */
export interface Classifier {
  /** Judges what the function returned. Absent: every value is a success, also `undefined`. */
  readonly ofValue?: ((value: never) => Verdict) | undefined
  /** Judges what it threw. Absent: a throw is a retryable failure. */
  readonly ofError?: ((error: unknown) => Verdict) | undefined
  /** Called for a value that nobody will receive (retried, replaced or too late), to free what it holds. */
  readonly discard?: ((value: never) => void) | undefined
}

/** The default: a throw is a retryable failure, any returned value a success. */
export const classify: Classifier = Object.freeze({})

/** A classifier as the kernel holds it. Its functions are bound, and `ofValue` is undefined where every value is a success. */
export class Judge {
  readonly ofValue: ((value: unknown) => Verdict) | undefined
  readonly ofError: (error: unknown) => Verdict
  readonly #discard: ((value: unknown) => void) | undefined

  constructor(classifier: Classifier) {
    const { ofValue, ofError, discard } = classifier
    // The parameters are `never` so that a user may write the type that the functions return; here it is unknown again.
    this.ofValue = ofValue as ((value: unknown) => Verdict) | undefined
    this.#discard = discard as ((value: unknown) => void) | undefined
    this.ofError = (error) => {
      if (error instanceof SwitchgearError) return error.refusal ? ignored : failure
      return ofError === undefined ? failure : ofError(error)
    }
  }

  /** Frees a value that nobody receives. What it throws has nowhere to go: the call was answered long ago. */
  discard(value: unknown): void {
    if (this.#discard === undefined || isShared(value)) return
    try {
      this.#discard(value)
    } catch {
      // See above; a broken `discard` must not turn an answered call into an unhandled rejection.
    }
  }
}
