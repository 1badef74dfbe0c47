// What a protected server answers in its own name. Invariant: an answer names codes and never an address or a header.
import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { ErrorEntry, SwitchgearError } from '@switchgear/core'

/** The entries of this room for the table of all codes. */
export const protectErrors: readonly ErrorEntry[] = [
  {
    code: 'SG_CLIENT_LEFT',
    title: 'The client of a request has closed its connection.',
    advice:
      'The reason of `requestSignal(request)`: nobody waits for the answer any more, so whatever is still being done for it can stop.',
  },
]

/** Answers a refusal as RFC 9457 problem details. */
export function refuse(response: ServerResponse, status: number, error: SwitchgearError): void {
  const { code, retryAfterMs } = error
  const title = STATUS_CODES[status] ?? ''
  const body = JSON.stringify({ type: 'about:blank', title, status, code })
  response.statusCode = status
  response.setHeader('content-type', 'application/problem+json')
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-length', Buffer.byteLength(body))
  if (status === 503) response.setHeader('retry-after', Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1000)))
  response.end(body)
}
