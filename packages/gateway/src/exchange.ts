// One request of one client: its trace, its one timer, its end. Owns the client's side of the walk; knows nothing of
// services. Invariant: it is answered at most once, a disconnect aborts `signal` at once, and when it is over no listener of
// it is left on the connection. A response that was begun and cannot be completed is cut, never ended as if it were whole.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@switchgear/core'
import { Hop } from '@switchgear/telemetry'
import { Alarm } from './alarm.ts'
import { Cut } from './cut.ts'
import type { Origin } from './headers.ts'
import { problemBody, type Problem } from './problem.ts'

/** Milliseconds in which the rest of a body that nobody wants may still arrive, so that its sender sees the answer. */
const lingerMs = 2_000

/** What is known of a request when it is over. */
export interface ExchangeRecord {
  readonly method: string
  /** Path of the route; undefined when none matched. */
  readonly route: string | undefined
  readonly service: string | undefined
  /** 499 when it was never answered: the client left, or the gateway stopped. */
  readonly status: number
  readonly seconds: number
  readonly traceId: string
  /** Tries that were begun. */
  readonly attempts: number
  /** Code of the problem, also when a fallback answered in its place. */
  readonly code: string | undefined
  /** Whether the response was begun and not completed. */
  readonly cut: boolean
  /** What went wrong, for the operator: it may name addresses. Undefined when nothing did. */
  readonly reason: string | undefined
}

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly alarm: Alarm
  /** Where it stands in its trace. */
  readonly hop: Hop
  service: string | undefined = undefined
  attempts = 0
  code: string | undefined = undefined
  reason: string | undefined = undefined
  readonly #controller = new AbortController()
  readonly #startedAt: number
  readonly #onOver: (exchange: Exchange) => void
  #route: string | undefined = undefined
  #expectsContinue: boolean
  #over = false

  /** `expectsContinue`: the client waits for `100 Continue` before it sends its body. `onOver` is called once, at the end. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    clock: Clock,
    expectsContinue: boolean,
    onOver: (exchange: Exchange) => void,
  ) {
    this.request = request
    this.response = response
    this.alarm = new Alarm(clock)
    this.#startedAt = clock.now()
    this.#expectsContinue = expectsContinue
    this.#onOver = onOver
    this.hop = Hop.arrived(request.headers)
    // The connection, not the response: a pipelined response that never got its turn says nothing when the client leaves.
    request.socket.once('close', this.#closed)
    response.once('close', this.#closed)
    // After a disconnect a write may still be on its way; `signal` has told everybody, so there is nothing to do.
    response.on('error', ignore)
  }

  /** Aborts, with a `Cut`, when the client leaves or the gateway gives the exchange up. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Whether an answer can no longer reach the client. */
  get gone(): boolean {
    return this.request.socket.destroyed
  }

  /** Path of the route; undefined when none matched. */
  get route(): string | undefined {
    return this.#route
  }

  set route(route: string) {
    this.#route = route
    this.hop.route(route)
  }

  get expectsContinue(): boolean {
    return this.#expectsContinue
  }

  /** Asks a waiting client for its body. */
  readonly sendContinue = (): void => {
    if (!this.#expectsContinue) return
    this.#expectsContinue = false
    if (!this.response.headersSent) this.response.writeContinue()
  }

  origin(): Origin {
    const { remoteAddress = '' } = this.request.socket
    const address = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress
    return { address, scheme: 'http', host: this.request.headers.host }
  }

  /** Gives the exchange up: whoever works for it hears of it by `signal`. */
  abort(reason: Cut): void {
    this.#controller.abort(reason)
  }

  /** Answers with a problem; cuts the connection where a response was begun. */
  answer(problem: Problem): void {
    this.code = problem.code
    if (problem.status >= 500) this.hop.fail(problem.code)
    if (this.response.headersSent) return this.cut()
    if (this.gone) return
    this.send(
      problem.status,
      ['content-type', 'application/problem+json', ...(problem.headers ?? [])],
      problemBody(problem, this.hop.traceId),
    )
  }

  /** Answers with a whole body of our own, which no cache shall keep unless it says so. Names of `headers` in lower case. */
  send(status: number, headers: readonly string[], body: string | Buffer): void {
    const framing = status === 204 || status === 304 ? [] : ['content-length', String(Buffer.byteLength(body))]
    const caching = headers.includes('cache-control') ? [] : ['cache-control', 'no-store']
    this.response.writeHead(status, [...headers, ...framing, ...caching])
    this.response.end(body)
  }

  /** Ends the connection in a way that no client takes for a complete response. */
  cut(): void {
    const { request, response } = this
    if (response.writableFinished) return
    // A body without a length ends, in HTTP/1.0, with the connection: only a reset tells a broken one from a whole one.
    if (request.httpVersionMinor === 0) request.socket.resetAndDestroy()
    else request.socket.destroy()
  }

  record(): ExchangeRecord {
    const { request, response, alarm } = this
    const complete = response.writableFinished
    return {
      method: request.method ?? '',
      route: this.route,
      service: this.service,
      status: response.headersSent ? response.statusCode : 499,
      seconds: (alarm.clock.now() - this.#startedAt) / 1000,
      traceId: this.hop.traceId,
      attempts: this.attempts,
      code: this.code,
      cut: response.headersSent && !complete,
      reason: this.reason,
    }
  }

  readonly #closed = (): void => {
    if (this.#over) return
    this.#over = true
    this.request.socket.off('close', this.#closed)
    this.response.off('close', this.#closed)
    if (!this.response.writableFinished) {
      this.reason ??= 'the client closed its connection'
      this.abort(new Cut('client gone'))
    } else if (!this.request.complete && !this.gone) {
      this.#linger()
    }
    this.alarm.end()
    this.#onOver(this)
  }

  /** Closing at once would make the client's system discard the answer that it has not read yet. */
  #linger(): void {
    const { socket } = this.request
    const timer = this.alarm.clock.setTimer(() => {
      socket.off('close', cancel)
      if (!this.request.complete) socket.destroy()
    }, lingerMs)
    const cancel = (): void => timer.cancel()
    socket.once('close', cancel)
  }
}

const ignore = (): void => undefined
