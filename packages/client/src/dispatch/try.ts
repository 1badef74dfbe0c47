// One try: a request at one endpoint, from the moment in which it is handed to the HTTP engine to its last byte. It is what the
// engine talks to. Invariant: its owner hears of one head or of one failure before it, its receiver of one end; when it is over, no
// later word of the engine reaches anybody. Nothing here throws into the engine.
//
// Nothing was sent as long as the engine has not said `onRequestStart`, which it does when it begins to write. Which error ended
// such a try does not matter: even a POST may then go elsewhere. After it only one says so, that of making a connection: over HTTP/2 the
// engine begins at a session that is going away, takes back what the peer has not processed, and connects anew. Any other error leaves
// it open; a kept connection that the peer closes while it is used breaks like one that was closed after the request was carried out.
import {
  type Attempt,
  classifyHttp,
  failure,
  ignored,
  type Outcome,
  OptionsError,
  type Timer,
  type Verdict,
} from '@switchgear/core'
import type { Dispatcher } from 'undici'
import type { Peer } from '../endpoints/peer.ts'
import { badResponseError, cutError, errorCodeOf, failedResponseError, isConnectError, wireError } from '../errors.ts'
import { Books, forced } from './books.ts'
import type { Due, DueLane } from './due-lanes.ts'
import type { Errand } from './errand.ts'
import { fieldsOf } from './fields.ts'
import { serverNameOf } from './server-name.ts'

/** Fields of a head or a trailer. */
export type Fields = Record<string, string | string[] | undefined>

/** Whose try it is: it hears of one of the last two. */
export interface TryOwner {
  /** A response that announces another one (1xx). */
  informed(one: Try, status: number, fields: Fields, statusText: string): void
  /** The head is there and was judged: `take` or `discard` it. */
  arrived(one: Try, verdict: Verdict): void
  /** No response came. `raw` is the engine's own error; `delayMs` the wait until the next try, where one is granted. */
  failed(outcome: Outcome, error: unknown, raw: unknown, delayMs: number | undefined): void
}

/** Who gets the response: its head, its data, and one of the last two. */
export interface Receiver {
  /** Whether it wants no data now. */
  readonly paused: boolean
  head(one: Try): void
  data(chunk: Buffer): void
  end(trailers: Fields): void
  broken(error: unknown, raw: unknown): void
}

const judge = classifyHttp.ofValue as (head: Try) => Verdict
const none: Fields = Object.freeze({})
/** So much of an unwanted body is read, so that a short one leaves its connection usable; then the connection is closed. */
const drainedBytes = 16_384
const drainMs = 1000

/** One try. */
export class Try implements Dispatcher.DispatchHandler, Due {
  due = -1
  ahead: Due | null = null
  behind: Due | null = null
  lane: DueLane | null = null
  timer: Timer | undefined = undefined
  /** Of the head, once it is there; else 0. */
  status = 0
  statusText = ''
  headers: Fields = none
  /** The engine's side; undefined until it begins to send. */
  controller: Dispatcher.DispatchController | undefined = undefined
  readonly #errand: Errand
  readonly #owner: TryOwner
  readonly #books: Books
  #state: 'waiting' | 'arrived' | 'taken' | 'discarding' | 'over' = 'waiting'
  #receiver: Receiver | undefined = undefined
  #reason: Error | undefined = undefined
  #discarded = 0
  // What came between the head and its taking: the engine may go on although it was asked to pause.
  #early: Buffer[] | undefined = undefined
  #trailers: Fields | undefined = undefined
  #fault: { readonly raw: unknown } | undefined = undefined

  constructor(errand: Errand, owner: TryOwner, granted: Attempt, peer: Peer, now: number) {
    this.#errand = errand
    this.#owner = owner
    this.#books = new Books(errand, granted, peer, now)
  }

  get peer(): Peer {
    return this.#books.peer
  }

  /** Sends the request. At `callDue` the call has to be over; a try with an earlier deadline has it until its head. */
  send(callDue: number): void {
    const { granted, peer, startedAt, trace } = this.#books
    const { depot, outgoing } = this.#errand
    const { deadline } = granted
    if (deadline < callDue) depot.lanes.join(this, deadline, startedAt)
    const { tuning } = outgoing
    // A call that has a deadline is ended by it, head and body. Timers of the engine beside it would only cost: it makes new ones for
    // each request.
    const engineMs = callDue === Infinity ? undefined : 0
    const options = {
      origin: peer.origin,
      path: outgoing.path,
      method: outgoing.method,
      headers: fieldsOf(outgoing.headers, trace, depot.travels ? callDue - startedAt : Infinity),
      body: outgoing.body,
      query: tuning.query,
      idempotent: tuning.idempotent,
      blocking: tuning.blocking,
      reset: tuning.reset,
      headersTimeout: tuning.headersTimeout ?? engineMs,
      bodyTimeout: tuning.bodyTimeout ?? engineMs,
      servername: serverNameOf(peer.origin),
      expectContinue: tuning.expectContinue,
      typeOfService: tuning.typeOfService,
    }
    try {
      // The types know fewer bodies and no options that are undefined; the engine takes all of them.
      peer.dispatcher.dispatch(options as Dispatcher.DispatchOptions, this)
    } catch (error) {
      this.onResponseError(undefined, error as Error)
    }
  }

