// Why a request is not taken. Owns the refusals' statuses and the headers that belong to them; each message is for the developer
// of the sender, and holds nothing that was sent but the path.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp-response

/** Seconds after which a sender that was put off may come again. */
const retryAfterSeconds = '1'

/** A request that is answered with an error. */
export class Refusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The field of the message that is wrong, where it is one; '' otherwise. */
  readonly field: string

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}, field = '') {
    super(message)
    this.status = status
    this.headers = headers
    this.field = field
  }
}

/** 413. The rest of the body is not wanted, so the connection goes. */
export const tooLarge = (what: string, most: number): Refusal =>
  new Refusal(413, `${what} is larger than ${most} bytes: send smaller batches`, { connection: 'close' })

/** 408. */
export const tooSlow = (ms: number): Refusal =>
  new Refusal(408, `the body did not arrive within ${ms} ms`, { connection: 'close' })

/** 429: the receiver has enough to do. */
export const tooBusy = (): Refusal =>
  new Refusal(429, 'too much is in flight: come again later', { 'retry-after': retryAfterSeconds })

/** 503. */
export const unavailable = (message: string): Refusal => new Refusal(503, message, { 'retry-after': retryAfterSeconds })
