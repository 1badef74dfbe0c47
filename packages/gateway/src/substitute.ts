// A service's fallback around the forwarding of one request: it keeps good answers while they pass by, where the fallback
// caches, and answers in the place of a failure. It stands here and not in the pipeline because a proxy streams. Invariant:
// what it answers is marked as a fallback by the fallback itself; a broken body is never kept.
import type { Upstream } from '@switchgear/client'
import type { Exchange } from './exchange.ts'
import type { Head } from './transfer.ts'

type Fallback = NonNullable<Upstream['fallback']>
type Recording = NonNullable<ReturnType<Fallback['record']>>

/** Fields that belong to the connection of the answer that was kept. */
const ours: ReadonlySet<string> = new Set(['connection', 'content-length', 'transfer-encoding'])

/** The fallback of one request; without one in the service it does nothing. */
export class Substitute {
  readonly #fallback: Fallback | undefined
  readonly #exchange: Exchange
  readonly #path: string
  #found: Response | undefined = undefined
  #recording: Recording | undefined = undefined

  /** `path` is that which the service gets, with its query. */
  constructor(fallback: Fallback | undefined, exchange: Exchange, path: string) {
    this.#fallback = fallback
    this.#exchange = exchange
    this.#path = path
  }

  /** Whether there is an answer to give; `send` gives it. */
  find(): boolean {
    this.#found ??= this.#fallback?.answer(this.#asked(), this.#now())
    return this.#found !== undefined
  }

  /** Gives the answer that `find` has found. */
  async send(): Promise<void> {
    const found = this.#found
    if (found === undefined) return
    const body = Buffer.from(await found.arrayBuffer())
    if (this.#exchange.gone || this.#exchange.response.headersSent) return
    this.#exchange.hop.fellBack(this.#fallback?.name ?? '', this.#exchange.code ?? '_OTHER')
    this.#exchange.send(found.status, [...found.headers].filter(([name]) => !ours.has(name)).flat(), body)
  }

  /** A good head: its body is kept where the fallback wants it. */
  record(head: Head): void {
    if (this.#fallback === undefined) return
    const headers = new Headers()
    for (const [name, value] of Object.entries(head.headers)) {
      for (const one of typeof value === 'string' ? [value] : (value ?? [])) headers.append(name, one)
    }
    this.#recording = this.#fallback.record(this.#asked(), { status: head.status, headers }, this.#now())
  }

  pass(chunk: Buffer): void {
    this.#recording?.add(chunk)
  }

  /** The body was complete. */
  finish(): void {
    this.#recording?.finish()
    this.#recording = undefined
  }

  #asked(): Parameters<Fallback['answer']>[0] {
    const { method = 'GET', headers } = this.#exchange.request
    return { method, path: this.#path, headers: { has: (name) => headers[name] !== undefined } }
  }

  #now(): number {
    return this.#exchange.alarm.clock.now()
  }
}
