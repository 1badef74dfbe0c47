// One request that a protected server serves: its deadline, its signal, its permit. Invariant: the permit is given back exactly once,
// when the response is over, and then no timer and no listener is left.
//
// Past its deadline the caller has gone, so nobody would read an answer. The signal is aborted at once; a handler that listens has
// a moment to answer for itself, then the response is cut. It is cut and not answered by us, because a handler that does not
// listen would find its head already sent and fail with an error that has nothing to do with it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Attempt, type Clock, type Permit, SwitchgearError, type Timer } from '@switchgear/core'

/** Milliseconds for a handler that listens to the signal. */
const graceMs = 50

const served = new WeakMap<object, Served>()

/**
 * Aborts when the deadline of a request has passed or its client has left. Undefined where its server is not protected.
 *
 * @example
 * const rows = await database.query(sql, { signal: requestSignal(request) })
 */
export function requestSignal(request: object): AbortSignal | undefined {
  return served.get(request)?.signal
}

/** One request. */
export class Served {
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #permit: Permit
  readonly #attempt: Attempt
  readonly #over: (served: Served) => void
  readonly #socket: Socket | undefined
  #timer: Timer | undefined = undefined
  #controller: AbortController | undefined = undefined
  #late: SwitchgearError | undefined = undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    clock: Clock,
    permit: Permit,
    attempt: Attempt,
    over: (served: Served) => void,
  ) {
    this.#response = response
    this.#clock = clock
    this.#permit = permit
    this.#attempt = attempt
    this.#over = over
    served.set(request, this)
    response.once('close', this.#closed)
    // Of a pipelined response that never got its turn Node 22 says nothing when the client leaves; its connection does. A stream of
    // HTTP/2 always says it.
    if (request.httpVersionMajor < 2) {
      this.#socket = request.socket
      // One listener a request, and a client may pipeline many.
      this.#socket.setMaxListeners(0).once('close', this.#closed)
    }
    const due = attempt.deadline
    if (due < Infinity) this.#arm(due)
  }

  /** Made when somebody asks. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#late !== undefined) this.#controller.abort(this.#late)
    return this.#controller.signal
  }

  /** Ends it now. */
  cut(): void {
    this.#response.destroy()
  }

  #arm(due: number): void {
    this.#timer = this.#clock.setTimer(() => {
      // The host's timer may fire a little early; a deadline must not.
      if (this.#clock.now() < due) return this.#arm(due)
      this.#late = this.#attempt.expired()
      this.#controller?.abort(this.#late)
      this.#timer = this.#clock.setTimer(() => this.cut(), graceMs)
    }, due - this.#clock.now())
  }

  readonly #closed = (): void => {
    this.#response.off('close', this.#closed)
    this.#socket?.off('close', this.#closed)
    this.#timer?.cancel()
    const { statusCode, writableFinished } = this.#response
    // A client that left says nothing about us; a deadline that passed does.
    const outcome = this.#late !== undefined || (writableFinished && statusCode >= 500) ? 'failure' : 'success'
    this.#attempt.settle(writableFinished || this.#late !== undefined ? outcome : 'ignored', this.#late)
    this.#attempt.exit()
    this.#permit.exit()
    if (!writableFinished) {
      this.#controller?.abort(
        this.#late ?? new SwitchgearError('SG_CLIENT_LEFT', 'the client has closed the connection'),
      )
    }
    this.#over(this)
  }
}
