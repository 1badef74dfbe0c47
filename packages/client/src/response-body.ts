// The body of a response on its way to the reader, as a web stream. It fetches ahead a little, so that a short body which
// nobody reads still ends by itself and gives back its slot and connection. Invariant: it ends exactly once, in one of four
// ways: complete, cancelled by its reader, cut off from outside, or broken on the wire.
import type { Readable } from 'node:stream'

/** Who wants to know how a body ends. Exactly one of the last three is called, once. */
export interface BodyOwner {
  /** Bytes have arrived. */
  passed(chunk: Uint8Array): void
  completed(): void
  cancelled(): void
  /** It broke with `error`; the answer is what its reader gets instead. */
  broke(error: unknown): unknown
}

const bytesAhead = 65_536

/** One body. */
export class ResponseBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly #source: Readable
  readonly #owner: BodyOwner
  #over = false

  constructor(source: Readable, owner: BodyOwner) {
    this.#source = source
    this.#owner = owner
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: bytesAhead })
    this.stream = new ReadableStream<Uint8Array>(
      { start: (sink) => this.#start(sink), pull: () => void source.resume(), cancel: () => this.#cancel() },
      strategy,
    )
  }

  /** Whether the reader is what it waits for: as much as may be ahead has arrived. */
  get held(): boolean {
    return this.#source.isPaused()
  }

  #start(sink: ReadableStreamDefaultController<Uint8Array>): void {
    const source = this.#source
    source.on('data', (chunk: Uint8Array) => {
      // Events may still be under way when the reader has cancelled.
      if (this.#over) return
      this.#owner.passed(chunk)
      sink.enqueue(chunk)
      if ((sink.desiredSize ?? 0) <= 0) source.pause()
    })
    source.on('end', () => {
      if (!this.#close()) return
      sink.close()
      this.#owner.completed()
    })
    const broken = (error: unknown): void => {
      if (this.#close()) sink.error(this.#owner.broke(error))
    }
    source.on('error', broken)
    // A stream may be destroyed without an error; its reader must not wait for ever.
    source.on('close', () => broken(new Error('closed before its end')))
  }

  #cancel(): void {
    if (!this.#close()) return
    this.#source.destroy()
    this.#owner.cancelled()
  }

  #close(): boolean {
    if (this.#over) return false
    return (this.#over = true)
  }
}
