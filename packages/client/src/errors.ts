// What can go wrong between a call and its answer, each with a code. Every message names the service and, where there was
// one, the endpoint; the cause is kept. Invariant: no header, body or credential ever stands in a message.
import { type ErrorEntry, OptionsError, SwitchgearError } from '@switchgear/core'
import { nearest } from './nearest.ts'

/** What is documented of `SG_UNKNOWN_SERVICE`. */
export const unknownService: ErrorEntry = {
  code: 'SG_UNKNOWN_SERVICE',
  title: 'No service of this name is configured.',
  advice:
    'The message lists the known names and the one that is nearest. Check the spelling, or add the service to `services`.',
}

/** What is documented of `SG_UNREACHABLE`. */
export const unreachable: ErrorEntry = {
  code: 'SG_UNREACHABLE',
  title: 'No connection to the endpoint could be made.',
  advice:
    'Nothing was sent. The cause says why: refused means that nobody listens on that port, a name that is not found is a matter of DNS, ' +
    'a certificate error one of TLS. Check that the service runs and that its endpoint is right.',
}

/** What is documented of `SG_CONNECTION_LOST`. */
export const connectionLost: ErrorEntry = {
  code: 'SG_CONNECTION_LOST',
  title: 'The connection broke before the response began.',
  advice:
    'The request may or may not have been carried out, so only what is safe to repeat is tried again. ' +
    'The service crashed, restarted, or closed an idle connection at the moment in which it was used.',
}

/** What is documented of `SG_BAD_RESPONSE`. */
export const badResponse: ErrorEntry = {
  code: 'SG_BAD_RESPONSE',
  title: 'What the endpoint answered is not a valid HTTP response.',
  advice: 'The cause says where it broke the rules. Often something that is not an HTTP server listens on that port.',
}

/** What is documented of `SG_RESPONSE_CUT`. */
export const responseCut: ErrorEntry = {
  code: 'SG_RESPONSE_CUT',
  title: 'The response broke off in the middle of its body.',
  advice:
    'Its head had arrived, so the call had already answered; the reader of the body gets this error. ' +
    "It counts as one further failure for the service's circuit breaker. What was read so far is incomplete.",
}

/** What is documented of `SG_CLIENT_CLOSED`. */
export const clientClosed: ErrorEntry = {
  code: 'SG_CLIENT_CLOSED',
  title: 'The client was closed.',
  advice: 'Close a client after the last call has ended: stop taking work first, then let it finish, then close.',
}

/** The entries of this package for the table of all codes. */
export const clientErrors: readonly ErrorEntry[] = [
  unknownService,
  unreachable,
  connectionLost,
  badResponse,
  responseCut,
  clientClosed,
]

/** Names in a message; a fleet may have hundreds of services. */
const mostListed = 20

/** `name` is not among `known`. */
export function unknownServiceError(name: string, known: readonly string[]): SwitchgearError {
  const near = nearest(name, known)
  const listed =
    known.slice(0, mostListed).join(', ') + (known.length > mostListed ? `, and ${known.length - mostListed} more` : '')
  const parts = [
    `unknown service '${name}'`,
    near === undefined ? [] : `did you mean '${near}'?`,
    known.length === 0 ? 'no service is configured' : `known are ${listed}`,
  ]
  return new SwitchgearError(unknownService.code, parts.flat().join('; '))
}

/** The client of `service` was closed. */
export function closedError(service: string): SwitchgearError {
  return new SwitchgearError(clientClosed.code, `${service}: the client was closed`, { pipeline: service })
}

/** The body of a response of `service` broke off. */
export function cutError(service: string, endpoint: URL, cause: unknown): SwitchgearError {
  const message = `${service}: the response of ${endpoint.origin} was cut in the middle of its body: ${reason(cause)}`
  return new SwitchgearError(responseCut.code, message, { pipeline: service, cause })
}

/** Nobody knows where instances of the service are. */
export function noEndpointError(service: string): SwitchgearError {
  return new SwitchgearError('SG_NO_ENDPOINT', `${service}: no endpoint is known`, { pipeline: service })
}

/** A response that is a failure by its status: the cause of what follows from it, when retries or the circuit end the call. */
export function failedResponseError(
  service: string,
  endpoint: URL,
  status: number,
): SwitchgearError & { status: number } {
  const message = `${service}: ${endpoint.origin} answered ${status}`
  return Object.assign(new SwitchgearError('SG_FAILED_RESULT', message, { pipeline: service }), { status })
}

/** What the endpoint sent cannot be handed out as a response. */
export function badResponseError(service: string, endpoint: URL, cause: unknown): SwitchgearError {
  const message = `${service}: ${endpoint.origin} did not answer with a valid HTTP response: ${reason(cause)}`
  return new SwitchgearError(badResponse.code, message, { pipeline: service, cause })
}

/** Codes by which undici says that the request itself was wrong: nobody's failure but the caller's. */
const callersFault: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])
const brokenGrammar: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])
const neverSecured = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/**
 * Names what went wrong on the wire before a response began. An `OptionsError` means that the caller's request was wrong. `unsent`:
 * it is known that nothing of the request went out; else that is told from the cause.
 */
export function wireError(service: string, endpoint: URL, cause: unknown, unsent = false): SwitchgearError {
  const code = text(cause, 'code')
  if (callersFault.has(code)) return new OptionsError(`${service}: the request cannot be sent: ${reason(cause)}`)
  if (text(cause, 'name') === 'HTTPParserError') {
    // It carries what was received, which may be anything.
    Reflect.deleteProperty(cause as object, 'data')
    return badResponseError(service, endpoint, cause)
  }
  if (brokenGrammar.has(code)) return badResponseError(service, endpoint, cause)
  const connecting = unsent || isConnectError(cause) || neverSecured.test(code)
  const message = connecting
    ? `${service}: ${endpoint.origin} could not be reached: ${reason(cause)}`
    : `${service}: the connection to ${endpoint.origin} broke before a response: ${reason(cause)}`
  return new SwitchgearError(connecting ? unreachable.code : connectionLost.code, message, { pipeline: service, cause })
}

/**
 * Whether an error of the HTTP engine is that of making a connection (refused, no such name, too late), so that nothing of the request
 * was sent on it.
 */
export function isConnectError(error: unknown): boolean {
  // A host with several addresses gives one error for all of them.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  return (
    ['connect', 'getaddrinfo'].includes(text(first, 'syscall')) || text(first, 'code') === 'UND_ERR_CONNECT_TIMEOUT'
  )
}

/** How an exchange that ended with `error` is counted. */
export function errorCodeOf(error: unknown): string {
  return error instanceof SwitchgearError ? error.code : 'aborted'
}

function reason(cause: unknown): string {
  return text(cause, 'message') || text(cause, 'code') || String(cause)
}

function text(of: unknown, key: 'code' | 'message' | 'name' | 'syscall'): string {
  const value: unknown = typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[key] : undefined
  return typeof value === 'string' ? value : ''
}
