// One try: a request handed to the HTTP engine and the response that streams back. Owns the flow, not the meaning: what a
// head means is asked, once, through `accept`. Invariant: `ended` resolves exactly once, at once when it is cut, and no later
// word of the engine reaches the client. Nothing here throws into the engine, which would take its connection pool with it.
import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Alarm } from './alarm.ts'
import { Cut } from './cut.ts'

/** A response head as it came. */
export interface Head {
  readonly status: number
  /** Lower-case names, for judging. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Flat and in order, for forwarding. */
  readonly raw: readonly (Buffer | string)[]
}

/** How a try ended. `declined`: the head came and `accept` did not want the body. */
export type Ending =
  | { readonly kind: 'complete' }
  | { readonly kind: 'declined' }
  | { readonly kind: 'failed'; readonly error: unknown }

/** What a transfer needs of its request. */
export interface TransferOptions {
  readonly response: ServerResponse
  readonly alarm: Alarm
  /** Longest wait for a client that does not read. */
  readonly stallMs: number
  /** Called once with the final head. True: it wrote the head to `response`, the body shall follow. */
  accept(head: Head): boolean
  /** Sees every chunk of a body that was accepted. */
  pass(chunk: Buffer): void
}

/** Most bytes of a declined body that are read to keep its connection; a longer one costs the connection instead. */
const mostDiscarded = 64 * 1024

/** One try. */
export class Transfer implements Dispatcher.DispatchHandler {
  readonly ended: Promise<Ending>
  readonly #options: TransferOptions
  #resolve: (ending: Ending) => void = () => undefined
  #controller: Dispatcher.DispatchController | undefined = undefined
  #cut: Error | undefined = undefined
  #state: 'waiting' | 'streaming' | 'discarding' | 'over' = 'waiting'
  #flowed = false
  #blocked = false
  #discarded = 0

  constructor(options: TransferOptions) {
    this.#options = options
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** Whether the service has sent what the client does not read. */
  get blocked(): boolean {
    return this.#state === 'streaming' && this.#blocked
  }

  /** Whether the engine has begun to send: from then on the service may have seen something of it, unless it could not be connected to. */
  get begun(): boolean {
    return this.#controller !== undefined
  }

  /** Ends the try now, also one that still waits for its connection. */
  cut(reason: Error): void {
    if (this.#state === 'over') return
    this.#cut = reason
    this.#finish({ kind: 'failed', error: reason })
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It was cut before there was a connection: nothing is sent.
    if (this.#cut !== undefined) controller.abort(this.#cut)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Head['headers']): void {
    // 1xx announce a response that is still to come.
    if (status < 200 || this.#state !== 'waiting') return
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : Object.entries(headers).flat()
    try {
      const wanted = this.#options.accept({ status, headers, raw: raw as (Buffer | string)[] })
      if (wanted) this.#stream()
      else this.#decline()
    } catch (error) {
      // A head that the client's side cannot write, such as a field value that only the service's side tolerates.
      this.#finish({ kind: 'failed', error })
      controller.abort(error as Error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'streaming') {
      this.#flowed = true
      this.#options.pass(chunk)
      if (!this.#options.response.write(chunk)) this.#waitForClient(controller)
    } else if (this.#state === 'discarding') {
      this.#discarded += chunk.length
      if (this.#discarded > mostDiscarded) this.cut(new Error('the body is not wanted'))
    }
  }

  onResponseEnd(): void {
    if (this.#state === 'streaming') this.#options.response.end()
    this.#finish({ kind: 'complete' })
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#finish({ kind: 'failed', error })
  }

  #stream(): void {
    this.#state = 'streaming'
    const { response } = this.#options
    // The head goes out at once, but in one piece with the body where that is already here.
    process.nextTick(() => {
      if (this.#state === 'streaming' && !this.#flowed) response.flushHeaders()
    })
  }

  #decline(): void {
    this.#state = 'discarding'
    this.#resolve({ kind: 'declined' })
  }

  /** Back-pressure: the service is not read until the client has read. */
  #waitForClient(controller: Dispatcher.DispatchController): void {
    const { response, alarm, stallMs } = this.#options
    controller.pause()
    this.#blocked = true
    alarm.setAfter(stallMs, () => this.cut(new Cut('client stalled')))
    response.once('drain', () => {
      this.#blocked = false
      if (this.#state !== 'streaming') return
      alarm.clear()
      controller.resume()
    })
  }

  #finish(ending: Ending): void {
    this.#state = 'over'
    this.#resolve(ending)
  }
}
