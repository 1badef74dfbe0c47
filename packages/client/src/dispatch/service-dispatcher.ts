// The face for code that knows nothing of us: a dispatcher of undici. Requests to hosts that are services go the way of all calls;
// every other one passes untouched to whoever would have got it. Invariant: what is not ours is handed on with the very options and
// handler it came with.
import { Dispatcher } from 'undici'
import { BodySource } from '../body-source.ts'
import type { Depot } from '../depot.ts'
import { noEndpointError } from '../errors.ts'
import type { Caller } from './call.ts'
import { HeaderList } from './header-list.ts'
import { modern, type OldHandler } from './legacy-handler.ts'
import { idempotentMethods, type Outgoing, type OutgoingBody } from './outgoing.ts'
import { placeCall } from './place-call.ts'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler | OldHandler

/** Whose requests are ours. */
export interface Routes {
  /**
   * The service that an origin such as `http://payments` stands for; undefined where it is none of ours. A promise where discovery
   * has not yet said whether there is such a service.
   */
  find(origin: string | URL | undefined): Depot | undefined | Promise<Depot | undefined>
}

/** A dispatcher for services. It opens and owns no connection of its own. */
export class ServiceDispatcher extends Dispatcher {
  readonly #routes: Routes
  readonly #fallthrough: Dispatcher
  readonly #end: () => Promise<void>

  /** `end` closes the client whose face this is. */
  constructor(routes: Routes, fallthrough: Dispatcher, end: () => Promise<void>) {
    super()
    this.#routes = routes
    this.#fallthrough = fallthrough
    this.#end = end
  }

  /** Always true: bounds are for the policies, and a refusal is told to the handler. */
  override dispatch(options: Options, handler: Handler): boolean {
    const found = this.#routes.find(options.origin)
    if (found === undefined) return this.#pass(options, handler)
    if (!(found instanceof Promise)) return send(found, options, handler)
    found.then(
      (depot) => (depot === undefined ? this.#pass(options, handler) : send(depot, options, handler)),
      (error: unknown) => modern(handler).onResponseError?.(undefined as never, error as Error),
    )
    return true
  }

  /** Closes the client, and with it every call under way; what it passed on is not its own. */
  override close(callback?: () => void): Promise<void> {
    const ended = this.#end()
    if (callback !== undefined) void ended.then(callback)
    return ended
  }

  /** Like `close`. */
  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> {
    return this.close(typeof error === 'function' ? error : callback)
  }

  #pass(options: Options, handler: Handler): boolean {
    return this.#fallthrough.dispatch(options, handler as Dispatcher.DispatchHandler)
  }
}

function send(depot: Depot, options: Options, given: Handler): true {
  const handler = modern(given)
  if (options.method === 'CONNECT' || Boolean(options.upgrade)) upgrade(depot, options, handler)
  else placeCall(depot, outgoingOf(depot, options), handler as Caller)
  return true
}

/** What becomes another protocol is balanced and nothing else: no policy could say what became of it. */
function upgrade(depot: Depot, options: Options, handler: Dispatcher.DispatchHandler): void {
  const { peers, name } = depot.upstream
  const peer = peers.pick(depot.clock.now(), undefined, [])
  if (peer === undefined) handler.onResponseError?.(undefined as never, noEndpointError(name))
  else peer.dispatcher.dispatch({ ...options, origin: peer.origin }, handler)
}

function outgoingOf(depot: Depot, options: Options): Outgoing {
  const { method, path, origin } = options
  const headers = HeaderList.of(options.headers, depot.travels)
  // The service is asked by the name that its caller used, at whichever endpoint.
  if (!headers.hasHost) headers.flat.push('host', hostOf(origin))
  const body = bodyOf(options.body, depot.mostReplayed)
  return {
    method,
    path,
    headers,
    body,
    source: body instanceof BodySource ? body : undefined,
    idempotent: idempotentMethods.has(method) || headers.hasIdempotencyKey,
    tuning: options,
  }
}

function hostOf(origin: string | URL | undefined): string {
  if (typeof origin !== 'string') return origin?.host ?? ''
  return origin.slice(origin.indexOf('//') + 2)
}

function bodyOf(body: unknown, mostReplayed: number): OutgoingBody {
  if (body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array) return body ?? null
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength)
  if (typeof body === 'object' && Symbol.asyncIterator in body)
    return new BodySource(body as AsyncIterable<unknown>, mostReplayed)
  // Blobs and forms are written out anew each time; what cannot be sent at all, the engine refuses.
  return body as OutgoingBody
}
