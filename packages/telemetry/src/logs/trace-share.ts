// A share of all traces, the same ones in every process. Invariant: a trace that is in a share is in every larger one too, and so
// it is in every head sampler's (`ratio`, `consistent`) of the same size: both look at the last 56 bits of the trace id.
// Source: OpenTelemetry specification, trace/tracestate-probability-sampling.md.
import { isHex } from '../propagation/hex.ts'
import { leastProbability, passes, type Threshold, thresholdOf } from '../sampling/threshold.ts'

/** A share of traces; of requests without a trace, every so-manieth. */
export class TraceShare {
  readonly #share: number
  readonly #threshold: Threshold | undefined
  #untraced = 0

  /** `share` is 0 to 1. */
  constructor(share: number) {
    this.#share = share
    this.#threshold = share < leastProbability ? undefined : thresholdOf(share)
  }

  /** Whether a request of this trace is in the share. */
  has(traceId: string | undefined): boolean {
    if (this.#share === 1) return true
    if (this.#threshold === undefined) return false
    if (traceId?.length === 32 && isHex(traceId, 0, 32)) {
      const high = Number.parseInt(traceId.slice(18, 24), 16)
      return passes(this.#threshold, high, Number.parseInt(traceId.slice(24), 16))
    }
    const before = Math.floor(this.#untraced * this.#share)
    this.#untraced++
    return Math.floor(this.#untraced * this.#share) > before
  }
}
