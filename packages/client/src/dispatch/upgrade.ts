// What becomes another protocol (WebSocket, CONNECT): it is balanced and nothing else, for no policy could say what became of it. Like
// any call it waits for the first endpoint of its service. Invariant: from its first moment it can be aborted, and whichever way it
// ends, its handler hears of it once.
import { type Dispatcher, errors } from 'undici'
import type { Depot } from '../depot.ts'
import { noEndpointError } from '../errors.ts'

type Controller = Dispatcher.DispatchController
type Handler = Dispatcher.DispatchHandler

/** Places it at an endpoint; `handler` hears of all that comes. */
export function upgrade(depot: Depot, options: Dispatcher.DispatchOptions, handler: Handler): void {
  const { peers } = depot.upstream
  const abandon = new AbortController()
  const known = peers.ready(Infinity, abandon.signal)
  if (known === undefined) return place(depot, options, handler)
  const waiting = new WaitingUpgrade(handler, abandon)
  waiting.begin()
  known.then(
    () => place(depot, options, waiting),
    (error: Error) => waiting.onResponseError(undefined, error),
  )
}

function place({ upstream, clock }: Depot, options: Dispatcher.DispatchOptions, handler: Handler): void {
  const peer = upstream.peers.pick(clock.now(), undefined, [])
  if (peer === undefined) handler.onResponseError?.(undefined as never, noEndpointError(upstream.name))
  else peer.dispatcher.dispatch({ ...options, origin: peer.origin }, handler)
}

/** The handler's controller while there is no connection, and what the engine talks to afterwards. */
class WaitingUpgrade implements Handler, Controller {
  readonly #handler: Handler
  readonly #abandon: AbortController
  #engine: Controller | undefined = undefined
  #paused = false
  #over = false

  constructor(handler: Handler, abandon: AbortController) {
    this.#handler = handler
    this.#abandon = abandon
  }

  begin(): void {
    try {
      this.#handler.onRequestStart?.(this, null)
    } catch (error) {
      this.abort(error as Error)
    }
  }

  get aborted(): boolean {
    return this.#abandon.signal.aborted
  }

  get reason(): Error | null {
    return this.aborted ? (this.#abandon.signal.reason as Error) : null
  }

  get paused(): boolean {
    return this.#paused
  }

  get rawHeaders(): Exclude<Controller['rawHeaders'], undefined> {
    return this.#engine?.rawHeaders ?? null
  }

  get rawTrailers(): Exclude<Controller['rawTrailers'], undefined> {
    return this.#engine?.rawTrailers ?? null
  }

  pause(): void {
    this.#paused = true
    this.#engine?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#engine?.resume()
  }

  abort(reason?: Error): void {
    if (this.aborted) return
    this.#abandon.abort(reason ?? new errors.RequestAbortedError())
    this.#engine?.abort(this.reason as Error)
    // Without an engine nobody else would say it: the wait may have ended already, with its answer still under way.
    if (this.#engine === undefined) this.onResponseError(undefined, this.reason as Error)
  }

  onRequestStart(engine: Controller): void {
    this.#engine = engine
    if (this.aborted) engine.abort(this.reason as Error)
  }

  onRequestUpgrade(_engine: Controller, ...told: Tail<Handler['onRequestUpgrade']>): void {
    this.#handler.onRequestUpgrade?.(this, ...told)
  }

  onResponseStart(_engine: Controller, ...told: Tail<Handler['onResponseStart']>): void {
    this.#handler.onResponseStart?.(this, ...told)
  }

  onResponseData(_engine: Controller, chunk: Buffer): void {
    this.#handler.onResponseData?.(this, chunk)
  }

  onResponseEnd(_engine: Controller, ...told: Tail<Handler['onResponseEnd']>): void {
    this.#handler.onResponseEnd?.(this, ...told)
  }

  onResponseError(_engine: Controller | undefined, error: Error): void {
    if (this.#over) return
    this.#over = true
    this.#handler.onResponseError?.(this, error)
  }
}

type Tail<T> = Exclude<T, undefined> extends (first: never, ...rest: infer Rest) => unknown ? Rest : never
