// Every answer that the gateway gives in its own name, as RFC 9457 problem details. Owns the codes of the gateway, their
// status and what is said about them. A client is not trusted: a problem names services and policies, never an address.
import type { ErrorEntry, SwitchgearError } from '@switchgear/core'

/** A problem before it is written. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  /** One sentence about this occurrence. */
  readonly detail: string
  /** The service that the request was for, where it came so far. */
  readonly service?: string | undefined
  /** Further header fields of the answer, flat. */
  readonly headers?: readonly string[] | undefined
}

const entries = {
  SG_BAD_REQUEST: [400, 'The request is not valid HTTP.', 'The client broke a rule of HTTP/1.1; `detail` names it.'],
  SG_BAD_PATH: [
    400,
    'The path is not acceptable.',
    'Paths are normalised once; spellings that servers read differently are refused. `detail` names the rule.',
  ],
  SG_NO_ROUTE: [404, 'No route leads there.', 'No `gateway.routes[].path` is a prefix of the path, in whole segments.'],
  SG_METHOD_NOT_ALLOWED: [
    405,
    'The route does not serve this method.',
    'The field `Allow` lists the methods that it does serve: `gateway.routes[].methods`.',
  ],
  SG_REQUEST_TIMEOUT: [
    408,
    'The request did not arrive in time.',
    'The client was too slow to send its head or body. It is not a failure of the service and counts for no circuit.',
  ],
  SG_EXPECTATION_FAILED: [417, 'The expectation cannot be met.', 'Only `Expect: 100-continue` is understood.'],
  SG_HEADERS_TOO_LARGE: [431, 'The head of the request is too large.', 'Request line and fields may have 16 KiB together.'],
  SG_INTERNAL: [500, 'The gateway failed.', 'A defect of the gateway itself. Its log has the error, by trace id.'],
  SG_NOT_IMPLEMENTED: [
    501,
    'The gateway does not do that.',
    'Protocol upgrades (WebSocket), CONNECT and transfer codings other than chunked are not forwarded.',
  ],
  SG_UNREACHABLE: [
    502,
    'No connection to the service.',
    'The endpoint refused the connection or could not be found. The log has its address and the reason.',
  ],
  SG_CONNECTION_LOST: [
    502,
    'The service broke off.',
    'The connection ended before a complete response head. The log has address and reason.',
  ],
  SG_BAD_RESPONSE: [502, 'The service did not answer in HTTP.', 'The log has the address and where it broke the rules.'],
  SG_TIMEOUT: [
    504,
    'The service did not answer in time.',
    'A timeout of the pipeline, or the time to connect, passed before the response head. It counts as a failure.',
  ],
} as const satisfies Record<string, readonly [status: number, title: string, advice: string]>

/** A code that the gateway itself gives. */
export type GatewayCode = keyof typeof entries

/** What the documentation says of the gateway's own codes. */
export const gatewayErrors: readonly ErrorEntry[] = Object.entries(entries).map(([code, [, title, advice]]) => {
  return { code: code as GatewayCode, title, advice }
})

/** A problem with one of the gateway's own codes. */
export function problem(
  code: GatewayCode,
  detail: string,
  more: Pick<Problem, 'service' | 'headers'> = {},
): Problem {
  const [status, title] = entries[code]
  return { status, code, title, detail, ...more }
}

/** The status of an answer that a policy caused; every other refusal is 503. */
const policyStatus: ReadonlyMap<string, number> = new Map([
  ['SG_TIMEOUT', 504],
  ['SG_DEADLINE_EXCEEDED', 504],
])

/**
 * A refusal by a policy. A 503 always says when to come back: what the policy knows, in whole seconds rounded up, and at
 * least 1, because 0 would call for a retry storm.
 */
export function refusal(error: SwitchgearError, service: string): Problem {
  const status = policyStatus.get(error.code) ?? 503
  const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000))
  const title = status === 504 ? 'The service did not answer in time.' : 'The service is protected and not called now.'
  return {
    status,
    code: error.code,
    title,
    detail: error.message,
    service,
    headers: status === 503 ? ['retry-after', String(seconds)] : undefined,
  }
}

/** The body of the answer. `instance` identifies the occurrence in the log: the trace id. */
export function problemBody({ status, code, title, detail, service }: Problem, traceId: string | undefined): string {
  const instance = traceId === undefined ? undefined : `urn:trace:${traceId}`
  return `${JSON.stringify({ type: `urn:switchgear:${code}`, title, status, detail, instance, code, service })}\n`
}
