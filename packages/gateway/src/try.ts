// One try: what a transfer means to the policies. Owns the attempt. Invariant: it settles once at the response head or at the
// failure before it, once more if the body of a success breaks, and exits at the last byte.
//
// Time: the permit's deadline (a timeout outside retry, or without one) bounds the call to its last byte. The attempt's (one
// inside retry) ends with the head, and it measures the service: while the client is still sending a streamed body, every
// chunk starts it anew. Whoever was waited for when time ran out is to blame, and a slow client is no failure of the service.
import {
  formatRequestDeadline,
  isConnectError,
  type Peer,
  requestDeadlineHeader,
  settlePeer,
  type Settling,
  type Upstream,
} from '@switchgear/client'
import { type Attempt, classifyHttp, failure, type Permit, success, type Verdict } from '@switchgear/core'
import type { Departure, Metrics } from '@switchgear/telemetry'
import { Cut } from './cut.ts'
import { expired } from './deadline.ts'
import type { Exchange } from './exchange.ts'
import { type Failing, faultOf, reasonOf } from './fault.ts'
import { responseHeaders } from './headers.ts'
import type { Substitute } from './substitute.ts'
import { type Ending, type Head, Transfer } from './transfer.ts'
import { Upload } from './upload.ts'

/** What is to be done: one request for one service. The parts that are not readonly are filled in on the way. */
export interface Errand {
  readonly exchange: Exchange
  readonly upstream: Upstream
  readonly substitute: Substitute
  readonly metrics: Metrics
  /** Longest wait for a client that neither sends nor reads. */
  readonly stallMs: number
  /** With its query, as the service gets it. */
  readonly path: string
  headers: string[]
  body: Buffer | Upload | undefined
  /** Whether a failed try may be repeated. */
  idempotent: boolean
}

/** Milliseconds without a byte of a response body after which the service counts as broken. */
const bodyTimeoutMs = 60_000

/** One try of an errand. */
export class Try {
  readonly #errand: Errand
  readonly #permit: Permit
  readonly #attempt: Attempt
  readonly #peer: Peer
  readonly #ticket: number
  readonly #transfer: Transfer
  readonly #startedAt: number
  readonly #departure: Departure
  #status: number | undefined = undefined
  #accepted = false

