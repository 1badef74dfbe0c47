// What a failed try means: for the policies, for the client and for the operator. Owns the line between the service's
// failures and the client's: whatever a client can cause by itself must never open a circuit that others depend on.
import { classifyHttp, failure, ignored, SwitchgearError, type Verdict } from '@switchgear/core'
import { Cut } from './cut.ts'
import { problem, type Problem } from './problem.ts'

/** A failed try. */
export interface Fault {
  readonly verdict: Verdict
  /** What the gates and the retry are told. */
  readonly error: unknown
  /** For the client; undefined when there is nobody to tell. */
  readonly problem: Problem | undefined
}

/** Codes by which the HTTP engine says that the request itself cannot be sent. */
const clientsFault: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])
const tooLate: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'])
const notHttp = /^(?:HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_|ERR_INVALID_CHAR|ERR_HTTP_INVALID)/
const noConnection = /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENOTFOUND|EAI_|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** Judges a try that ended without a response head. `clientWasSlow`: the service was waiting for the client's body. */
export function faultOf(error: unknown, service: string, clientWasSlow: boolean): Fault {
  if (error instanceof Cut) return faultOfCut(error, service, clientWasSlow)
  const code = codeOf(error)
  if (clientsFault.has(code)) {
    return { verdict: ignored, error, problem: problem('SG_BAD_REQUEST', `The request cannot be forwarded.`, { service }) }
  }
  // One classifier judges what reaches a service, here and in the client; it sees the error as the wire gave it.
  const verdict = classifyHttp.ofError?.(error) ?? failure
  return { verdict, error, problem: problemOfWire(code, error, service) }
}

function faultOfCut(cut: Cut, service: string, clientWasSlow: boolean): Fault {
  if (cut.reason === 'deadline' && !clientWasSlow) {
    const detail = `The service "${service}" did not answer in time.`
    const error = new SwitchgearError('SG_TIMEOUT', detail, { pipeline: service })
    return { verdict: failure, error, problem: problem('SG_TIMEOUT', detail, { service }) }
  }
  const slow = cut.reason === 'client stalled' || cut.reason === 'deadline'
  const late = slow ? problem('SG_REQUEST_TIMEOUT', 'The body of the request did not arrive in time.') : undefined
  return { verdict: ignored, error: cut, problem: late }
}

function problemOfWire(code: string, error: unknown, service: string): Problem {
  if (tooLate.has(code)) return problem('SG_TIMEOUT', `The service "${service}" did not answer in time.`, { service })
  if (notHttp.test(code)) return problem('SG_BAD_RESPONSE', `The service "${service}" did not answer in HTTP.`, { service })
  // A host with several addresses gives one error for all of them.
  const first = error instanceof AggregateError ? codeOf(error.errors[0]) : code
  return noConnection.test(first)
    ? problem('SG_UNREACHABLE', `The service "${service}" cannot be reached.`, { service })
    : problem('SG_CONNECTION_LOST', `The service "${service}" broke off before it answered.`, { service })
}

function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}

/** For the log only: it may name addresses. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors.map(describe).join(', ') : ''
  return [error.message || error.name, codeOf(error), inner].filter((part) => part !== '').join(' ')
}
