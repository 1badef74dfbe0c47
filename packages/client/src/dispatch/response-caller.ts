// Who calls like `fetch`: turns what the engine tells into one web-standard response. Owns the listener on the caller's signal.
// Invariant: the promise settles once; after the end of the body nothing is left of the call, read or not.
import { type BodyFlow, ResponseBody } from '../response-body.ts'
import type { Call, Caller } from './call.ts'

const bodiless: ReadonlySet<number> = new Set([204, 205, 304])
const phrase = /^[\t\x20-\x7e\x80-\xff]*$/

/** One call of `service.fetch`. */
export class ResponseCaller implements Caller, BodyFlow {
  readonly named = true
  readonly response: Promise<Response>
  readonly #method: string
  readonly #signal: AbortSignal | undefined
  #resolve: (response: Response) => void = nothing
  #reject: (error: unknown) => void = nothing
  #call: Call | undefined = undefined
  #headers: Headers | undefined = undefined
  #inspected: unknown = undefined
  #body: ResponseBody | undefined = undefined

  constructor(method: string, signal: AbortSignal | undefined) {
    this.#method = method
    this.#signal = signal
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  onRequestStart(call: Call): void {
    this.#call = call
    if (this.#signal?.aborted === true) call.abort(this.#signal.reason)
    else this.#signal?.addEventListener('abort', this.#abort)
  }

  /** What a response cannot be made of, the service should not have sent. */
  inspect(status: number, rawHeaders: unknown): void {
    if (status > 599) throw new RangeError(`status ${status}`)
    const headers = new Headers()
    if (Array.isArray(rawHeaders)) {
      for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
        headers.append(text(rawHeaders[index]), text(rawHeaders[index + 1]))
      }
    } else {
      // HTTP/2 comes as an object, with its pseudo-headers.
      for (const [name, value] of Object.entries(rawHeaders ?? {})) {
        if (!name.startsWith(':')) for (const one of [value].flat()) headers.append(name, String(one))
      }
    }
    this.#headers = headers
    this.#inspected = rawHeaders
  }

  onResponseStart(call: Call, status: number, _fields: unknown, statusText = ''): void {
    if (status < 200) return
    // Another head was looked at last, or this is the answer of a fallback.
    if (call.rawHeaders !== this.#inspected) this.inspect(status, call.rawHeaders)
    const body = (this.#body = new ResponseBody(this))
    const empty = this.#method === 'HEAD' || bodiless.has(status)
    const text = phrase.test(statusText) ? statusText : ''
    const init = { status, statusText: text, headers: this.#headers ?? new Headers() }
    this.#resolve(new Response(empty ? null : body.stream, init))
  }

  onResponseData(_call: Call, chunk: Uint8Array): void {
    this.#body?.push(chunk)
  }

  onResponseEnd(): void {
    this.#end()
    this.#body?.end()
  }

  onResponseError(_call: Call, error: unknown): void {
    this.#end()
    if (this.#body === undefined) this.#reject(error)
    else this.#body.fail(error)
  }

  pause(): void {
    this.#call?.pause()
  }

  resume(): void {
    this.#call?.resume()
  }

  /** The reader has cancelled the body. */
  leave(): void {
    this.#end()
    this.#call?.leave()
  }

  #end(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => this.#call?.abort(this.#signal?.reason)
}

function text(field: unknown): string {
  return field instanceof Uint8Array ? Buffer.from(field).toString('latin1') : String(field)
}

const nothing = (): void => undefined
