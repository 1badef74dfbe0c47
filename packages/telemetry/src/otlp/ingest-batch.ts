// What one request brought in: the spans, and a count of everything that was left out. Both decoders fill one.
// Invariant: no text of it is longer than the limit, and none keeps the request's body alive.
import type { SpanData } from '../trace/span-data.ts'
import { ingestLimits, type IngestLimits } from './ingest-limits.ts'

/** How many different reasons a sender is told. */
const maxReasons = 3

/** A span, or a whole request, that does not mean anything. The message names the field and never its value. */
export class DecodeError extends Error {
  /** Where, such as `resourceSpans[0].scopeSpans[0].spans[2].traceId`; '' for the request as a whole. */
  readonly field: string

  constructor(field: string, what: string) {
    super(field === '' ? what : `${field} ${what}`)
    this.field = field
  }
}

/** The spans of one request. */
export class IngestBatch {
  readonly limits: IngestLimits
  readonly spans: SpanData[] = []
  /** Spans that were malformed, or more than `maxSpans`. */
  rejected = 0
  /** Attributes, events, links and elements of values beyond a limit; those of spans are counted in the spans as well. */
  dropped = 0
  /** Texts that were cut. */
  truncated = 0
  readonly #reasons = new Set<string>()

  constructor(limits: IngestLimits = ingestLimits) {
    this.limits = limits
  }

  /** Whether it has all the spans that one request may bring. */
  get isFull(): boolean {
    return this.spans.length >= this.limits.maxSpans
  }

  /** Counts a span that is not kept. */
  reject(reason: string, spans = 1): void {
    this.rejected += spans
    if (this.#reasons.size < maxReasons) this.#reasons.add(reason)
  }

  /** Counts a span for which there is no room. */
  rejectSurplus(): void {
    this.reject(`a request may bring ${this.limits.maxSpans} spans: send smaller batches`)
  }

  /** Why spans were rejected, for the developer of the sender; '' when none was. */
  get message(): string {
    return [...this.#reasons].join('; ')
  }

  /** A text within the limit, well-formed. */
  text(text: string): string {
    const { maxTextBytes } = this.limits
    const whole = text.isWellFormed() ? text : text.toWellFormed()
    // A UTF-16 unit is at most three bytes of UTF-8: most texts are short enough without counting.
    if (whole.length * 3 <= maxTextBytes || Buffer.byteLength(whole) <= maxTextBytes) return whole
    this.truncated++
    const bytes = Buffer.from(whole)
    return bytes.toString('utf8', 0, wholeUtf8(bytes, 0, maxTextBytes))
  }
}

/** The end of the longest run of whole characters of `bytes` that begins at `start` and has at most `most` bytes. */
export function wholeUtf8(bytes: Uint8Array, start: number, most: number): number {
  let end = start + most
  // A character has at most three continuation bytes, 10xxxxxx; bytes that are no UTF-8 are cut wherever.
  for (let back = 0; back < 3 && end > start && ((bytes[end] ?? 0) & 0xc0) === 0x80; back++) end--
  return end
}
