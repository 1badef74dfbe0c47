// What a failed try means: for the policies, for the client and for the operator. Owns the line between the service's
// failures and the client's: whatever a client can cause by itself must never open a circuit that others depend on.
import { classifyHttp, failure, ignored, type Verdict } from '@switchgear/core'
import { errors } from 'undici'
import { Cut } from './cut.ts'
import { problem, type Problem } from './problem.ts'

/** How a request ends without a response of its service. */
export interface Failing {
  /** For gates and log. */
  readonly error: unknown
  /** For the client; undefined when there is nobody left to tell. */
  readonly problem: Problem | undefined
  /** Whether the service's fallback may answer instead: it failed or was refused, and the client did nothing wrong. */
  readonly replaceable: boolean
}

/** A failed try. */
export interface Fault extends Failing {
  readonly verdict: Verdict
}

/** Codes by which the HTTP engine says that the request itself cannot be sent. */
const clientsFault: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])
const tooLate: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT'])
const notHttp = /^(?:UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_|ERR_INVALID_CHAR|ERR_HTTP_INVALID)/
const noConnection =
  /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENOTFOUND|EAI_|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** Judges a try, or a wait before one, that ended without a response head. */
export function faultOf(error: unknown, service: string): Fault {
  if (error instanceof Cut) return faultOfCut(error, service)
  const code = codeOf(error)
  if (clientsFault.has(code)) {
    const bad = problem('SG_BAD_REQUEST', 'The request cannot be forwarded: a field or its length is not valid.', {
      service,
    })
    return { verdict: ignored, error, problem: bad, replaceable: false }
  }
  // One classifier judges what a service does, here and in the client; it sees the error as the wire gave it.
  const verdict = classifyHttp.ofError?.(error) ?? failure
  return { verdict, error, problem: problemOfWire(error, code, service), replaceable: true }
}

function faultOfCut(cut: Cut, service: string): Fault {
  if (cut.reason === 'deadline') {
    const late = problem('SG_TIMEOUT', `The service "${service}" did not answer in time.`, { service })
    return { verdict: failure, error: cut.cause ?? cut, problem: late, replaceable: true }
  }
  return { verdict: ignored, error: cut, problem: problemOfClient(cut), replaceable: false }
}

function problemOfClient({ reason }: Cut): Problem | undefined {
  if (reason === 'client stalled')
    return problem('SG_REQUEST_TIMEOUT', 'The body of the request did not arrive in time.')
  if (reason === 'client broken') return problem('SG_BAD_REQUEST', 'The body of the request is not valid HTTP/1.1.')
  return undefined
}

function problemOfWire(error: unknown, code: string, service: string): Problem {
  if (tooLate.has(code)) return problem('SG_TIMEOUT', `The service "${service}" did not answer in time.`, { service })
  // The engine gives the parser's errors no code of their own.
  const bad = error instanceof errors.HTTPParserError || notHttp.test(code)
  if (bad) return problem('SG_BAD_RESPONSE', `The service "${service}" did not answer in HTTP.`, { service })
  return noConnection.test(code)
    ? problem('SG_UNREACHABLE', `The service "${service}" cannot be reached.`, { service })
    : problem('SG_CONNECTION_LOST', `The service "${service}" broke off before it answered.`, { service })
}

/** A host with several addresses gives one error for all of them; the first stands for the rest. */
function codeOf(error: unknown): string {
  const one: unknown = error instanceof AggregateError ? error.errors[0] : error
  const code: unknown = typeof one === 'object' && one !== null && 'code' in one ? one.code : undefined
  return typeof code === 'string' ? code : ''
}

/** For the log only: it may name addresses. Undefined where the exchange knows more: its client left, or it was stopped. */
export function reasonOf(error: unknown, endpoint: URL): string | undefined {
  if (!(error instanceof Cut)) return `${endpoint.origin}: ${describe(error)}`
  if (error.reason === 'deadline') return `${endpoint.origin}: ${describe(error.cause)}`
  return error.reason === 'client stalled' ? 'the client neither sent nor read' : undefined
}

/** For the log only: it may name addresses. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors.map(describe) : []
  return [error.message || error.name, ...inner].join('; ')
}
