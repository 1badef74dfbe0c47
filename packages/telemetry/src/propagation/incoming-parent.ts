// The position in a trace that headers of any format have told. Invariant: neither the trace id nor the span id is all
// zero, and `traceState` is a valid header. One class for all formats keeps the code that reads it monomorphic.
import { hexOfWord } from '../trace/ids.ts'
import type { RemoteParent, SpanIds } from '../trace/parent.ts'
import { beginHex, wasHex, wordAt } from './hex.ts'

/** The ids and flags that headers go out with: a span of ours, or any position in a trace. */
export interface OutgoingPosition extends SpanIds {
  /** The W3C flags; bits other than sampled and random are not written. */
  readonly flags: number
  /** '' when there is none. */
  readonly traceState: string
  /** B3's and Jaeger's debug flag. */
  readonly debug?: boolean | undefined
}

/** A remote parent while it is being read. */
export class IncomingParent implements RemoteParent {
  readonly traceA: number
  readonly traceB: number
  readonly traceC: number
  readonly traceD: number
  readonly spanA: number
  readonly spanB: number
  readonly flags: number
  /** Filled in once `traceparent` has turned out to be valid: until then nobody may look at `tracestate`. */
  traceState: string = ''
  readonly debug: boolean

  constructor(
    traceA: number,
    traceB: number,
    traceC: number,
    traceD: number,
    spanA: number,
    spanB: number,
    flags: number,
    debug: boolean,
  ) {
    this.traceA = traceA
    this.traceB = traceB
    this.traceC = traceC
    this.traceD = traceD
    this.spanA = spanA
    this.spanB = spanB
    this.flags = flags
    this.debug = debug
  }

  /** Whether both ids are something else than zeros only. */
  get isValid(): boolean {
    return (this.traceA | this.traceB | this.traceC | this.traceD) !== 0 && (this.spanA | this.spanB) !== 0
  }
}

/**
 * The parent of a trace id of 32 and a span id of 16 lower-case hexadecimal digits; undefined when one has other characters
 * or another length, or is zero.
 */
export function parentOf(traceId: string, spanId: string, flags: number, debug: boolean): IncomingParent | undefined {
  if (traceId.length !== 32 || spanId.length !== 16) return undefined
  beginHex()
  const [a, b, c, d] = [wordAt(traceId, 0), wordAt(traceId, 8), wordAt(traceId, 16), wordAt(traceId, 24)]
  const parent = new IncomingParent(a, b, c, d, wordAt(spanId, 0), wordAt(spanId, 8), flags, debug)
  return wasHex() && parent.isValid ? parent : undefined
}

/** The 32 digits of the trace id. */
export function traceIdHex(span: Pick<OutgoingPosition, 'traceA' | 'traceB' | 'traceC' | 'traceD'>): string {
  return hexOfWord(span.traceA) + hexOfWord(span.traceB) + hexOfWord(span.traceC) + hexOfWord(span.traceD)
}

/** The 16 digits of the span id. */
export function spanIdHex(span: Pick<OutgoingPosition, 'spanA' | 'spanB'>): string {
  return hexOfWord(span.spanA) + hexOfWord(span.spanB)
}
