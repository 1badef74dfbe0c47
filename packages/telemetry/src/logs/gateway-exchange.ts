// What the gateway says of a request when it is over, as facts for an access log. Invariant: a status that nobody received is not
// logged as one.
import type { AccessFacts } from './access-record.ts'

/** What the gateway tells its `log` option; seconds are those from the head of the request to the end of the response. */
export interface GatewayExchange {
  readonly method: string
  readonly route: string | undefined
  readonly service: string | undefined
  /** 499 when it was never answered. */
  readonly status: number
  readonly seconds: number
  readonly traceId: string
  readonly attempts: number
  /** Code of the problem, also when a fallback answered in its place. */
  readonly code: string | undefined
  /** Whether the response was begun and not completed. */
  readonly cut: boolean
  readonly reason: string | undefined
}

/** The status by which the gateway says that there was none. */
const unanswered = 499

/**
 * The facts of a request that the gateway has served. `switchgear.error.code` stands also where a fallback answered.
 *
 * @example
 * gateway({ routes, services, log: (record) => accessLog.write(exchangeFacts(record)) })
 */
export function exchangeFacts(exchange: GatewayExchange): AccessFacts {
  const { method, route, service, status, seconds, traceId, attempts, code, cut, reason } = exchange
  // A service may answer 499 as well: that one came with no reason.
  const answered = status !== unanswered || reason === undefined
  const failed = !answered || cut
  return {
    method,
    route,
    status: answered ? status : undefined,
    durationMs: seconds * 1000,
    traceId,
    errorType: failed ? (code ?? 'aborted') : status >= 500 ? code : undefined,
    extra: {
      'switchgear.service': service,
      'switchgear.attempts': attempts,
      'switchgear.error.code': code,
      'switchgear.reason': reason,
    },
  }
}
