// A request of node:http as an agent sees it: it belongs to whoever made it, who may end it at any time, and whom every error has to
// reach once. Invariant: as long as no connection is looked for, which Node tells nobody about, its end is told from here; from
// then on Node tells of it.
import type { ClientRequest, IncomingMessage } from 'node:http'

/** What Node calls with a connection, or with why there is none; its types know connections only. */
type Seat = (socket: null, error?: Error) => void

/**
 * A request and who has ended it.
 *
 * @example
 * const owned = new OwnedRequest(request)
 * if (!owned.isEnded) owned.fail(new Error('no way'))
 */
export class OwnedRequest {
  readonly request: ClientRequest
  #isHeld = true
  #isEnded = false
  #patience: AbortController | undefined = undefined

  /** One that was ended before it was sent, which a signal may do, is told so on the next tick. */
  constructor(request: ClientRequest) {
    this.request = request
    if (request.destroyed) this.#tell()
    // Node has one error for a connection that broke and for an owner who has had enough, and none at all without a connection.
    else request.destroy = this.#destroyed
  }

  /** Whether its owner or its agent has ended it, as opposed to the other side. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Aborts when it is ended before a connection is looked for. */
  get signal(): AbortSignal {
    this.#patience ??= new AbortController()
    if (this.#isEnded) this.#patience.abort(gone)
    return this.#patience.signal
  }

  /** A connection is looked for now. */
  seat(): void {
    this.#isHeld = false
  }

  /** It is none of ours: whoever gets it finds it as it was. */
  letGo(): void {
    if (Object.hasOwn(this.request, 'destroy')) Reflect.deleteProperty(this.request, 'destroy')
  }

  /** Whatever becomes of it now was brought about on this side. */
  abandon(): void {
    this.#isEnded = true
  }

  /** Ends it. Its owner hears of the error on the request, or on the response where that is being read. */
  fail(error: Error, response?: IncomingMessage): void {
    if (this.#isEnded) return
    this.#isEnded = true
    // Not destroyed at once: what its owner is still writing in this turn would be a second error.
    if (this.#isHeld) return this.#tell(error)
    if (response === undefined) return void destroyOf(this.request)(error)
    // The connection first and without an error, which Node would tell the request as well.
    this.request.socket?.destroy()
    response.destroy(error)
  }

  readonly #destroyed = (error?: Error): ClientRequest => {
    const { request } = this
    if (request.destroyed) return request
    const wasEnded = this.#isEnded
    this.#isEnded = true
    destroyOf(request)(error)
    if (this.#isHeld && !wasEnded) this.#tell()
    return request
  }

  #tell(error?: Error): void {
    this.#isEnded = true
    this.#isHeld = false
    const { request } = this
    const seat: Seat = request.onSocket.bind(request) as unknown as Seat
    seat(null, error)
    this.#patience?.abort(gone)
  }
}

const gone = new Error('the request was ended by its owner')

/** What `request.destroy` is without us. */
function destroyOf(request: ClientRequest): (error?: Error) => ClientRequest {
  const { destroy } = Object.getPrototypeOf(request) as ClientRequest
  return destroy.bind(request)
}
