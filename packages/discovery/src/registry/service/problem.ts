// Answers, and errors as answers: problem details with our code (RFC 9457). Invariant: of an error that is not ours, nothing is
// told but that there was one.
import { STATUS_CODES } from 'node:http'
import { SwitchgearError } from '@switchgear/core'
import { ServiceRefusal } from './errors.ts'

/** An answer that is ready to be written. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Statuses of the codes that the books refuse with; what is not here is a bound of theirs. */
const statuses: Readonly<Record<string, number>> = {
  SG_BAD_OPTIONS: 400,
  SG_WRONG_SECRET: 403,
  SG_NOT_REGISTERED: 404,
  SG_STALE_REGISTRATION: 409,
}

/** JSON. Never kept by anybody in between: it is about now, and may hold a secret. */
export function json(status: number, value: object): Answer {
  return answer(status, 'application/json', JSON.stringify(value))
}

/** 204. */
export function nothing(): Answer {
  return { status: 204, headers: { 'cache-control': 'no-store' }, body: '' }
}

/** The answer to a request that failed. */
export function problem(error: unknown): Answer {
  if (error instanceof ServiceRefusal) return problemOf(error.status, error.code, error.message, error.headers)
  if (error instanceof SwitchgearError)
    return problemOf(statuses[error.code] ?? 503, error.code, error.message, { 'retry-after': '1' })
  return problemOf(500, undefined, 'the registry failed; its log says why', {})
}

/** Whether an error is one that its peer has made, and not ours to look into. */
export function isExpected(error: unknown): boolean {
  return error instanceof SwitchgearError
}

function problemOf(
  status: number,
  code: string | undefined,
  detail: string,
  headers: Readonly<Record<string, string>>,
): Answer {
  const { 'retry-after': retryAfter, ...others } = headers
  const more = retryAfter === undefined || status < 429 ? others : headers
  const body = JSON.stringify({ title: STATUS_CODES[status], status, code, detail: detail.slice(0, 1000) })
  return answer(status, 'application/problem+json', body, more)
}

function answer(status: number, type: string, body: string, more: Readonly<Record<string, string>> = {}): Answer {
  const headers = {
    'content-type': type,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  }
  return { status, headers: { ...headers, 'x-content-type-options': 'nosniff', ...more }, body }
}
