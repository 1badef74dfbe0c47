// Up to 64 services over one connection, for ever: it connects, resumes after the last event, goes to another registry when one
// fails, and waits longer each time. Groups are what keeps hundreds of services from being hundreds of connections and retries.
// Invariant: at most one connection at a time; a service that joins gets its view; after `close` nothing is left or told.
import type { Clock, Random } from '@switchgear/core'
import type { Agent } from 'undici'
import { SwitchgearError } from '@switchgear/core'
import { follow } from './event-stream.ts'
import type { RegistryUrls } from './registry-link.ts'
import type { ServerSentEvent } from './sse-parser.ts'
import { WatchedService } from './watched-service.ts'
import { mostWatched, readChange, readComplete, readRefused, readView } from './wire.ts'
import { waitMs } from './waits.ts'

/** What all groups of a resolver share, and their own list of URLs. */
export interface GroupParts {
  readonly agent: Agent
  readonly urls: RegistryUrls
  readonly token: string | undefined
  readonly headMs: number
  readonly clock: Clock
  readonly random: Random
}

/** Characters of their names together: they stand in the target of the request. */
const mostChars = 8192
/** Services that join within so long join together. */
const joinMs = 10
const waits = { firstMs: 250, longestMs: 30_000 }
/** After a stream that was well, or before another registry is tried. */
const soonMs = 100
/** A stream that was shorter than this counts like a failed try, so that a registry that hangs up is not asked without end. */
const longEnoughMs = 5000

/**
 * See the head of this file.
 *
 * @example
 * const group = new WatchGroup({ agent, urls, token, headMs: 6000, clock, random })
 * const watching = group.add('orders').add(watcher, () => group.remove('orders'))
 */
export class WatchGroup {
  readonly #parts: GroupParts
  readonly #services = new Map<string, WatchedService>()
  #lastEventId = ''
  #chars = 0
  #connection: AbortController | undefined
  #timer: { cancel(): void } | undefined
  #misses = 0
  #isWaiting = false
  #isJoining = false

  constructor(parts: GroupParts) {
    this.#parts = parts
  }

  /** Whether one more service fits in. */
  hasRoomFor(service: string): boolean {
    return this.#services.size < mostWatched && this.#chars + service.length <= mostChars
  }

  get size(): number {
    return this.#services.size
  }

  add(service: string): WatchedService {
    const watched = new WatchedService()
    this.#services.set(service, watched)
    this.#chars += service.length
    this.#isJoining = true
    // After a failed try its wait is kept: a service that joins is no reason to ask a sick registry more often.
    if (!this.#isWaiting) this.#begin(joinMs)
    return watched
  }

  /** Nobody watches it any more. What is still told of it is not listened to. */
  remove(service: string): void {
    if (!this.#services.delete(service)) return
    this.#chars -= service.length
    if (this.#services.size === 0) this.close()
  }

  close(): void {
    this.#services.clear()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isWaiting = false
    this.#connection?.abort()
    this.#connection = undefined
  }

  #begin(ms: number): void {
    this.#timer?.cancel()
    const timer = this.#parts.clock.setTimer(() => {
      this.#isWaiting = false
      this.#connection?.abort()
      // Nothing was told of who joins up to the last event: the views of all come again.
      if (this.#isJoining) this.#lastEventId = ''
      this.#isJoining = false
      const connection = new AbortController()
      this.#connection = connection
      void this.#connect(connection)
    }, ms)
    timer.hold?.(false)
    this.#timer = timer
  }

  /** Never rejects. A connection that was replaced or closed meanwhile has nothing more to say. */
  async #connect(connection: AbortController): Promise<void> {
    const { urls, clock, agent, token, headMs } = this.#parts
    const { origin, prefix } = urls.current
    const names = [...this.#services.keys()].map((name) => `service=${encodeURIComponent(name)}`)
    const { signal } = connection
    let liveSince: number | undefined
    let failure: Error = new SwitchgearError('SG_REGISTRY_UNREACHABLE', 'the registry ended the watch')
    try {
      const path = `${prefix}/v1/watch?${names.join('&')}`
      const heard = (events: readonly ServerSentEvent[], lastEventId: string): void => {
        if (signal.aborted) return
        if (events.length > 0) liveSince ??= clock.now()
        this.#take(events)
        if (lastEventId !== '') this.#lastEventId = lastEventId
      }
      await follow({ agent, clock, origin, path, token, lastEventId: this.#lastEventId, headMs, signal, heard })
    } catch (error) {
      failure = error as Error
    }
    if (this.#connection === connection) this.#ended(liveSince, failure)
  }

  #ended(liveSince: number | undefined, failure: Error): void {
    const { urls, clock, random } = this.#parts
    this.#connection = undefined
    urls.advance()
    const isWell = liveSince !== undefined && clock.now() - liveSince >= longEnoughMs
    this.#misses = isWell ? 0 : this.#misses + 1
    const beyond = this.#misses - urls.count
    // A stream that ended is no outage; that no registry takes it up is one, or that what it says makes no sense.
    const isSenseless = failure instanceof SwitchgearError && failure.code === 'SG_REGISTRY_ANSWER'
    const isOutage = (liveSince === undefined && beyond >= 0) || isSenseless
    this.#isWaiting = true
    this.#begin(beyond < 0 ? soonMs * random() : waitMs(waits, beyond + 1, random))
    // Last, because whoever hears of it may close this.
    if (isOutage) for (const watched of this.#services.values()) watched.failed(failure)
  }

  /** What is not understood is thrown; events of a later version are left alone. */
  #take(events: readonly ServerSentEvent[]): void {
    const touched = new Set<WatchedService>()
    try {
      for (const { type, data } of events) {
        const watched = this.#apply(type, data)
        if (watched !== undefined) touched.add(watched)
      }
    } finally {
      // What came before something senseless was said with sense.
      for (const watched of touched) watched.flush()
    }
  }

  #apply(type: string, data: string): WatchedService | undefined {
    if (type === 'view') {
      const view = readView(data)
      const watched = this.#services.get(view.service)
      watched?.view(view)
      return watched
    }
    if (type === 'change') {
      const change = readChange(data)
      const watched = this.#services.get(change.service)
      watched?.change(change)
      return watched
    }
    if (type === 'complete') {
      const { service, complete } = readComplete(data)
      const watched = this.#services.get(service)
      watched?.complete(complete)
      return watched
    }
    if (type === 'refused') {
      const { service, code, detail } = readRefused(data)
      this.#services.get(service)?.failed(new SwitchgearError(code, `the registry does not tell ${service}: ${detail}`))
    }
    return undefined
  }
}
