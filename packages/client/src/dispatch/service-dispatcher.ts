// The face for code that knows nothing of us: a dispatcher of undici. Requests to hosts that are services go the way of all calls;
// every other one passes untouched to whoever would have got it. Invariant: what is not ours is handed on with the very options and
// handler it came with.
import { Dispatcher, errors } from 'undici'
import { BodySource } from '../body-source.ts'
import type { Depot } from '../depot.ts'
import type { Caller } from './call.ts'
import { HeaderList } from './header-list.ts'
import { modern, type OldHandler } from './legacy-handler.ts'
import { idempotentMethods, type Outgoing, type OutgoingBody } from './outgoing.ts'
import { placeCall } from './place-call.ts'
import { upgrade } from './upgrade.ts'

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

  /**
   * True for what is ours: bounds are for the policies, and a refusal is told to the handler, as is a request that cannot be sent. Only a
   * handler that cannot be told throws.
   */
  override dispatch(options: Options, handler: Handler): boolean {
    const found = this.#routes.find(options.origin)
    if (found === undefined) return this.#pass(options, handler)
    if (!(found instanceof Promise)) return send(found, options, handler)
    const told = modern(handler)
    found
      .then((depot) => (depot === undefined ? this.#pass(options, handler) : send(depot, options, handler)))
      // There is nobody above any more who could catch it.
      .catch((error: unknown) => told.onResponseError?.(undefined as never, error as Error))
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
  else place(depot, options, handler)
  return true
}

function place(depot: Depot, options: Options, handler: Dispatcher.DispatchHandler): void {
  let outgoing: Outgoing
  try {
    outgoing = outgoingOf(depot, options)
  } catch (error) {
    // As the engine does with what it cannot send: the mistake is the caller's, and it waits for an answer.
    return handler.onResponseError?.(undefined as never, error as Error)
  }
  placeCall(depot, outgoing, handler as Caller)
}

function outgoingOf(depot: Depot, options: Options): Outgoing {
  const { method, path, origin } = options
  if (typeof path !== 'string') throw new errors.InvalidArgumentError('path must be a string')
  if (typeof method !== 'string') throw new errors.InvalidArgumentError('method must be a string')
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
    // Who says no knows better than the method.
    idempotent: options.idempotent !== false && (idempotentMethods.has(method) || headers.hasIdempotencyKey),
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
