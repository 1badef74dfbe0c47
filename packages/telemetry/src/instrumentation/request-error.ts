// What an error is called in `error.type`: one of few values, never a message.

/** The code of an error where it has one, else its class; `_OTHER` for what is no error. */
export function errorTypeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER'
  const { code, name } = error as { code?: unknown; name?: unknown }
  if (typeof code === 'string' && code !== '') return code
  return typeof name === 'string' && name !== '' ? name : '_OTHER'
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
