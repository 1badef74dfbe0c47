// The handlers of undici 6 and 7, in the words of undici 8: a client from npm of that age, and the fetch of Node 22 and 24. Invariant:
// fields are told as they expect them, a flat list of buffers, also where they come from HTTP/2 or from a fallback.
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'

/** A handler as undici up to version 7 took it. */
export interface OldHandler {
  onConnect?(abort: (reason?: Error) => void, context: unknown): void
  onUpgrade?(status: number, fields: readonly Buffer[], socket: Duplex): void
  /** False asks to pause. */
  onHeaders?(status: number, fields: readonly Buffer[], resume: () => void, statusText: string): boolean | undefined
  onData?(chunk: Buffer): boolean | undefined
  onComplete?(trailers: readonly Buffer[]): void
  onError?(error: unknown): void
  onResponseStarted?(): void
  onBodySent?(chunk: unknown): void
  onRequestSent?(): void
}

type Controller = Dispatcher.DispatchController

/** Answers `handler` where it is a new one, else the same in new words. */
export function modern(handler: Dispatcher.DispatchHandler | OldHandler): Dispatcher.DispatchHandler {
  return 'onRequestStart' in handler ? handler : new LegacyHandler(handler as OldHandler)
}

class LegacyHandler implements Dispatcher.DispatchHandler {
  readonly #old: OldHandler

  constructor(old: OldHandler) {
    this.#old = old
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#old.onConnect?.((reason) => controller.abort(reason as Error), context)
  }

  onRequestUpgrade(controller: Controller, status: number, fields: object, socket: Duplex): void {
    this.#old.onUpgrade?.(status, flat(controller.rawHeaders ?? fields), socket)
  }

  onResponseStarted(): void {
    this.#old.onResponseStarted?.()
  }

  onResponseStart(controller: Controller, status: number, fields: object, statusText = ''): void {
    const resume = (): void => controller.resume()
    if (this.#old.onHeaders?.(status, flat(controller.rawHeaders ?? fields), resume, statusText) === false)
      controller.pause()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#old.onData?.(chunk) === false) controller.pause()
  }

  onResponseEnd(controller: Controller, trailers: object): void {
    this.#old.onComplete?.(flat(controller.rawTrailers ?? trailers))
  }

  onResponseError(_controller: Controller, error: unknown): void {
    this.#old.onError?.(error)
  }

  onBodySent(chunk: unknown): void {
    this.#old.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#old.onRequestSent?.()
  }
}

function flat(fields: object | null | undefined): Buffer[] {
  const all: unknown[] = Array.isArray(fields)
    ? fields
    : Object.entries(fields ?? {}).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]))
  return all.map((one) => (Buffer.isBuffer(one) ? one : Buffer.from(String(one), 'latin1')))
}
