// The body of a response on its way to the reader, as a web stream. It fetches ahead a little, so that a short body which
// nobody reads still ends by itself and gives back its slot and connection. Invariant: it ends exactly once, in one of three
// ways: complete, cancelled by its reader, or failed.

/** Where the body comes from. */
export interface BodyFlow {
  pause(): void
  resume(): void
  /** The reader wants no more of it. */
  leave(): void
}

const bytesAhead = 65_536

/** One body. */
export class ResponseBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly #flow: BodyFlow
  #sink: ReadableStreamDefaultController<Uint8Array> | undefined = undefined
  #paused = false
  #over = false

  constructor(flow: BodyFlow) {
    this.#flow = flow
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (sink) => void (this.#sink = sink),
        pull: () => this.#resume(),
        cancel: () => {
          this.#over = true
          flow.leave()
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: bytesAhead }),
    )
  }

  push(chunk: Uint8Array): void {
    if (this.#over) return
    this.#sink?.enqueue(chunk)
    if (this.#paused || (this.#sink?.desiredSize ?? 0) > 0) return
    this.#paused = true
    this.#flow.pause()
  }

  end(): void {
    if (this.#over) return
    this.#over = true
    this.#sink?.close()
  }

  fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#sink?.error(error)
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#flow.resume()
  }
}
