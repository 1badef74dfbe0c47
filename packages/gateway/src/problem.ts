// Every answer that the gateway gives in its own name, as RFC 9457 problem details. Owns the codes of the gateway, their
// status and what is said about them. A client is not trusted: a problem names services and policies, never an address.
import { type ErrorEntry, RateLimitedError, type SwitchgearError } from '@switchgear/core'

/** A problem before it is written. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  /** One sentence about this occurrence. */
  readonly detail: string
  /** The service that the request was for, where it came so far. */
  readonly service?: string | undefined
  /** Further header fields of the answer, flat, names in lower case. */
  readonly headers?: readonly string[] | undefined
}

/** A code that only the gateway gives. */
export type GatewayCode =
  | 'SG_BAD_PATH'
  | 'SG_BAD_REQUEST'
  | 'SG_CANNOT_LISTEN'
  | 'SG_EXPECTATION_FAILED'
  | 'SG_HEADERS_TOO_LARGE'
  | 'SG_INTERNAL'
  | 'SG_METHOD_NOT_ALLOWED'
  | 'SG_NO_ROUTE'
  | 'SG_NOT_IMPLEMENTED'
  | 'SG_REQUEST_TIMEOUT'

/** A code of the lower floors for which the gateway has an HTTP status. */
type LowerCode = 'SG_BAD_RESPONSE' | 'SG_CONNECTION_LOST' | 'SG_TIMEOUT' | 'SG_UNREACHABLE'

/** What the documentation says of the gateway's own codes. */
export const gatewayErrors: readonly (ErrorEntry & { readonly code: GatewayCode })[] = [
  {
    code: 'SG_BAD_PATH',
    title: 'The path is not acceptable.',
    advice: 'Paths are normalised once; spellings that servers read differently are refused. `detail` names the rule.',
  },
  {
    code: 'SG_BAD_REQUEST',
    title: 'The request is not valid HTTP.',
    advice: 'The client broke a rule of HTTP/1.1; `detail` names it.',
  },
  {
    code: 'SG_CANNOT_LISTEN',
    title: 'The gateway cannot listen on its address.',
    advice:
      'The message names port, host and reason. A port in use belongs to another program, often an earlier start of this one: ' +
      'end that, or set `gateway.port`; 0 takes a free port.',
  },
  {
    code: 'SG_EXPECTATION_FAILED',
    title: 'The expectation cannot be met.',
    advice: 'Only `Expect: 100-continue` is understood.',
  },
  {
    code: 'SG_HEADERS_TOO_LARGE',
    title: 'The head of the request is too large.',
    advice: 'Request line and fields may have 16 KiB together. Large cookies are the usual cause.',
  },
  {
    code: 'SG_INTERNAL',
    title: 'The gateway failed.',
    advice: 'A defect of the gateway itself. Its log has the error, under the trace id that `instance` names.',
  },
  {
    code: 'SG_METHOD_NOT_ALLOWED',
    title: 'The route does not serve this method.',
    advice:
      'The field `Allow` lists those it serves: `gateway.routes[].methods`. The longest prefix decides, whatever the method.',
  },
  {
    code: 'SG_NO_ROUTE',
    title: 'No route leads there.',
    advice: 'No `gateway.routes[].path` is a prefix of the path, in whole segments. Add a route, or one for `/`.',
  },
  {
    code: 'SG_NOT_IMPLEMENTED',
    title: 'The gateway does not do that.',
    advice: 'Protocol upgrades (WebSocket), CONNECT and transfer codings other than chunked are not forwarded.',
  },
  {
    code: 'SG_REQUEST_TIMEOUT',
    title: 'The request did not arrive in time.',
    advice:
      'The client was too slow to send its head or body: `gateway.requestTimeout`, `gateway.stallTimeout` or a total timeout of the ' +
      'service. It is not a failure of the service and counts for no circuit.',
  },
]

const statuses: Readonly<Record<GatewayCode | LowerCode, number>> = {
  SG_BAD_PATH: 400,
  SG_BAD_REQUEST: 400,
  SG_BAD_RESPONSE: 502,
  SG_CANNOT_LISTEN: 500,
  SG_CONNECTION_LOST: 502,
  SG_EXPECTATION_FAILED: 417,
  SG_HEADERS_TOO_LARGE: 431,
  SG_INTERNAL: 500,
  SG_METHOD_NOT_ALLOWED: 405,
  SG_NO_ROUTE: 404,
  SG_NOT_IMPLEMENTED: 501,
  SG_REQUEST_TIMEOUT: 408,
  SG_TIMEOUT: 504,
  SG_UNREACHABLE: 502,
}

/** Titles in the words of who asks from outside; the lower floors document their codes for those inside. */
const titles: ReadonlyMap<string, string> = new Map<string, string>([
  ...gatewayErrors.map(({ code, title }): [string, string] => [code, title]),
  ['SG_BAD_RESPONSE', 'The service did not answer in HTTP.'],
  ['SG_CONNECTION_LOST', 'The service broke off.'],
  ['SG_DEADLINE_EXCEEDED', 'The service did not answer in time.'],
  ['SG_NO_ENDPOINT', 'The service has no instance that could answer.'],
  ['SG_RATE_LIMITED', 'There were more requests than are allowed in this time.'],
  ['SG_TIMEOUT', 'The service did not answer in time.'],
  ['SG_UNREACHABLE', 'The service cannot be reached.'],
])

/** A problem with one of the codes that have a status of their own. */
export function problem(
  code: GatewayCode | LowerCode,
  detail: string,
  more: Pick<Problem, 'service' | 'headers'> = {},
): Problem {
  return { status: statuses[code], code, title: titles.get(code) ?? code, detail, ...more }
}

/**
 * A refusal by a policy. It always says when to come back: what the policy knows, in whole seconds rounded up, and at least 1,
 * because 0 would call for a retry storm. A rate limit answers 429 and says what it allows.
 */
export function refusal(error: SwitchgearError, service: string): Problem {
  const { code, message, retryAfterMs = 0 } = error
  const title = titles.get(code) ?? 'The service is protected and not called now.'
  const told = { code, title, detail: message, service }
  if (code === 'SG_TIMEOUT' || code === 'SG_DEADLINE_EXCEEDED') return { ...told, status: 504 }
  const headers = ['retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000)))]
  if (!(error instanceof RateLimitedError)) return { ...told, status: 503, headers }
  const { policy, limit } = error.rateLimit
  return { ...told, status: 429, headers: [...headers, 'ratelimit-policy', policy, 'ratelimit', limit] }
}

/** The body of the answer. `instance` names the occurrence as the log does: by trace id. */
export function problemBody({ status, code, title, detail, service }: Problem, traceId: string | undefined): string {
  const instance = traceId === undefined ? undefined : `urn:trace:${traceId}`
  return `${JSON.stringify({ type: `urn:switchgear:${code}`, title, status, detail, instance, code, service })}\n`
}
