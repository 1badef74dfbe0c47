// The head samplers: decided once, when the first span of a trace in this process begins. After the OpenTelemetry
// specification, trace/sdk.md "Built-in samplers" and trace/tracestate-probability-sampling.md.
// Invariant: an answer allocates nothing unless the trace state has to change, and what a trace state says of the
// probability (`th`) is true of the decision or it is erased.
import { sampledFlag } from '../trace/parent.ts'
import type { HeadSampler, SamplingDecision, SamplingRequest } from '../trace/sampler.ts'
import { check, checkKeys, checkShare } from '@switchgear/core/options'
import { OtReader, withThreshold } from './ot-state.ts'
import { leastProbability, passes, thresholdOf } from './threshold.ts'

const on: SamplingDecision = Object.freeze({ sampled: true })
const off: SamplingDecision = Object.freeze({ sampled: false })

/** Of the trace state of the request at hand. Deciding is synchronous, so that one is enough. */
const ot = new OtReader()

/** Records every trace. A threshold that came with the trace state becomes 0, "all of them"; none is added. */
export const alwaysOn: HeadSampler = Object.freeze({
  description: 'AlwaysOnSampler',
  decide({ parent }: SamplingRequest): SamplingDecision {
    const traceState = parent?.traceState ?? ''
    ot.read(traceState)
    return ot.namesThreshold ? deciding(true, traceState, '0', 0, 0) : on
  },
})

/** Records nothing. A threshold that came with the trace state is erased. */
export const alwaysOff: HeadSampler = Object.freeze({
  description: 'AlwaysOffSampler',
  decide({ parent }: SamplingRequest): SamplingDecision {
    return independent(false, parent?.traceState ?? '')
  },
})

/**
 * Records `share` (0 to 1) of the traces, chosen by the last 56 bits of the trace id alone: OpenTelemetry's
 * `TraceIdRatioBased`. Meant for roots, below `parentBased`. It chooses the same traces as `consistent` does where
 * there is no explicit randomness, and says nothing of its probability in the trace state.
 */
export function ratio(share: number): HeadSampler {
  checkShare(share, 'sampler.ratio')
  const threshold = share < leastProbability ? undefined : thresholdOf(share)
  return Object.freeze({
    description: `TraceIdRatioBased{${share}}`,
    decide({ parent, traceC, traceD }: SamplingRequest): SamplingDecision {
      const sampled = threshold !== undefined && passes(threshold, traceC & 0xff_ffff, traceD >>> 0)
      return independent(sampled, parent?.traceState ?? '')
    },
  })
}

/**
 * Consistent probability sampling: a trace that one process records at some probability is recorded by all with the
 * same or a higher one. `share` is 2^-56 to 1, or 0 for nothing at all. The 56 random bits are those of an explicit
 * `rv` in the trace state, else the last 56 of the trace id, which are presumed to be random. The decision ignores the
 * parent's. What is sampled carries the threshold on as `ot=th:…`, but only where the bits are known to be random (the
 * W3C random flag, or an `rv`).
 *
 * @example
 * const sampler = parentBased(consistent(0.1)) // a tenth of the roots, and what their callers decided otherwise
 */
export function consistent(share: number): HeadSampler {
  const holds = typeof share === 'number' && (share === 0 || (share >= leastProbability && share <= 1))
  check(holds, 'sampler.ratio', '0 or in [2^-56, 1]', share)
  if (share === 0) return alwaysOff
  const threshold = thresholdOf(share)
  const onWithThreshold: SamplingDecision = Object.freeze({ sampled: true, traceState: `ot=th:${threshold.text}` })
  return Object.freeze({
    description: `ProbabilitySampler{${share}}`,
    decide({ parent, traceC, traceD, random }: SamplingRequest): SamplingDecision {
      const traceState = parent?.traceState ?? ''
      ot.read(traceState)
      const high = ot.hasRandomness ? ot.randomHigh : traceC & 0xff_ffff
      const low = ot.hasRandomness ? ot.randomLow : traceD >>> 0
      if (!passes(threshold, high, low)) return erasing(false, traceState)
      if (!random && !ot.hasRandomness) return erasing(true, traceState)
      if (traceState === '') return onWithThreshold
      return deciding(true, traceState, threshold.text, threshold.high, threshold.low)
    },
  })
}

/** Who decides below a caller. The default for both: as the caller did. */
export interface ParentBasedOptions {
  /**
   * Asked when the caller's sampled flag is set. Default: sampled, and its threshold goes on if it agrees with the
   * flag.
   */
  readonly remoteParentSampled?: HeadSampler | undefined
  /** Asked when it is not set. Default: not sampled. */
  readonly remoteParentNotSampled?: HeadSampler | undefined
}

/**
 * Asks `root` where a trace begins and follows the caller everywhere else. A parent inside the process needs no option:
 * a head sampler is never asked below a span of its own process.
 *
 * @example
 * const sampler = parentBased(ratio(0.01))
 */
export function parentBased(root: HeadSampler, options: ParentBasedOptions = {}): HeadSampler {
  checkKeys(options, ['remoteParentSampled', 'remoteParentNotSampled'], 'sampler.parentBased')
  const sampled = options.remoteParentSampled ?? followSampled
  const notSampled = options.remoteParentNotSampled ?? followNotSampled
  const inner = `root:${root.description},remoteParentSampled:${sampled.description}`
  return Object.freeze({
    description: `ParentBased{${inner},remoteParentNotSampled:${notSampled.description}}`,
    decide(request: SamplingRequest): SamplingDecision {
      if (request.parent === undefined) return root.decide(request)
      return (request.parent.flags & sampledFlag) === 0 ? notSampled.decide(request) : sampled.decide(request)
    },
  })
}

const followSampled: HeadSampler = { description: 'AlwaysOnSampler', decide: (request) => following(true, request) }
const followNotSampled: HeadSampler = {
  description: 'AlwaysOffSampler',
  decide: (request) => following(false, request),
}

/** The caller's decision and its threshold, which is erased when the flag contradicts it: one of the two is wrong. */
function following(sampled: boolean, { parent, traceC, traceD }: SamplingRequest): SamplingDecision {
  const traceState = parent?.traceState ?? ''
  ot.read(traceState)
  if (!ot.namesThreshold) return sampled ? on : off
  const reached = ot.hasRandomness
    ? notBelowThreshold(ot.randomHigh, ot.randomLow)
    : notBelowThreshold(traceC & 0xff_ffff, traceD >>> 0)
  return ot.hasThreshold && reached === sampled ? (sampled ? on : off) : erasing(sampled, traceState)
}

function notBelowThreshold(high: number, low: number): boolean {
  return high === ot.thresholdHigh ? low >= ot.thresholdLow : high > ot.thresholdHigh
}

/** A decision that has nothing to do with the threshold that came in. */
function independent(sampled: boolean, traceState: string): SamplingDecision {
  ot.read(traceState)
  return erasing(sampled, traceState)
}

/** The decision without a threshold. `ot` has read `traceState`. */
function erasing(sampled: boolean, traceState: string): SamplingDecision {
  if (!ot.namesThreshold) return sampled ? on : off
  return { sampled, traceState: withThreshold(traceState, undefined) }
}

/** The decision with this threshold. `ot` has read `traceState`. */
function deciding(sampled: boolean, traceState: string, text: string, high: number, low: number): SamplingDecision {
  const same = ot.hasThreshold && ot.thresholdHigh === high && ot.thresholdLow === low
  return same ? (sampled ? on : off) : { sampled, traceState: withThreshold(traceState, text) }
}
