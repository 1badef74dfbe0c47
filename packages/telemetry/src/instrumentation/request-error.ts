// What an error is called in `error.type`: one of few values, never a message.
import { SwitchgearError } from '@switchgear/core'

const wellFormed = /^[\w.:-]{1,64}$/

/**
 * `error.type` of whatever was thrown, or of a value that is a failure: our code, the error's code, the status of a response, or
 * the name of the error's class; never its message. `_OTHER` where there is none of them.
 *
 * @example
 * errorType(new TypeError('no')) // 'TypeError'
 */
export function errorType(error: unknown): string {
  if (error instanceof SwitchgearError) return error.code
  if (typeof error !== 'object' || error === null) return '_OTHER'
  const { code, status, name } = error as {
    readonly code?: unknown
    readonly status?: unknown
    readonly name?: unknown
  }
  // A DOMException has a code, too, but it is the number of a list that nobody knows; its name says what it is.
  for (const candidate of error instanceof DOMException ? [name] : [code, status, name]) {
    const text = typeof candidate === 'number' ? String(candidate) : candidate
    if (typeof text === 'string' && wellFormed.test(text)) return text
  }
  return '_OTHER'
}

/**
 * Whether the caller itself ended the request, which is no error.
 *
 * Source: OpenTelemetry semantic conventions for HTTP spans, "Status".
 */
export function isCancellation(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, name } = error as { code?: unknown; name?: unknown }
  return name === 'AbortError' || code === 'ABORT_ERR' || code === 'UND_ERR_ABORTED'
}
