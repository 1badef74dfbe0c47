// What went wrong with a source that is asked over HTTP, told so that an operator can act on it. Invariant: what the peer wrote is
// shown in a short printable excerpt, without anything that we told it in confidence.
import { type ErrorParts, SwitchgearError } from '@switchgear/core'

/** The parts of a `SourceError`. */
export interface SourceErrorParts extends Pick<ErrorParts, 'cause'> {
  /** The status of the answer, where there was one. */
  readonly status?: number | undefined
  /** Milliseconds after which the source wants to be asked again, where it said so. */
  readonly retryAfterMs?: number | undefined
}

/**
 * A source does not answer, or not with sense.
 *
 * @example
 * throw new SourceError('SG_CONSUL_FAILED', 'consul: http://127.0.0.1:8500 answered 500: No cluster leader', { status: 500 })
 */
export class SourceError extends SwitchgearError {
  readonly status: number | undefined
  readonly #retryAfterMs: number | undefined

  constructor(code: string, message: string, parts: SourceErrorParts = {}) {
    super(code, message, parts)
    this.status = parts.status
    this.#retryAfterMs = parts.retryAfterMs
  }

  override get retryAfterMs(): number | undefined {
    return this.#retryAfterMs
  }
}

/** Characters of a peer's own words in a message. */
const longestExcerpt = 200

/** Words of a peer for a message: one line, printable, cut, and without `secret`. */
export function excerpt(text: string, secret?: string): string {
  const safe = secret === undefined || secret === '' ? text : text.replaceAll(secret, '[secret]')
  const line = safe.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > longestExcerpt ? `${line.slice(0, longestExcerpt)}...` : line
}

/** Milliseconds of a Retry-After header (RFC 9110 section 10.2.3) at wall time `wallNow`; undefined when it is none. */
export function retryAfter(header: string | undefined, wallNow: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - wallNow)
}
