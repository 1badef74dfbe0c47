// What a service's callers are answered when it fails or is refused: the last good answer to the same request, else a fixed
// one. It stands around the pipeline and not in it, because a proxy streams and cannot be wrapped. Invariant: an answer of
// its own is always marked, and what was asked with one of the usual credentials, or marked as private, is never kept.
import { OptionsError } from '@switchgear/core'
import { type ByteSize, parseByteSize } from '@switchgear/core/options'
import { LastGood, type Recording } from './last-good.ts'

/** A service's fallback as it is configured. Give `cached`, or a fixed answer by `status` or `body`, or both. */
export interface ServiceFallbackOptions {
  /** Value of the `Switchgear-Fallback` header. Default 'fallback'. */
  readonly name?: string | undefined
  /** Answer a GET with the last good answer to the same path, if there is one, before the fixed answer. Default false. */
  readonly cached?: boolean | CachedOptions | undefined
  /** Status of the fixed answer. Default 200. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Body of the fixed answer. Default empty. */
  readonly body?: string | undefined
}

/** Bounds of the store of last good answers. */
export interface CachedOptions {
  /** Default 100. */
  readonly maxEntries?: number | undefined
  /** Headers and bodies of all answers together; a single one may take a quarter of it. Default '1mb'. */
  readonly maxBytes?: ByteSize | undefined
}

/** What a fallback needs to know of a request. */
export interface Asked {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: { has(name: string): boolean }
}

/** What it needs to know of an answer. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
}

/** An answer of a fallback, marked. */
export interface FallbackAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string | Uint8Array<ArrayBuffer> | null
}

/** Marks every answer that a fallback gave. */
export const fallbackHeader = 'switchgear-fallback'

const known = ['name', 'cached', 'status', 'headers', 'body']
const knownOfCached = ['maxEntries', 'maxBytes']
/** Fields by which callers show who they are: what they are answered may be for them alone. Also `range`, which asks for a part. */
const personal = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'range',
  'x-access-token',
  'x-api-key',
  'x-auth-token',
  'x-csrf-token',
]
const unstorable = /(?:^|[\s,])(?:no-store|no-cache|private|must-revalidate)(?:$|[\s,=])/i
/** Of the connection, not of the answer. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'age',
])
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

/** A service's fallback. */
export class ServiceFallback {
  readonly name: string
  readonly #store: LastGood | undefined
  readonly #fixed: { readonly status: number; readonly headers: Headers; readonly body: string } | undefined

  /** `path` is where the options stand, for messages. */
  constructor(options: ServiceFallbackOptions, path: string) {
    checkKeys(options, known, path)
    this.name = options.name ?? 'fallback'
    if (!/^[\w.-]+$/.test(this.name)) throw new OptionsError(`${path}.name must be letters, digits, '_', '-' or '.'`)
    this.#store = makeStore(options.cached ?? false, `${path}.cached`)
    this.#fixed = makeFixed(options, path)
    if (this.#store === undefined && this.#fixed === undefined) {
      throw new OptionsError(`${path} must give cached, status or body, got none of them`)
    }
  }

  /** What `find` finds, as a response. */
  answer(asked: Asked, now: number): Response | undefined {
    const found = this.find(asked, now)
    return found === undefined ? undefined : new Response(found.body, found)
  }

  /** The answer to give instead of a failure, or undefined when there is none. `now` is monotonic milliseconds. */
  find(asked: Asked, now: number): FallbackAnswer | undefined {
    const stored = asked.method === 'GET' ? this.#store?.get(keyOf(asked)) : undefined
    if (stored !== undefined) {
      const headers = new Headers(stored.headers.map(([name, value]): [string, string] => [name, value]))
      headers.set('age', String(Math.max(0, Math.floor((now - stored.storedAt) / 1000))))
      return this.#marked(stored.body, stored.status, headers)
    }
    if (this.#fixed === undefined) return undefined
    const { status, headers, body } = this.#fixed
    const empty = asked.method === 'HEAD' || bodiless.has(status)
    return this.#marked(empty ? null : body, status, new Headers(headers))
  }

  /** Where to put the body of a good answer while it passes by, or undefined when it is not to be kept. */
  record(asked: Asked, answered: Answered, now: number): Recording | undefined {
    if (this.#store === undefined || !storable(asked, answered)) return undefined
    const headers = [...answered.headers].filter(([name]) => !hopByHop.has(name))
    return this.#store.record(keyOf(asked), { status: answered.status, headers, storedAt: now })
  }

  #marked(body: string | Uint8Array<ArrayBuffer> | null, status: number, headers: Headers): FallbackAnswer {
    headers.set(fallbackHeader, this.name)
    return { status, headers, body }
  }
}

function keyOf(asked: Asked): string {
  return asked.path
}

/** Only what anybody may see, and what its sender has not forbidden to keep. */
function storable({ method, headers }: Asked, answered: Answered): boolean {
  if (method !== 'GET' || answered.status !== 200) return false
  if (personal.some((name) => headers.has(name))) return false
  if (answered.headers.has('set-cookie') || answered.headers.has('content-range')) return false
  // The key is the path alone, so an answer that depends on request headers may be wrong for the next caller. One that
  // could have been compressed and was not suits everybody.
  const vary = answered.headers.get('vary')?.trim().toLowerCase() ?? ''
  if (vary !== '' && (vary !== 'accept-encoding' || answered.headers.has('content-encoding'))) return false
  return !unstorable.test(answered.headers.get('cache-control') ?? '')
}

function makeStore(cached: boolean | CachedOptions, path: string): LastGood | undefined {
  if (cached === false) return undefined
  if (cached !== true) checkKeys(cached, knownOfCached, path)
  const { maxEntries = 100, maxBytes = '1mb' } = cached === true ? {} : cached
  if (!Number.isInteger(maxEntries) || maxEntries < 1) {
    throw new OptionsError(`${path}.maxEntries must be a whole number >= 1, got ${String(maxEntries)}`)
  }
  return new LastGood({ maxEntries, maxBytes: parseByteSize(maxBytes, `${path}.maxBytes`) })
}

function makeFixed(
  { status, headers, body }: ServiceFallbackOptions,
  path: string,
): { status: number; headers: Headers; body: string } | undefined {
  if (status === undefined && body === undefined && headers === undefined) return undefined
  if (status !== undefined && !(Number.isInteger(status) && status >= 200 && status <= 599)) {
    throw new OptionsError(`${path}.status must be a whole number in [200, 599], got ${String(status)}`)
  }
  if (body !== undefined && typeof body !== 'string')
    throw new OptionsError(`${path}.body must be a text, got ${typeof body}`)
  const given = new Headers()
  for (const [name, value] of Object.entries(headers ?? {})) {
    try {
      given.set(name, value)
    } catch {
      // What the platform says of it repeats the value, which may be a secret.
      throw new OptionsError(`${path}.headers: '${name}' is not a valid header`)
    }
  }
  return { status: status ?? 200, headers: given, body: body ?? '' }
}

/** A misspelt option would otherwise be a silent default. */
function checkKeys(options: object, names: readonly string[], path: string): void {
  if (typeof options !== 'object' || options === null) throw new OptionsError(`${path} must be an object of options`)
  const stranger = Object.keys(options).find((key) => !names.includes(key))
  if (stranger !== undefined)
    throw new OptionsError(`${path}.${stranger} is not an option; known are ${names.join(', ')}`)
}
