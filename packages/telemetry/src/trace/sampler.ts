// The contract of head sampling: decided once, when the first span of a trace in this process begins. What happens below
// that span follows it; nobody asks again.
import type { RemoteParent } from './parent.ts'

/** What a head sampler is asked about. The object is filled anew for the next question: read it, do not keep it. */
export interface SamplingRequest {
  readonly parent: RemoteParent | undefined
  /** The last eight bytes of the trace id as two signed 32-bit integers; of those, the last seven bytes are random when `random` is true. */
  readonly traceC: number
  readonly traceD: number
  readonly random: boolean
  readonly name: string
}

/** What it answers. Answers without a change of the trace state are shared constants: no allocation. */
export interface SamplingDecision {
  readonly sampled: boolean
  /** The trace state to go on with; undefined: that of the parent. */
  readonly traceState?: string | undefined
}

/** Decides whether a trace is recorded in this process. Synchronous, and it never throws. */
export interface HeadSampler {
  /** For people: what it is and with which numbers. */
  readonly description: string
  decide(request: SamplingRequest): SamplingDecision
}
