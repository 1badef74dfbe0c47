// What is told of one request on the wire when it is over, whichever face it was made through.

/** What is known of one exchange when it has ended: with its last byte, or when it was cut. */
export interface ClientExchange {
  readonly service: string
  readonly method: string
  /** Absent when no response came. */
  readonly status?: number
  /** Why it failed, such as `SG_TIMEOUT`; `aborted` when the caller gave up. With a status when the body broke. */
  readonly errorCode?: string
  readonly seconds: number
  /** 1 for the first request of a call; retries and hedges count on. */
  readonly attempt: number
}
