// Where a span hangs: the position in a trace that came in from another process. Ids are kept as 32-bit integers, because
// comparing, copying and storing those costs a fraction of what text does.

/** A span's place, as integers. At least one of the four and one of the two parts is not zero. */
export interface SpanIds {
  /** The trace id, from its first four bytes to its last, each as a signed 32-bit integer. */
  readonly traceA: number
  readonly traceB: number
  readonly traceC: number
  readonly traceD: number
  readonly spanA: number
  readonly spanB: number
}

/** A position in a trace, of another process. */
export interface RemoteParent extends SpanIds {
  /** The W3C flags: 1 sampled, 2 random. */
  readonly flags: number
  /** '' when there is none. Valid and within the limits. */
  readonly traceState: string
  /** B3's debug flag: recorded whatever the sampler says. Never set by W3C headers. */
  readonly debug?: boolean | undefined
}

/** Bit of the W3C flags: the caller may have recorded the trace. */
export const sampledFlag = 1
/** Bit of the W3C flags: the right-most seven bytes of the trace id are random. */
export const randomFlag = 2
