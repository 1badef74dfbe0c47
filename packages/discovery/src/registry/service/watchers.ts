// All watches that are open at the registry: their number, their signs of life, and their end. Invariant: there is one timer, set
// only while somebody watches, and after `close` there is neither a timer nor a listener at the books.
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '@switchgear/core'
import { busy } from './errors.ts'
import { Fanout, type Readable } from './fanout.ts'
import { heartbeatHeader } from './wire.ts'
import { type StreamParts, type WatchRequest, WatchStream } from './watch-stream.ts'

/** The bounds of watches. */
export interface WatcherRules {
  readonly catalog: Readable
  readonly clock: Clock
  readonly onError: (error: unknown) => void
  readonly most: number
  /** How often a sign of life is sent. */
  readonly heartbeatMs: number
  /** How long a connection may take nothing. */
  readonly stallMs: number
}

/**
 * See the head of this file.
 *
 * @example
 * const watchers = new Watchers({ catalog, clock, onError, most: 4096, heartbeatMs: 5000, stallMs: 15_000 })
 * watchers.open(response, { services: ['orders'], from: undefined, refused: [] })
 */
export class Watchers {
  readonly #rules: WatcherRules
  readonly #parts: StreamParts
  readonly #streams = new Map<WatchStream, ServerResponse>()
  #timer: Timer | undefined

  constructor(rules: WatcherRules) {
    this.#rules = rules
    const { catalog, clock, onError } = rules
    this.#parts = { catalog: new Fanout(catalog), clock, onError }
  }

  /** Watches that are open. */
  get size(): number {
    return this.#streams.size
  }

  /** Throws `SG_REGISTRY_BUSY`, or what the books throw, when there is no room; otherwise the response belongs to the watch. */
  open(response: ServerResponse, request: WatchRequest): void {
    const { most, heartbeatMs } = this.#rules
    if (this.#streams.size >= most) throw busy(503, `there are ${most} watches already`, 5000)
    const stream = new WatchStream(response, this.#parts, request)
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      [heartbeatHeader]: String(heartbeatMs),
    })
    response.flushHeaders()
    this.#streams.set(stream, response)
    response.once('close', () => {
      stream.close()
      this.#streams.delete(stream)
      if (this.#streams.size > 0) return
      this.#timer?.cancel()
      this.#timer = undefined
    })
    this.#timer ??= this.#nextBeat()
    stream.begin(request.refused)
  }

  /** Ends every stream in order; their readers come back to another registry, or to this one later. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const [stream, response] of this.#streams) {
      stream.close()
      // An end waits behind what a blocked connection has not taken, and may wait for ever.
      if (response.writableNeedDrain) response.destroy()
      else response.end()
    }
  }

  #nextBeat(): Timer {
    const { clock, heartbeatMs, stallMs } = this.#rules
    const timer = clock.setTimer(() => {
      for (const stream of this.#streams.keys()) stream.beat(stallMs)
      this.#timer = this.#nextBeat()
    }, heartbeatMs)
    timer.hold?.(false)
    return timer
  }
}
