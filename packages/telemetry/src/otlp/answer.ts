// What a collector answered. Owns how an answer is judged: delivered, to be tried again, or refused for good. The rules are
// those of "OTLP/HTTP Response" in the OTLP specification. It must survive any bytes.
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { parseDuration } from '@switchgear/core'

/** An HTTP answer, read to its end. */
export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string | undefined
  readonly body: Uint8Array
}

/** What follows from an answer or from there being none. */
export type Verdict =
  /** `rejected` of the items were not taken; `message` is what the collector says about it, or what is odd about its answer. */
  | { readonly kind: 'delivered'; readonly rejected: number; readonly message: string }
  | { readonly kind: 'again'; readonly message: string; readonly waitMs: number | undefined; readonly atOnce?: boolean }
  | { readonly kind: 'refused'; readonly message: string }

/** The codes that the specification names; any other 4xx or 5xx is final. */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504])
/** A collector that asks for more is asked again after this, so that a wrong date does not end all export. */
const longestWaitMs = parseDuration('5m', 'longestWait')
const shownCharacters = 200

/** Judges an answer. `wallNowMs` is needed for a Retry-After that is a date. */
export function judge(answer: HttpAnswer, wallNowMs: number): Verdict {
  const { status } = answer
  if (status >= 200 && status < 300) return delivered(answer)
  const message = `${status}${said(failureMessage(answer))}`
  if (retryable.has(status)) {
    return { kind: 'again', message, waitMs: parseRetryAfter(answer.retryAfter, wallNowMs) }
  }
  return { kind: 'refused', message: status >= 300 && status < 400 ? `${status}: redirects are not followed` : message }
}

/** Milliseconds that a Retry-After asks for, seconds or a date (RFC 9110 section 10.2.3), at most five minutes. */
export function parseRetryAfter(text: string | undefined, wallNowMs: number): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - wallNowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), longestWaitMs)
}

/** A text of a stranger, made fit for a log line. */
export function shownText(text: string): string {
  return text
    .replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, shownCharacters)
}

function said(message: string): string {
  return message === '' ? '' : `: ${message}`
}

function delivered(answer: HttpAnswer): Verdict {
  try {
    const { count, text } = isJson(answer) ? partialOfJson(answer.body) : partialOfWire(answer.body)
    return { kind: 'delivered', rejected: count, message: shownText(text) }
  } catch {
    // The status said that it was taken; only the details cannot be read.
    return { kind: 'delivered', rejected: 0, message: `${answer.status} with a body that is no answer of OTLP` }
  }
}

interface Partial {
  readonly count: number
  readonly text: string
}

/** Export…ServiceResponse: field 1 is the partial success, of which 1 is the count and 2 the text, for every signal. */
function partialOfWire(body: Uint8Array): Partial {
  let count = 0
  let text = ''
  for (const [field, inner] of fields(body)) {
    if (field !== 1 || !(inner instanceof Uint8Array)) continue
    for (const [number, value] of fields(inner)) {
      if (number === 1) count = safeCount(value)
      if (number === 2) text = utf8(value)
    }
  }
  return { count, text }
}

function partialOfJson(body: Uint8Array): Partial {
  if (body.length === 0) return { count: 0, text: '' }
  const { partialSuccess } = JSON.parse(utf8(body)) as { partialSuccess?: Readonly<Record<string, unknown>> | null }
  const count = partialSuccess?.rejectedSpans ?? partialSuccess?.rejectedDataPoints ?? 0
  const text = partialSuccess?.errorMessage
  return { count: safeCount(count), text: typeof text === 'string' ? text : '' }
}

/** The `message` of google.rpc.Status: field 2. Proxies answer with what they like, so a plain text is taken too. */
function failureMessage(answer: HttpAnswer): string {
  const { body, contentType } = answer
  if (contentType.startsWith('text/plain')) return shownText(utf8(body.subarray(0, 4 * shownCharacters)))
  try {
    if (isJson(answer)) {
      const { message } = JSON.parse(utf8(body)) as { message?: unknown }
      return typeof message === 'string' ? shownText(message) : ''
    }
    if (!contentType.startsWith('application/x-protobuf')) return ''
    for (const [field, value] of fields(body)) if (field === 2) return shownText(utf8(value))
    return ''
  } catch {
    // A failure without a readable message is still that failure.
    return ''
  }
}

function isJson({ contentType }: HttpAnswer): boolean {
  return contentType.startsWith('application/json')
}

/** The fields of a message: varints and bytes; others are passed over. Throws where the bytes are no message. */
function* fields(bytes: Uint8Array): Generator<readonly [number, bigint | string | Uint8Array]> {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (type === 0) yield [field, reader.int64()]
    else if (type === 2) yield [field, reader.bytes()]
    else reader.skip(type, field)
  }
}

function safeCount(value: unknown): number {
  const count = Number(value)
  return Number.isSafeInteger(count) && count > 0 ? count : 0
}

function utf8(value: bigint | string | Uint8Array): string {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString() : ''
}