  constructor(errand: Errand, permit: Permit, attempt: Attempt, peer: Peer) {
    const { response, alarm } = errand.exchange
    this.#errand = errand
    this.#permit = permit
    this.#attempt = attempt
    this.#peer = peer
    this.#startedAt = alarm.clock.now()
    this.#ticket = peer.enter(this.#startedAt)
    this.#transfer = new Transfer({
      response,
      alarm,
      stallMs: errand.stallMs,
      accept: this.#accept,
      pass: (chunk) => errand.substitute.pass(chunk),
    })
    errand.exchange.attempts = attempt.number
    const { method = 'GET', headers } = errand.exchange.request
    this.#departure = errand.exchange.hop.depart({
      service: errand.upstream.name,
      method,
      endpoint: peer.origin,
      path: errand.path,
      attempt: attempt.number,
      hasBaggage: headers.baggage !== undefined,
    })
  }

  /** Answers the milliseconds until the next try, or undefined when the request is over. */
  async run(): Promise<number | undefined> {
    const { exchange, body = null, path } = this.#errand
    const headers = [...this.#errand.headers, ...this.#departure.headers.flat(), ...this.#remaining()]
    const { signal, alarm, request } = exchange
    const cut = (): void => this.#transfer.cut(signal.reason as Error)
    signal.addEventListener('abort', cut, { once: true })
    this.#watch()
    try {
      this.#peer.dispatcher.dispatch(
        { origin: this.#peer.origin, path, method: request.method ?? 'GET', headers, body, bodyTimeout: bodyTimeoutMs },
        this.#transfer,
      )
      return await this.#ended(await this.#transfer.ended)
    } finally {
      alarm.end()
      signal.removeEventListener('abort', cut)
      this.#attempt.exit()
      this.#peer.exit(this.#ticket)
      // Where something threw that must not; else it has ended before.
      this.#departure.end(this.#status, 'aborted')
    }
  }

  /** Ends what is left of a declined body, which had until now to arrive and so to keep its connection. */
  discard(): void {
    this.#transfer.cut(new Error('the body is not wanted'))
  }

  /** What is left of the call's time, as the service hears it: it need not work longer than its caller waits. */
  #remaining(): readonly string[] {
    const told = formatRequestDeadline(this.#permit.deadline - this.#startedAt)
    return told === undefined ? [] : [requestDeadlineHeader, told]
  }

  /** The endpoint learns what the service's policies learn. */
  #settle(verdict: Verdict, error?: unknown, unreachable = false): void {
    const now = this.#errand.exchange.alarm.clock.now()
    this.#attempt.settle(verdict, error)
    const { hop } = this.#errand.exchange
    const settling: Settling = { peer: this.#peer, ticket: this.#ticket, startedAt: this.#startedAt, hop }
    settlePeer(settling, verdict.outcome, now, unreachable)
  }

  #watch(): void {
    const { exchange, body, stallMs } = this.#errand
    const { alarm } = exchange
    alarm.boundAt(this.#permit.deadline, this.#late)
    alarm.setAt(this.#attempt.deadline, this.#late)
    if (!(body instanceof Upload)) return
    const patienceMs = Math.min(stallMs, this.#attempt.deadline - this.#startedAt)
    const stalled = (): void => {
      if (body.starved) alarm.setAfter(stallMs, this.#late)
      else this.#late()
    }
    body.onProgress = () => alarm.setAfter(patienceMs, stalled)
    body.once('end', () => {
      if (this.#status === undefined)
        alarm.setAt(alarm.clock.now() + this.#attempt.deadline - this.#startedAt, this.#late)
    })
  }

  readonly #late = (): void => {
    const { body, exchange, upstream } = this.#errand
    if (this.#transfer.blocked || (body instanceof Upload && body.starved)) {
      return this.#transfer.cut(new Cut('client stalled'))
    }
    const total = exchange.alarm.clock.now() >= this.#permit.deadline
    this.#transfer.cut(new Cut('deadline', expired(upstream.name, this.#permit, this.#attempt, total)))
  }

  /** The response head: what the policies have waited for. Answers whether the client gets this response. */
  readonly #accept = (head: Head): boolean => {
    const { exchange, upstream, substitute, body, idempotent } = this.#errand
    this.#status = head.status
    if (body instanceof Upload) body.onProgress = () => undefined
    exchange.alarm.clear()
    const verdict = classifyHttp.ofValue?.(head as never) ?? success
    if (verdict.outcome === 'failure') {
      const error = Object.assign(new Error(`${upstream.name} answered ${head.status}`), { status: head.status })
      exchange.reason = error.message
      this.#settle(verdict, error)
      // Only where a next try is possible: to ask for it is to end this one before its last byte.
      if (verdict.retryable && idempotent && this.#attempt.exit() !== undefined) return false
      if (substitute.find()) return false
    } else {
      this.#settle(verdict)
      substitute.record(head)
    }
    exchange.response.writeHead(head.status, responseHeaders(head.raw, head.status))
    this.#accepted = true
    return true
  }

  async #ended(ending: Ending): Promise<number | undefined> {
    const { substitute } = this.#errand
    if (ending.kind === 'failed') return this.#failed(ending.error)
    this.#observe(undefined)
    if (ending.kind === 'complete') {
      substitute.finish()
      return undefined
    }
    const waitMs = this.#attempt.exit()
    if (waitMs === undefined) await substitute.send()
    return waitMs
  }

  async #failed(error: unknown): Promise<number | undefined> {
    const { exchange, upstream } = this.#errand
    exchange.reason = reasonOf(error, this.#peer.origin) ?? exchange.reason
    const fault = faultOf(error, upstream.name)
    if (this.#accepted) {
      // One further failure after the success, unless it was the client that ended it.
      if (fault.verdict.outcome === 'failure') {
        this.#settle(failure, fault.error)
        exchange.code = 'SG_RESPONSE_CUT'
      }
      this.#observe(exchange.code ?? 'aborted')
      exchange.cut()
      return undefined
    }
    // Over HTTP/2 the engine may begin at a session that is going away, take the request back and not reach the next one.
    const unsent = (!this.#transfer.begun || isConnectError(error)) && fault.verdict.outcome === 'failure'
    this.#settle(unsent ? { ...fault.verdict, unsent: this.#isWhole } : fault.verdict, fault.error, unsent)
    this.#observe(fault.problem?.code ?? 'aborted')
    const waitMs = this.#attempt.exit()
    if (waitMs === undefined) await conclude(this.#errand, fault)
    return waitMs
  }

  /** Whether the request is all here, so that it can be sent again; the engine has destroyed a stream that it did not send. */
  get #isWhole(): boolean {
    return !(this.#errand.body instanceof Upload)
  }

  #observe(errorCode: string | undefined): void {
    const { exchange, upstream, metrics } = this.#errand
    this.#departure.end(this.#status, errorCode)
    const seconds = (exchange.alarm.clock.now() - this.#startedAt) / 1000
    const method = exchange.request.method ?? ''
    metrics.httpClient.observe({ service: upstream.name, method, status: this.#status, errorCode, seconds })
  }
}

/** The end of a request that its service did not answer: its fallback, else the problem, else a cut connection. */
export async function conclude({ exchange, substitute }: Errand, failing: Failing): Promise<void> {
  if (failing.problem === undefined) return exchange.cut()
  exchange.code = failing.problem.code
  if (failing.replaceable && substitute.find()) await substitute.send()
  else exchange.answer(failing.problem)
}
