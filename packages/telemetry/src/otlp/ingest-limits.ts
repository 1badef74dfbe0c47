// How much of one request is kept. What goes beyond is cut or left out and counted, because a sender without limits of its
// own must not fill the memory of the process that watches it.
import { OptionsError } from '@switchgear/core'

/** Bounds of what one request may bring in. */
export interface IngestLimits {
  /** Spans of a request; more are rejected, and the sender is told. Default 10 000. */
  readonly maxSpans: number
  /** Attributes of a span, an event, a link or a resource. Default 128, as in the OpenTelemetry specification. */
  readonly maxAttributes: number
  /** Events of a span. Default 128. */
  readonly maxEvents: number
  /** Links of a span. Default 128. */
  readonly maxLinks: number
  /** UTF-8 bytes of a name, a key or a text value; longer ones are cut. Default 32 768: a long stack trace has its place. */
  readonly maxTextBytes: number
  /** Elements of an array or a map within a value. Default 1024. */
  readonly maxElements: number
  /** Arrays and maps within each other in one value; what lies deeper is left out. Default 8. */
  readonly maxDepth: number
}

/** The defaults. */
export const ingestLimits: IngestLimits = Object.freeze({
  maxSpans: 10_000,
  maxAttributes: 128,
  maxEvents: 128,
  maxLinks: 128,
  maxTextBytes: 32_768,
  maxElements: 1024,
  maxDepth: 8,
})

/** The largest depth that may be asked for: each level is a call on the stack of the decoder. */
const deepest = 64

/** Limits with the defaults filled in. Throws `SG_BAD_OPTIONS` naming the limit. */
export function resolveLimits(given: Partial<IngestLimits>, path: string): IngestLimits {
  const limits = { ...ingestLimits, ...given }
  for (const [name, value] of Object.entries(limits) as [string, unknown][]) {
    if (!Object.hasOwn(ingestLimits, name)) {
      throw new OptionsError(`${path}.${name} is not an option; known are ${Object.keys(ingestLimits).join(', ')}`)
    }
    const most = name === 'maxDepth' ? deepest : Number.MAX_SAFE_INTEGER
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most) {
      const bound = name === 'maxDepth' ? `in [1, ${deepest}]` : '>= 1'
      throw new OptionsError(`${path}.${name} must be a whole number ${bound}, got ${String(value)}`)
    }
  }
  return limits
}
