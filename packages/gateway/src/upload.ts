// The body of a request on its way to the service. A small one of known length is read whole before admission, so that it
// can be sent again and a slow sender holds no permit; any other is streamed once, chunk by chunk, at the service's pace.
// Invariant: the client's connection is never destroyed from here, since an answer must still fit through it.
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** Longest body that is read whole and can be repeated. */
export const mostBuffered: number = 64 * 1024

/** What a request says about its body: undefined when it has none, else its length, or NaN when it is chunked. */
export function declaredLength(request: IncomingMessage): number | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return Number.NaN
  const length = Number(request.headers['content-length'] ?? 0)
  return length === 0 ? undefined : length
}

/**
 * Reads a body of known, small length. Rejects with the signal's reason when it aborts; the caller aborts for every end but
 * the good one, the client's disconnect included.
 */
export function readWhole(request: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const take = (chunk: Buffer): void => void chunks.push(chunk)
    const end = (): void => {
      stop()
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
    }
    const abort = (): void => {
      stop()
      request.pause()
      reject(signal.reason)
    }
    const stop = (): void => {
      request.off('data', take).off('end', end).off('error', ignore)
      signal.removeEventListener('abort', abort)
    }
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    request.on('error', ignore).on('end', end).on('data', take)
  })
}

// A request that breaks off closes its connection, and that aborts the signal: one way to hear of it is enough.
const ignore = (): void => undefined

/** A body that is streamed. Destroying it leaves the request paused and the connection open. */
export class Upload extends Readable {
  readonly #request: IncomingMessage
  readonly #begin: () => void
  #begun = false
  #wanted = false
  /** Called for every chunk that came from the client. */
  onProgress: () => void = ignore

  /** `begin` is called once, when the service is ready for the first byte: the moment to say `100 Continue`. */
  constructor(request: IncomingMessage, begin: () => void) {
    super()
    this.#request = request
    this.#begin = begin
    // Whoever streams it hears of the error by a listener of its own; this one is for the time before and after.
    this.on('error', ignore)
  }

  /** Whether the service waits for the client now: all that came was passed on, and the end has not come. */
  get starved(): boolean {
    return this.#wanted && this.readableLength === 0 && !this.#request.complete
  }

  override _read(): void {
    this.#wanted = true
    if (this.#begun) this.#request.resume()
    else this.#start()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#begun) {
      this.#request.off('data', this.#take).off('end', this.#end).off('error', this.#broken)
      this.#request.pause()
    }
    done(error)
  }

  #start(): void {
    this.#begun = true
    this.#begin()
    this.#request.on('error', this.#broken).on('end', this.#end).on('data', this.#take)
  }

  readonly #take = (chunk: Buffer): void => {
    this.onProgress()
    if (this.push(chunk)) return
    this.#wanted = false
    this.#request.pause()
  }

  readonly #end = (): void => void this.push(null)

  readonly #broken = (error: Error): void => void this.destroy(error)
}
