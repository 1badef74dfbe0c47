// A request body that can be read once: a web stream, a Node stream or any async iterable. Owns the source from the moment
// it was given. Invariant: whatever becomes of the call, the source is read to its end or cancelled; what the source itself
// throws is told apart from what happens on the wire, because it is the caller's failure and not the service's.
import { Readable } from 'node:stream'

/** The body as it is sent. Destroying it cancels the source. */
export class BodySource extends Readable {
  /** What the source threw, once it did. */
  fault: { readonly error: unknown } | undefined = undefined
  readonly #cancel: (reason: unknown) => unknown
  readonly #next: () => Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>

  constructor(source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>) {
    super({ highWaterMark: 16_384 })
    // The call that sends it hears of every error by its request; without a listener Node would end the process as well.
    this.on('error', () => undefined)
    if (source instanceof ReadableStream) {
      // Not through its iterator: that one cannot cancel while a read is pending, which is when it matters.
      const reader = source.getReader()
      this.#next = () => reader.read()
      this.#cancel = (reason) => reader.cancel(reason)
    } else {
      const iterator = source[Symbol.asyncIterator]()
      this.#next = () => iterator.next()
      this.#cancel = () => (source instanceof Readable ? source.destroy() : iterator.return?.())
    }
  }

  override _read(): void {
    this.#next().then(
      ({ done, value }) => {
        if (this.destroyed) return
        if (done === true) this.push(null)
        else if (value instanceof Uint8Array || typeof value === 'string') this.push(value)
        else this.#fail(new TypeError(`a body's chunks must be bytes, got ${typeof value}`))
      },
      (error: unknown) => this.#fail(error),
    )
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    callback(error)
    if (this.readableEnded) return
    // Cancelling is a courtesy to the source. That it fails concerns nobody: the call has ended already and its caller was told why.
    Promise.resolve(this.#cancel(error ?? new Error('the call ended before the body was sent'))).catch(() => undefined)
  }

  #fail(error: unknown): void {
    if (this.destroyed) return
    this.fault = { error }
    this.destroy(error instanceof Error ? error : new Error('the body failed', { cause: error }))
  }
}
