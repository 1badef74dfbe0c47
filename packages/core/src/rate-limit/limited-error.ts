// What a caller gets when the quota is used up, and the header fields by which a server tells its clients about quotas
// (draft-ietf-httpapi-ratelimit-headers-11, structured fields of RFC 9651). The key of the call stands in neither: it
// may be a secret.
import type { Clock } from '../clock.ts'
import { type ErrorEntry, type ErrorParts, SwitchgearError } from '../errors.ts'
import type { RateLimitRule } from './store.ts'

/** What is documented of `SG_RATE_LIMITED`. */
export const rateLimitedEntry: ErrorEntry = {
  code: 'SG_RATE_LIMITED',
  title: 'The quota of calls is used up.',
  advice:
    'More calls came for this key than `limit` per `window`. Wait `retryAfterMs`, spread the calls, or raise ' +
    '`limit`, or `burst` where they come in rushes. A server answers 429 with the fields in `rateLimit`.',
}

/** Values of the two header fields for responses. */
export interface RateLimitFields {
  /** Of `RateLimit-Policy`, like `"default";q=100;w=60`. */
  readonly policy: string
  /** Of `RateLimit`, like `"default";r=0;t=30`. */
  readonly limit: string
}

/** The name of a policy as a structured string, which is ASCII. */
export function quote(name: string): string {
  return `"${name.replaceAll(/[^ -~]/g, '?').replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/**
 * The fields when `remaining` calls are left. `t` is the time in which a client should not make more than those: as
 * long as they last at the rate of the rule, or, when there are none, until there is one (`retryAfterMs`). So a client
 * that spreads the calls keeps the rate, and a `Retry-After` of the same refusal never names an earlier moment.
 */
export function fieldsOf(
  label: string,
  { limit, windowMs }: RateLimitRule,
  remaining: number,
  retryAfterMs: number,
): RateLimitFields {
  const spanMs = remaining > 0 ? (remaining * windowMs) / limit : retryAfterMs
  return {
    policy: `${label};q=${limit};w=${seconds(windowMs)}`,
    limit: `${label};r=${remaining};t=${seconds(spanMs)}`,
  }
}

/** Rounded up, and at most what a structured integer holds. */
function seconds(ms: number): number {
  return Math.min(Math.ceil(ms / 1000), 999_999_999_999_999)
}

/** What an error needs to tell later what it told at once. */
export interface LimitTerms {
  readonly clock: Clock
  /** When another call has a chance, by `clock`. */
  readonly until: number
  /** The quoted name. */
  readonly label: string
  readonly rule: RateLimitRule
}

/** `SG_RATE_LIMITED`: the quota of the key is used up. */
export class RateLimitedError extends SwitchgearError {
  readonly #terms: LimitTerms

  constructor(message: string, parts: ErrorParts, terms: LimitTerms) {
    super('SG_RATE_LIMITED', message, parts)
    this.#terms = terms
  }

  /** Milliseconds until another call of this key has a chance. */
  override get retryAfterMs(): number {
    return Math.max(0, this.#terms.until - this.#terms.clock.now())
  }

  /** What a server's answer to the refused call should carry. */
  get rateLimit(): RateLimitFields {
    return fieldsOf(this.#terms.label, this.#terms.rule, 0, this.retryAfterMs)
  }
}
