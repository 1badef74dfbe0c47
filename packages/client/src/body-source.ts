// A request body that comes piece by piece: a web stream, a Node stream or any async iterable. Owns the source from the moment it
// was given. What was read is kept up to a bound, so that another try can begin with it; beyond the bound it is sent once.
// Invariant: whatever becomes of the call, the source is read to its end or cancelled; each piece is read from it once; what the
// source itself throws is told apart from what happens on the wire, because it is the caller's failure and not the service's.
import { Readable } from 'node:stream'

type Chunk = Uint8Array | string

/** How much of a body is kept for another try where nothing else is said. */
export const mostReplayed: number = 65_536

/** The body as it is sent. Every iteration begins at its first byte; a later one makes those before it fail. */
export class BodySource implements AsyncIterable<Chunk> {
  /** What the source threw, once it did. */
  fault: { readonly error: unknown } | undefined = undefined
  readonly #source: ReadableStream<Uint8Array> | AsyncIterable<unknown>
  readonly #mostKept: number
  #next: (() => Promise<IteratorResult<unknown>>) | undefined = undefined
  #cancel: ((reason: unknown) => unknown) | undefined = undefined
  #kept: Chunk[] = []
  #keptBytes = 0
  /** Pieces that are no longer kept. */
  #dropped = 0
  #overflown = false
  #current: Cursor | undefined = undefined
  #pulling: Promise<void> | undefined = undefined
  #wake: () => void = nothing
  #over = false
  #released = false

  /** A locked web stream throws. `mostKept` is in bytes. */
  constructor(source: ReadableStream<Uint8Array> | AsyncIterable<unknown>, mostKept: number = mostReplayed) {
    this.#source = source
    this.#mostKept = mostKept
    // A stream that breaks before it is read must not end the process; whoever reads it hears of it.
    if (source instanceof Readable) source.on('error', nothing)
    // At once, so that nobody else reads it and it can be cancelled while a read is pending.
    if (source instanceof ReadableStream) this.#open()
  }

  /** Whether it can be sent once more from its first byte. */
  get replayable(): boolean {
    return !this.#overflown && this.fault === undefined && !this.#released
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    const cursor = new Cursor((current) => this.#read(current))
    this.#current = cursor
    return cursor
  }

  /** Nobody sends it any more: cancels what was not read. Harmless when called again. */
  release(reason?: unknown): void {
    if (this.#released) return
    this.#released = true
    this.#kept = []
    this.#wake()
    if (this.#over) return
    if (this.#next === undefined) this.#open()
    // Cancelling is a courtesy to the source. That it fails concerns nobody: the call has ended already and its caller was told why.
    const cancelled = new Promise((resolve) => {
      resolve(this.#cancel?.(reason ?? new Error('the call ended before the body was sent')))
    })
    cancelled.catch(nothing)
  }

  #open(): void {
    const source = this.#source
    if (source instanceof ReadableStream) {
      // Not through its iterator: that one cannot cancel while a read is pending, which is when it matters.
      const reader = source.getReader()
      this.#next = () => reader.read()
      this.#cancel = (reason) => reader.cancel(reason)
      return
    }
    if (source instanceof Readable) this.#cancel = () => source.destroy()
    else this.#cancel = () => iterator.return?.()
    const iterator = source[Symbol.asyncIterator]()
    this.#next = () => iterator.next()
  }

  async #read(cursor: Cursor): Promise<IteratorResult<Chunk, undefined>> {
    for (;;) {
      // An end would look like that of the body, and the half of a body like a whole one.
      if (cursor !== this.#current || this.#released) throw new Error('the body is no longer wanted here')
      const chunk = this.#kept[cursor.index - this.#dropped]
      if (chunk !== undefined) {
        cursor.index++
        this.#forget(cursor)
        return { done: false, value: chunk }
      }
      if (this.fault !== undefined) throw this.fault.error
      if (this.#over) return { done: true, value: undefined }
      await (this.#pulling ??= this.#pull())
    }
  }

  /** One piece for whoever reads. It settles when the source answers, or when nobody waits for it any more. */
  #pull(): Promise<void> {
    if (this.#next === undefined) this.#open()
    return new Promise((resolve) => {
      this.#wake = resolve
      const settled = (): void => {
        this.#pulling = undefined
        resolve()
      }
      this.#next?.().then(
        ({ done, value }) => {
          if (done === true) this.#over = true
          else if (value instanceof Uint8Array || typeof value === 'string') this.#keep(value)
          else this.#fail(new TypeError(`a body's chunks must be bytes, got ${typeof value}`))
          settled()
        },
        (error: unknown) => {
          this.#over = true
          this.#fail(error)
          settled()
        },
      )
    })
  }

  #keep(chunk: Chunk): void {
    this.#kept.push(chunk)
    this.#keptBytes += chunk.length
    if (this.#keptBytes > this.#mostKept) this.#overflown = true
  }

  /** Beyond the bound, what was sent is let go. */
  #forget({ index }: Cursor): void {
    if (!this.#overflown) return
    this.#kept.splice(0, index - this.#dropped)
    this.#dropped = index
  }

  #fail(error: unknown): void {
    this.fault ??= { error }
  }
}

/** One try's way through the body. */
class Cursor implements AsyncIterator<Chunk> {
  index = 0
  readonly #read: (cursor: Cursor) => Promise<IteratorResult<Chunk, undefined>>

  constructor(read: (cursor: Cursor) => Promise<IteratorResult<Chunk, undefined>>) {
    this.#read = read
  }

  next(): Promise<IteratorResult<Chunk, undefined>> {
    return this.#read(this)
  }

  /** The try has ended; the source goes on for the next one. */
  return(): Promise<IteratorResult<Chunk, undefined>> {
    return Promise.resolve({ done: true, value: undefined })
  }
}

const nothing = (): void => undefined
