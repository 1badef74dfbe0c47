// A response whose head is there and whose body is still to come. Owns the call's last stretch: the body goes to its reader
// or is discarded, and then everything the call holds is given back. A body that breaks, or that does not come in time, is
// one further failure of the service; one that its reader abandons, or is too slow to take, is not.
import type { Attempt, Outcome, SwitchgearError } from '@switchgear/core'
import { cutError, errorCodeOf } from './errors.ts'
import type { Exchange, Head } from './exchange.ts'
import type { Recording } from './last-good.ts'
import { type BodyOwner, ResponseBody } from './response-body.ts'
import type { Watch } from './watch.ts'

/** What the rest of the call is bound to. */
export interface Stretch {
  readonly service: string
  readonly method: string
  readonly exchange: Exchange
  readonly attempt: Attempt
  readonly watch: Watch
  /** Monotonic milliseconds by which the last byte must have come. */
  readonly deadline: number
  readonly expired: () => SwitchgearError
  /** Gives back everything, and says how the call ended; harmless when called again. */
  readonly finish: (outcome: Outcome, error?: unknown) => void
}

const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

/** Either `respond` or `discard` it; until then it holds its slot. */
export class Arrival implements BodyOwner {
  readonly kind = 'arrival'
  readonly head: Head
  readonly outcome: Outcome
  readonly #stretch: Stretch
  #recording: Recording | undefined = undefined

  constructor(head: Head, outcome: Outcome, stretch: Stretch) {
    this.head = head
    this.outcome = outcome
    this.#stretch = stretch
  }

  /** Nobody wants it. */
  discard(): void {
    this.#stretch.exchange.discard(this.head)
    this.#stretch.finish(this.outcome)
  }

  /** The response for the caller. `recording` gets a copy of the body. */
  respond(recording?: Recording): Response {
    const { exchange, watch, deadline, expired, method } = this.#stretch
    const { status, statusText, headers } = this.head
    this.#recording = recording
    const body = new ResponseBody(this.head.body, this)
    watch.over((outcome, reason) => exchange.cut(body.held ? 'ignored' : outcome, reason), deadline, expired)
    // Where HTTP knows no body the stream reads the end by itself.
    const empty = method === 'HEAD' || bodiless.has(status)
    return new Response(empty ? null : body.stream, { status, statusText, headers })
  }

  passed(chunk: Uint8Array): void {
    this.#recording?.add(chunk)
  }

  completed(): void {
    this.#recording?.finish()
    this.cancelled()
  }

  cancelled(): void {
    this.#stretch.exchange.end()
    this.#stretch.finish(this.outcome)
  }

  broke(cause: unknown): unknown {
    const { service, exchange, attempt, finish } = this.#stretch
    const error = exchange.cutAs === undefined ? cutError(service, exchange.endpoint, cause) : exchange.reason
    if (exchange.cutAs !== 'ignored') attempt.settle('failure', error)
    exchange.end(errorCodeOf(error))
    finish(exchange.cutAs === 'ignored' ? 'ignored' : 'failure', error)
    return error
  }
}
