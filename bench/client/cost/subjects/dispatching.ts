// A dispatcher called as undici's own clients call it: options and a handler, which drops what it hears and begins the next call.
import type { Dispatcher } from 'undici'
import { type Caller, inFlight, type Method, orderJson, path } from '../work.ts'

/** Where the next call goes. */
export interface Place {
  readonly dispatcher: Dispatcher
  readonly origin: string
}

export function driveDispatch(method: Method, next: () => Place): Caller {
  return { drive: (calls) => new Promise((resolve, reject) => new Run(method, next, calls, resolve, reject).begin()) }
}

class Run {
  readonly #method: Method
  readonly #next: () => Place
  readonly #resolve: () => void
  readonly #reject: (error: Error) => void
  /** Not yet begun, and not yet answered. */
  #left: number
  #open: number

  constructor(method: Method, next: () => Place, calls: number, resolve: () => void, reject: (error: Error) => void) {
    this.#method = method
    this.#next = next
    this.#left = calls
    this.#open = calls
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(): void {
    for (let started = 0; started < inFlight; started++) this.#call()
  }

  #call(): void {
    if (this.#left === 0) return
    this.#left--
    const { dispatcher, origin } = this.#next()
    const post = this.#method === 'POST'
    const headers = post ? { 'content-type': 'application/json' } : null
    const options = { origin, path, method: this.#method, headers, body: post ? orderJson : null }
    dispatcher.dispatch(options, {
      onRequestStart: () => undefined,
      onResponseStart: (_, status) => {
        if (status !== 200) throw new Error(`answered ${status}`)
      },
      onResponseData: () => undefined,
      onResponseEnd: () => {
        if (--this.#open === 0) this.#resolve()
        else this.#call()
      },
      onResponseError: (_, error) => this.#reject(error),
    })
  }
}
