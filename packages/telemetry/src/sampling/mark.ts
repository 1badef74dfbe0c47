// Writes a decision onto the spans that were kept: the reason and the probability on the root, the threshold that was
// passed into the trace state of each. Spans are never changed, only copied.
import { parseTracestate } from '../propagation/tracestate.ts'
import { randomFlag } from '../trace/parent.ts'
import type { Attributes, SpanData } from '../trace/span-data.ts'
import { OtReader, withThreshold } from './ot-state.ts'
import { samplingRatioKey, samplingReasonKey } from './resilience-events.ts'
import type { TailDecision } from './tail-sampler.ts'
import { passes } from './threshold.ts'

const ot = new OtReader()

/** What the root of a kept trace says of the decision: `switchgear.sampling.reason` and `switchgear.sampling.ratio`. */
export function samplingAttributes(decision: TailDecision): Attributes {
  return { [samplingReasonKey]: decision.reason, [samplingRatioKey]: decision.ratio }
}

/**
 * The kept spans as they go on. `root`, or what stands for it, gets the `samplingAttributes`. A trace that was kept by
 * probability gets its threshold, as the OpenTelemetry specification asks of a downstream sampler, so that whoever
 * counts spans knows how many each stands for; a span that has passed a stricter one keeps that.
 */
export function markKept(
  spans: readonly SpanData[],
  decision: TailDecision,
  root: SpanData | undefined,
): readonly SpanData[] {
  if (root === undefined && decision.threshold === undefined) return spans
  return spans.map((span) => {
    const traceState = raised(span, decision)
    if (span !== root) return traceState === span.traceState ? span : { ...span, traceState }
    return { ...span, traceState, attributes: { ...span.attributes, ...samplingAttributes(decision) } }
  })
}

/**
 * The trace state with the threshold of the decision, where that is a stricter one and the random bits are known to be
 * random.
 */
function raised(span: SpanData, { threshold }: TailDecision): string {
  if (threshold === undefined) return span.traceState
  const traceState = parseTracestate(span.traceState)
  ot.read(traceState)
  const stricter = !ot.hasThreshold || !passes(threshold, ot.thresholdHigh, ot.thresholdLow)
  const isRandom = ot.hasThreshold || ot.hasRandomness || (span.flags & randomFlag) !== 0
  return isRandom && stricter ? withThreshold(traceState, threshold.text) : span.traceState
}
