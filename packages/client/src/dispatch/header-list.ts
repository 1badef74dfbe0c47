// Header fields of a request as they are sent: a flat list, read once, in which what travels anew with each try (trace, deadline) is
// missing. Nothing is copied into objects and nothing is judged: what is not valid is for the HTTP engine to say.
import { type Dispatcher, errors } from 'undici'
import { grpcTimeoutHeader, parseGrpcTimeout } from '../deadline/grpc-timeout.ts'
import { parseRequestDeadline, requestDeadlineHeader } from '../deadline/request-deadline.ts'

/** One value, a list of them, or what is no valid one. */
export type Value = string | string[] | number | undefined

/** The fields of one request. */
export class HeaderList {
  /** Name, value, name, value; a repeated field may have a list as its value. */
  readonly flat: Value[] = []
  traceparent: string | undefined = undefined
  tracestate: string | undefined = undefined
  /** What the caller's own deadline headers leave, in milliseconds. */
  remainingMs: number = Infinity
  hasBaggage = false
  /** One with a value: an empty one tells nothing apart. */
  hasIdempotencyKey = false
  hasHost = false
  isGrpc = false
  /** How many of `flat` are the request's own; -1 before its first try. */
  #own = -1
  /** Whether deadlines are read here and written anew; else such headers are left as they are. */
  readonly #travels: boolean

  constructor(travels: boolean) {
    this.#travels = travels
  }

  /** The fields of `headers`, in any of the shapes that undici takes. */
  static of(headers: Dispatcher.DispatchOptions['headers'], travels: boolean): HeaderList {
    const list = new HeaderList(travels)
    if (headers === undefined || headers === null) return list
    if (typeof headers !== 'object') throw new errors.InvalidArgumentError('headers must be an object or an array')
    if (Array.isArray(headers)) {
      for (let index = 0; index + 1 < headers.length; index += 2) list.add(headers[index] as string, headers[index + 1])
      // One too many stays one too many, for the engine to refuse.
      if (headers.length % 2 === 1) list.flat.push(headers.at(-1))
    } else if (Symbol.iterator in headers) {
      for (const [name, value] of headers as Iterable<[string, Value]>) list.add(name, value)
    } else {
      for (const name of Object.keys(headers)) list.add(name, headers[name])
    }
    return list
  }

  add(name: string, value: Value): void {
    // By length first: nearly every field is none of these, and most requests have none of them at all.
    switch (name.length) {
      case 4:
        this.hasHost ||= same(name, 'host')
        break
      case 7:
        this.hasBaggage ||= same(name, 'baggage')
        break
      case 10:
        if (!same(name, 'tracestate')) break
        this.tracestate = text(value)
        return
      case 11:
        if (!same(name, 'traceparent')) break
        this.traceparent = text(value)
        return
      case 12:
        if (same(name, 'content-type')) this.isGrpc = text(value).startsWith('application/grpc')
        else if (this.#travels && same(name, grpcTimeoutHeader)) return this.#limit(parseGrpcTimeout(text(value)))
        break
      case 15:
        this.hasIdempotencyKey ||= same(name, 'idempotency-key') && text(value ?? '').trim() !== ''
        break
      case 18:
        if (this.#travels && same(name, requestDeadlineHeader)) return this.#limit(parseRequestDeadline(text(value)))
        break
    }
    this.flat.push(name, value)
  }

  /**
   * The fields of a try: the request's own, to which more may be added. Each try has a list of its own, because one that waits for a
   * connection is read later; the first, which is nearly always the only one, goes on with this.
   */
  forTry(): Value[] {
    if (this.#own >= 0) return this.flat.slice(0, this.#own)
    this.#own = this.flat.length
    return this.flat
  }

  /** Whether there is a field of this name, which is in lower case. */
  has(name: string): boolean {
    for (let index = 0; index < this.flat.length; index += 2) {
      if (same(String(this.flat[index]), name)) return true
    }
    return false
  }

  #limit(remainingMs: number | undefined): void {
    if (remainingMs !== undefined) this.remainingMs = Math.min(this.remainingMs, remainingMs)
  }
}

function same(name: string, wanted: string): boolean {
  return name === wanted || name.toLowerCase() === wanted
}

function text(value: Value): string {
  return Array.isArray(value) ? value.join(',') : String(value)
}
