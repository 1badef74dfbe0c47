// What an HTTP response means to the policies. It looks at status and Retry-After only, on whatever carries them: a fetch
// `Response`, an undici or a node:http response.
import { type Classifier, failure, finalFailure, success, type Verdict } from './classify.ts'
import { parseHttpDate, systemClock } from './clock.ts'

/** The parts of a response that are read. */
export interface HttpResponseLike {
  readonly status?: number | undefined
  readonly statusCode?: number | undefined
  readonly headers?: unknown
  readonly body?: unknown
}

/**
 * 5xx, 408, 429 and connection errors are failures; of them 501 and 505 are not worth a retry. Every other status is a
 * success: the service works, the request was wrong.
 *
 * @example
 * const payments = pipeline({ classify: classifyHttp }, retry(), circuitBreaker(), timeout('800ms'))
 * const response = await payments.execute(({ signal }) => fetch(url, { signal }))
 */
export const classifyHttp: Classifier = Object.freeze({
  ofValue(response: HttpResponseLike): Verdict {
    const status = response?.status ?? response?.statusCode ?? 0
    if (status < 500 && status !== 408 && status !== 429) return success
    if (status === 501 || status === 505) return finalFailure
    const asked = retryAfterMs(response.headers)
    return asked === undefined ? failure : { outcome: 'failure', retryable: true, retryAfterMs: asked }
  },
  /** Cancels the body of a response that nobody reads, so that its connection goes back. */
  discard({ body }: HttpResponseLike): void {
    const { cancel, locked } = (body ?? {}) as { cancel?: () => Promise<void>; locked?: boolean }
    // A body that is being read already belongs to its reader. A cancellation that rejects says that the body has failed by
    // itself: its connection is gone, which is all that was wanted, and nobody is left who asked for this response.
    if (typeof cancel === 'function' && locked !== true) cancel.call(body).catch(() => undefined)
  },
})

/** Milliseconds of a Retry-After header, in seconds or as a date (RFC 9110 section 10.2.3); undefined when absent or wrong. */
function retryAfterMs(headers: unknown): number | undefined {
  const text = headerOf(headers, 'retry-after')
  if (text === undefined) return undefined
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const at = parseHttpDate(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - systemClock.wallNow())
}

function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined
  const { get } = headers as { get?: unknown }
  const value: unknown =
    typeof get === 'function' ? get.call(headers, name) : (headers as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : undefined
}
