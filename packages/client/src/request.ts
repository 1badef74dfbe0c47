// What a caller asks for, checked and put in the shape in which it is sent, once per call and before any policy is asked:
// a request that cannot be sent is the caller's mistake and must not count against the service.
// Invariant: what is sent again on a later try is byte for byte the same; a body that can be read only once is sent once.
import { OptionsError, type Priority } from '@switchgear/core'
import { BodySource } from './body-source.ts'
import { HeaderList } from './dispatch/header-list.ts'
import { idempotentMethods, type Outgoing, type Tuning } from './dispatch/outgoing.ts'

/** A body that can be sent. A stream or an async iterable is sent once and cancelled when the call ends before it does. */
export type ServiceBody =
  | string
  | ArrayBuffer
  | ArrayBufferView<ArrayBuffer>
  | URLSearchParams
  | FormData
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>

/** Header fields as `fetch` takes them. */
export type ServiceHeaders = Headers | Readonly<Record<string, string>> | Iterable<readonly [string, string]>

/** What to send, and under which conditions. The first four fields are those of `fetch`. */
export interface ServiceInit {
  /** Default GET. */
  readonly method?: string | undefined
  /** Fields that belong to a connection (`connection`, `transfer-encoding`, ...) and `content-length` are not passed on. */
  readonly headers?: ServiceHeaders | undefined
  readonly body?: ServiceBody | null | undefined
  /** Aborts the call, and its response while it is read, with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
  /** Sent as `Idempotency-Key`, the same on each try. It says that repeating the request is harmless, so it may be retried; so does the header itself. */
  readonly idempotencyKey?: string | undefined
  /** By when call and response must have ended, on the client's monotonic clock: `systemClock.now() + 500` is in half a second. */
  readonly deadline?: number | undefined
  /** The trace to continue. Default: the `traceparent` among `headers`, else a new trace. */
  readonly traceparent?: string | undefined
  /** What the call is about, for keyed policies. */
  readonly key?: string | undefined
  /** Default 1; 0 is the most important. */
  readonly priority?: Priority | undefined
}

/** A body of which nothing has come for so long counts as broken. */
const tuning: Tuning = Object.freeze({ bodyTimeout: 60_000 })
const wellKnown: ReadonlySet<string> = new Set([...idempotentMethods, 'POST', 'PATCH'])
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'TRACE'])
const ofConnection = [
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** A request target in origin form: visible ASCII without a fragment. */
const target = /^\/[!-"$-~]*$/

/**
 * Checks and shapes a request to `service`. Rejects with `SG_BAD_OPTIONS`, naming what is wrong; a body that can be read only
 * once is then cancelled.
 */
export async function shapeRequest(
  service: string,
  path: string,
  init: ServiceInit,
  mostReplayed?: number,
): Promise<Outgoing> {
  const shaped = await bodyOf(service, init.body ?? null, mostReplayed)
  const source = shaped.body instanceof BodySource ? shaped.body : undefined
  try {
    return shape(service, path, init, shaped, source)
  } catch (error) {
    source?.release()
    throw error
  }
}

function shape(
  service: string,
  path: string,
  init: ServiceInit,
  { body, type }: Shaped,
  source: BodySource | undefined,
): Outgoing {
  if (typeof path !== 'string' || !target.test(path)) throw badPath(service, path)
  const method = methodOf(service, init.method ?? 'GET')
  if (method === 'CONNECT') throw new OptionsError(`${service}: a CONNECT request cannot be sent`)
  if (body !== null && bodiless.has(method)) {
    throw new OptionsError(`${service}: a ${method} request cannot be sent with a body`)
  }
  const headers = headersOf(service, init)
  if (type !== '' && !headers.has('content-type')) headers.set('content-type', type)
  if (init.traceparent !== undefined) headers.set('traceparent', init.traceparent)
  const list = HeaderList.of(headers, true)
  return {
    method,
    path,
    headers: list,
    body,
    source,
    idempotent: idempotentMethods.has(method) || list.hasIdempotencyKey,
    tuning,
  }
}

function badPath(service: string, path: unknown): OptionsError {
  // A query may hold a secret, so only what stands before it is repeated; and a log line shall stay one line.
  const before = typeof path === 'string' ? path.replace(/\?.*$/s, '?...').replaceAll(/[^ -~]/g, '\ufffd') : ''
  const shown = typeof path === 'string' ? `'${before.slice(0, 100)}'` : typeof path
  return new OptionsError(
    `${service}: path must begin with '/' and be percent-encoded, without spaces and without '#', got ${shown}`,
  )
}

function methodOf(service: string, given: string): string {
  if (typeof given !== 'string' || !token.test(given))
    throw new OptionsError(`${service}: method must be an HTTP method`)
  // As in `fetch`: methods are case-sensitive, but nobody means anything else by 'get'.
  return wellKnown.has(given.toUpperCase()) ? given.toUpperCase() : given
}

function headersOf(service: string, { headers: given = [], idempotencyKey }: ServiceInit): Headers {
  const headers = new Headers()
  const entries = Symbol.iterator in given ? given : Object.entries(given)
  for (const [name, value] of entries) add(service, headers, name, value)
  for (const name of ofConnection) headers.delete(name)
  if (idempotencyKey !== undefined) {
    headers.delete('idempotency-key')
    add(service, headers, 'idempotency-key', idempotencyKey)
    // Without a value it tells nothing apart, and repeating would not be harmless.
    if (headers.get('idempotency-key') === '') throw new OptionsError(`${service}: idempotencyKey must not be empty`)
  }
  return headers
}

function add(service: string, headers: Headers, name: string, value: string): void {
  try {
    headers.append(name, value)
  } catch {
    // What the platform says of it repeats the value, which may be a secret.
    throw new OptionsError(`${service}: '${name}' is not a valid header, or its value is not`)
  }
}

type Shaped = { readonly body: string | Uint8Array | Blob | BodySource | null; readonly type: string }

async function bodyOf(service: string, body: ServiceBody | null, mostReplayed?: number): Promise<Shaped> {
  if (body === null) return { body, type: '' }
  if (typeof body === 'string') return { body, type: 'text/plain;charset=UTF-8' }
  if (body instanceof URLSearchParams) {
    return { body: body.toString(), type: 'application/x-www-form-urlencoded;charset=UTF-8' }
  }
  if (body instanceof ArrayBuffer) return { body: new Uint8Array(body), type: '' }
  if (ArrayBuffer.isView(body)) return { body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength), type: '' }
  if (body instanceof Blob) return { body, type: body.type }
  if (body instanceof FormData) {
    // Written out once, so that a second try has the same boundary.
    const written = new Response(body)
    return { body: await written.bytes(), type: written.headers.get('content-type') ?? '' }
  }
  if (isStream(body)) {
    if (body instanceof ReadableStream && body.locked)
      throw new OptionsError(`${service}: body is a stream in use by another reader`)
    return { body: new BodySource(body, mostReplayed), type: '' }
  }
  throw new OptionsError(`${service}: body must be text, bytes, a form, a blob or a stream, got ${typeof body}`)
}

function isStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}
