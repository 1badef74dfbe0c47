// One watch of one reader: the services it asked for, as server-sent events. Nothing is queued for it: while its connection takes
// no more, only the names of services with news are remembered, and what is new is looked up when it takes more again.
// Invariant: an event has an id only when everything up to it was told for every service of the stream, so a reader that comes
// back with its last id misses nothing. https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { ServerResponse } from 'node:http'
import type { Clock } from '@switchgear/core'
import type { Readable } from './fanout.ts'
import { type News, type Position, ServiceFeed } from './service-feed.ts'
import { type RefusedService, shownChange, shownView } from './wire.ts'

/** What is watched, and from where on. */
export interface WatchRequest {
  readonly services: readonly string[]
  /** Of an earlier stream of the same services. */
  readonly from: Position | undefined
  /** Names that were asked for and are not told. */
  readonly refused: readonly RefusedService[]
}

/** What streams are made over. */
export interface StreamParts {
  readonly catalog: Readable
  readonly clock: Clock
  /** Hears of what the books throw in the midst of a stream. */
  readonly onError: (error: unknown) => void
}

/**
 * See the head of this file.
 *
 * @example
 * const stream = new WatchStream(response, { catalog, clock, onError }, { services: ['orders'], from: undefined, refused: [] })
 * stream.begin([])
 */
export class WatchStream {
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #feeds = new Map<string, ServiceFeed>()
  readonly #dirty = new Set<string>()
  #blockedSince: number | undefined
  #isScheduled = false
  #isOver = false

  /** Throws what the books throw when they take no more watches. */
  constructor(response: ServerResponse, { catalog, clock, onError }: StreamParts, request: WatchRequest) {
    this.#response = response
    this.#clock = clock
    this.#onError = onError
    try {
      for (const service of request.services) {
        const onNews = (): void => this.#mark(service)
        this.#feeds.set(service, new ServiceFeed(catalog, service, onNews, request.from))
      }
    } catch (error) {
      // The books take no more watches; those that were begun must not stay.
      this.close()
      throw error
    }
  }

  /** Tells everything that there is now; the head of the response has been written. */
  begin(refused: WatchRequest['refused']): void {
    this.#response.on('drain', this.#onDrain)
    for (const service of this.#feeds.keys()) this.#dirty.add(service)
    for (const one of refused) this.#write(event('refused', one))
    this.#pump()
  }

  /** A sign of life; ends a stream whose connection has taken nothing for `stallMs`. */
  beat(stallMs: number): void {
    if (this.#blockedSince === undefined) this.#write(':\n\n')
    else if (this.#clock.now() - this.#blockedSince >= stallMs) this.#response.destroy()
  }

  /** Stops telling. The response is ended by whoever calls this, or already gone. */
  close(): void {
    this.#isOver = true
    this.#response.off('drain', this.#onDrain)
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
    this.#dirty.clear()
  }

  #mark(service: string): void {
    this.#dirty.add(service)
    if (this.#isScheduled) return
    this.#isScheduled = true
    // After the turn in which the books change, so that many changes of one turn are one look.
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    try {
      this.#tellAll()
    } catch (error) {
      // Books that fail or are being closed: the reader goes elsewhere, and comes back with its last id.
      this.#response.destroy()
      this.#onError(error)
    }
  }

  #tellAll(): void {
    for (const service of this.#dirty) {
      if (this.#isOver || this.#blockedSince !== undefined) return
      this.#dirty.delete(service)
      const news = this.#feeds.get(service)?.read()
      // All of this runs within one turn, so with nothing else waiting everything up to now has been told.
      if (news !== undefined) this.#write(eventsOf(service, news, this.#dirty.size === 0 ? this.#latest() : undefined))
    }
  }

  #latest(): Position | undefined {
    let latest: Position | undefined
    for (const { position } of this.#feeds.values()) {
      // Services that were last read in different lives of the books have no common position.
      if (position === undefined || (latest !== undefined && position.epoch !== latest.epoch)) return undefined
      if (latest === undefined || position.index > latest.index) latest = position
    }
    return latest
  }

  #write(text: string): void {
    if (text === '' || this.#isOver) return
    if (!this.#response.write(text)) this.#blockedSince ??= this.#clock.now()
  }

  readonly #onDrain = (): void => {
    this.#blockedSince = undefined
    this.#pump()
  }
}

function eventsOf(service: string, { view, changes, complete }: News, position: Position | undefined): string {
  const events = changes.map((change) => ['change', shownChange(change)] as const)
  const all: (readonly [string, object])[] = view === undefined ? events : [['view', shownView(view)]]
  if (complete !== undefined) all.push(['complete', { service, complete }])
  return all.map(([name, data], at) => event(name, data, at === all.length - 1 ? position : undefined)).join('')
}

function event(name: string, data: object, position?: Position): string {
  const id = position === undefined ? '' : `id: ${position.epoch}:${position.index}\n`
  return `event: ${name}\n${id}data: ${JSON.stringify(data)}\n\n`
}