  /** The response goes to `receiver`, with whatever of it has come already. */
  take(receiver: Receiver): void {
    if (this.#state !== 'arrived') return receiver.broken(this.#reason, this.#reason)
    this.#receiver = receiver
    this.#state = 'taken'
    receiver.head(this)
    for (const chunk of this.#early ?? []) this.onResponseData(undefined, chunk)
    this.#early = undefined
    if (this.#fault !== undefined) this.#broke(this.#fault.raw)
    else if (this.#trailers !== undefined) this.#complete(this.#trailers)
    // It was held until it was known who takes it; who takes it may want it held still.
    else if (this.controller?.paused === true && !receiver.paused) this.controller.resume()
  }

  /** Nobody wants the response: frees its connection. */
  discard(): void {
    if (this.#state !== 'arrived') return
    this.#books.close(this.status, undefined)
    this.#state = 'over'
    this.#early = undefined
    if (this.#fault !== undefined || this.#trailers !== undefined) return
    this.#state = 'discarding'
    const late = (): void => this.#abort(new Error('the rest of an unwanted body did not come'))
    this.timer = this.#errand.depot.clock.setTimer(late, drainMs)
    this.controller?.resume()
  }

  /** Ends it now, whichever part is running, and tells nobody. Harmless when it is over. */
  cut(outcome: Outcome, reason: unknown): void {
    if (this.#state === 'over' || this.#state === 'discarding') return
    if (this.#state === 'waiting') this.#books.settle(forced(outcome), reason)
    else if (outcome === 'failure') this.#books.broke(reason)
    this.#books.close(this.status, errorCodeOf(reason))
    this.#abort(reason)
  }

  /** The reader has all that it wanted: what is left of the body is not read. */
  leave(): void {
    if (this.#state !== 'taken') return
    this.#books.close(this.status, undefined)
    this.#abort(new Error('the reader has left'))
  }

  /** The milliseconds until the next try, where one is granted. To ask for it is to leave the gates of this one. */
  exit(): number | undefined {
    return this.#books.granted.exit()
  }

  /** Its own deadline has passed. */
  expire(): void {
    const error = this.#books.granted.expired()
    const unsent = this.controller === undefined
    this.#fail(unsent ? { ...failure, unsent } : failure, error, error, false)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    // It was cut before there was a connection: nothing is sent.
    if (this.#state === 'over') controller.abort(this.#reason ?? new Error('the try has ended'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, fields: Fields, statusText = ''): void {
    if (this.#state !== 'waiting') return
    if (status < 200) return this.#owner.informed(this, status, fields, statusText)
    const { depot } = this.#errand
    const { peer } = this.#books
    depot.lanes.leave(this)
    try {
      this.#errand.inspector.inspect?.(status, controller.rawHeaders, statusText)
    } catch (cause) {
      return this.#fail(failure, badResponseError(depot.upstream.name, peer.origin, cause), cause, false)
    }
    this.status = status
    this.statusText = statusText
    this.headers = fields
    const verdict = judge(this)
    const failed = verdict.outcome === 'failure'
    this.#books.settle(verdict, failed ? failedResponseError(depot.upstream.name, peer.origin, status) : undefined)
    this.#state = 'arrived'
    this.#owner.arrived(this, verdict)
  }

  onResponseData(_controller: Dispatcher.DispatchController | undefined, chunk: Buffer): void {
    if (this.#state === 'taken') return this.#receiver?.data(chunk)
    if (this.#state === 'arrived') (this.#early ??= []).push(chunk)
    if (this.#state !== 'discarding') return
    this.#discarded += chunk.length
    if (this.#discarded > drainedBytes) this.#abort(new Error('the body is not wanted'))
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: Fields): void {
    if (this.#state === 'taken') this.#complete(trailers)
    else if (this.#state === 'arrived') this.#trailers = trailers ?? none
    else this.#over()
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, raw: Error): void {
    if (this.#state === 'over') return
    if (this.#state === 'discarding') return this.#over()
    if (this.#state === 'taken') return this.#broke(raw)
    if (this.#state === 'arrived') return void (this.#fault = { raw })
    const { depot, outgoing } = this.#errand
    const fault = outgoing.source?.fault
    const unsent = this.controller === undefined || isConnectError(raw)
    const error = fault === undefined ? wireError(depot.upstream.name, this.peer.origin, raw, unsent) : fault.error
    // A body that its own source broke and a request that cannot be sent say nothing about the service.
    const callers = fault !== undefined || error instanceof OptionsError
    const verdict = callers ? ignored : unsent ? { ...failure, unsent } : failure
    this.#fail(verdict, error, fault === undefined ? raw : error, unsent && !callers)
  }

  #fail(verdict: Verdict, error: unknown, raw: unknown, unreachable: boolean): void {
    this.#errand.depot.lanes.leave(this)
    this.#books.settle(verdict, error, unreachable)
    this.#books.close(0, errorCodeOf(error))
    this.#abort(error)
    this.#owner.failed(verdict.outcome, error, raw, this.exit())
  }

  #complete(trailers: Fields): void {
    if (this.#state !== 'taken') return
    this.#books.close(this.status, undefined)
    this.#over()
    this.#receiver?.end(trailers)
  }

  #broke(raw: unknown): void {
    if (this.#state !== 'taken') return
    const { depot, outgoing } = this.#errand
    const fault = outgoing.source?.fault
    const error = fault === undefined ? cutError(depot.upstream.name, this.peer.origin, raw) : fault.error
    if (fault === undefined) this.#books.broke(error)
    this.#books.close(this.status, errorCodeOf(error))
    this.#over()
    this.#receiver?.broken(error, fault === undefined ? raw : error)
  }

  #over(): void {
    this.#state = 'over'
    this.#errand.depot.lanes.leave(this)
  }

  /** Ends the request on the wire; what the engine says of it then reaches nobody. */
  #abort(reason: unknown): void {
    this.#over()
    this.#reason = reason instanceof Error ? reason : new Error('the call was ended', { cause: reason })
    this.controller?.abort(this.#reason)
  }
}
