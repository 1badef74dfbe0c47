// One request and its response on the wire: the request is sent, the head comes back, or it is cut off. It goes through
// undici's `request` and not its `fetch`: a guarded call must not follow a redirect to a host without policies, nothing is
// decompressed behind the caller's back, and what a `Response` costs is paid once, for the one handed out. Invariant: whoever cuts it is answered at once; it is
// reported exactly once; a body that nobody wants gives its connection back.
import type { Readable } from 'node:stream'
import type { Clock, Outcome } from '@switchgear/core'
import type { Departure, Hop } from '@switchgear/telemetry'
import type { Dispatcher } from 'undici'
import { badResponseError, wireError } from './errors.ts'
import type { Outgoing } from './request.ts'
import type { Upstream } from './upstream.ts'

/** What is known of one exchange when it has ended: with its last byte, or when it was cut. */
export interface ClientExchange {
  readonly service: string
  readonly method: string
  /** Absent when no response came. */
  readonly status?: number
  /** Why it failed, such as `SG_TIMEOUT`; `aborted` when the caller gave up. With a status when the body broke. */
  readonly errorCode?: string
  readonly seconds: number
  /** 1 for the first try of a call. */
  readonly attempt: number
}

/** The head of a response, and its body still to come. */
export interface Head {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly body: Readable & { dump(options: { limit: number }): Promise<void> }
}

/** What an exchange needs of its call. */
export interface ExchangeContext {
  readonly upstream: Upstream
  readonly outgoing: Outgoing
  /** Where the call that this exchange is a part of stands in its trace. */
  readonly hop: Hop
  readonly clock: Clock
  readonly report: (exchange: ClientExchange) => void
}

/** So much of an unwanted body is read, so that a short one leaves its connection usable; then the connection is closed. */
const drainedBytes = 16_384
const drainMs = 1000
/** A body of which nothing has come for so long counts as broken. */
const idleBodyMs = 60_000
const phrase = /^[\t\x20-\x7e\x80-\xff]*$/

/** One try on the wire. */
export class Exchange {
  readonly endpoint: URL
  /** How it was cut off, if it was. */
  cutAs: Outcome | undefined = undefined
  readonly #context: ExchangeContext
  readonly #attempt: number
  readonly #startedAt: number
  readonly #controller = new AbortController()
  readonly #departure: Departure
  #status: number | undefined = undefined
  #reported = false

  constructor(context: ExchangeContext, endpoint: URL, attempt: number) {
    this.#context = context
    this.endpoint = endpoint
    this.#attempt = attempt
    this.#startedAt = context.clock.now()
    const { method, path, headers } = context.outgoing
    this.#departure = context.hop.depart({
      service: context.upstream.name,
      method,
      endpoint,
      path,
      attempt,
      hasBaggage: headers.has('baggage'),
    })
  }

  /** Why it was cut off, if it was. */
  get reason(): unknown {
    return this.#controller.signal.reason
  }

  /** Sends the request. Rejects with a named error, or with the reason for which it was cut. */
  open(): Promise<Head> {
    const { signal } = this.#controller
    const { upstream } = this.#context
    return new Promise((resolve, reject) => {
      // Not left to undici: it hears of an abort only once a connection stands, and the caller must not wait for that.
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      upstream.dispatcher
        .request(this.#options())
        .catch((error: unknown) => Promise.reject(this.#named(error)))
        .then((response) => this.#head(response))
        .then(resolve, reject)
    })
  }

  /** Ends it now, whichever part is running; the body, if there is one already, fails with `reason`. */
  cut(outcome: Outcome, reason: unknown): void {
    this.cutAs ??= outcome
    this.#controller.abort(reason)
  }

  /** Frees the connection of a response whose body nobody wants. */
  discard({ body }: Head): void {
    this.end()
    const { clock } = this.#context
    const timer = clock.setTimer(
      () => this.#controller.abort(new Error('the rest of an unwanted body did not come')),
      drainMs,
    )
    // However it ends, its connection is free and nobody waits for it.
    const freed = (): void => timer.cancel()
    body.dump({ limit: drainedBytes }).then(freed, freed)
  }

  /** It is over; told once. */
  end(errorCode?: string): void {
    if (this.#reported) return
    this.#reported = true
    this.#departure.end(this.#status, errorCode)
    const { upstream, outgoing, clock, report } = this.#context
    report({
      service: upstream.name,
      method: outgoing.method,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(errorCode === undefined ? {} : { errorCode }),
      seconds: (clock.now() - this.#startedAt) / 1000,
      attempt: this.#attempt,
    })
  }

  #options(): Dispatcher.RequestOptions & { origin: URL; responseHeaders: 'raw' } {
    const { outgoing } = this.#context
    const headers = [...outgoing.headers, ...this.#departure.headers].flat()
    return {
      origin: this.endpoint,
      path: outgoing.path,
      // Undici types the methods it knows; it sends any token, and `shapeRequest` has checked that it is one.
      method: outgoing.method as Dispatcher.HttpMethod,
      headers,
      body: outgoing.source ?? (outgoing.body as Exclude<Dispatcher.RequestOptions['body'], undefined>),
      signal: this.#controller.signal,
      bodyTimeout: idleBodyMs,
      responseHeaders: 'raw',
    }
  }

  /** Web-standard parts of what undici answers. They are checked here, where a bad one still counts against the service. */
  #head(response: Dispatcher.ResponseData): Head {
    const { statusCode: status, statusText = '', body } = response
    try {
      if (status < 200 || status > 599) throw new RangeError(`status ${status}`)
      // With `responseHeaders: 'raw'` they come as name, value, name, value, which the types do not tell.
      const raw = response.headers as unknown as readonly string[]
      const headers = new Headers()
      for (let index = 0; index + 1 < raw.length; index += 2) headers.append(raw[index] ?? '', raw[index + 1] ?? '')
      this.#status = status
      return { status, statusText: phrase.test(statusText) ? statusText : '', headers, body }
    } catch (error) {
      body.on('error', () => undefined).destroy()
      throw badResponseError(this.#context.upstream.name, this.endpoint, error)
    }
  }

  /** What the caller shall receive for an error before the head. */
  #named(error: unknown): unknown {
    const { upstream, outgoing } = this.#context
    if (outgoing.source?.fault !== undefined) return outgoing.source.fault.error
    return wireError(upstream.name, this.endpoint, error)
  }
}
