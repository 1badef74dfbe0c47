// The watch of one service in Kubernetes ("Kubernetes API Concepts": a list, then a watch from its resourceVersion). It owns its poll,
// the book of slices and the version up to which the book is right. Invariant: a version is only ever the last one that the server
// gave and the book contains; versions are opaque and never compared.
import type { Timer } from '@switchgear/core'
import { Deadline } from '../polling/deadline.ts'
import { fields } from '../polling/json-parts.ts'
import { News } from '../polling/news.ts'
import { Poll, untilAborted } from '../polling/poll.ts'
import { excerpt, SourceError } from '../polling/source-error.ts'
import type { Watcher, Watching } from '../resolver.ts'
import type { ApiServer } from './api-server.ts'
import { BadLine, jsonLines } from './json-lines.ts'
import type { KubernetesSettings } from './options.ts'
import { type Place, placeOf } from './place.ts'
import { readSlice, type SliceReading } from './slice.ts'
import { SliceBook } from './slice-book.ts'

/** Watches in a row that may end at once before the asking slows down. */
const burst = 3

/** One watch. Made by `kubernetesResolver`; `ended` is called once when it is closed. */
export class KubernetesWatch implements Watching {
  readonly #name: string
  readonly #api: ApiServer
  readonly #settings: KubernetesSettings
  readonly #ended: () => void
  readonly #place: Place | undefined
  readonly #news: News
  readonly #poll: Poll
  readonly #book = new SliceBook()
  /** Where the next watch begins; undefined: with a new list. */
  #version: string | undefined = undefined
  #gathering: Timer | undefined = undefined
  #toldOfProblem = false
  #closed = false

  constructor(name: string, watcher: Watcher, api: ApiServer, settings: KubernetesSettings, ended: () => void) {
    const { clock, random, everyMs } = settings
    this.#name = name
    this.#api = api
    this.#settings = settings
    this.#ended = ended
    this.#place = placeOf(name, settings)
    this.#news = new News(watcher)
    this.#poll = new Poll(
      (signal, heard) => this.#ask(signal, heard),
      (error) => this.#news.failed(error),
      { clock, random, burst, everyMs, retryMs: 500, retryMaxMs: 30_000 },
    )
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#news.close()
    this.#gathering?.cancel()
    this.#poll.close()
    this.#ended()
  }

  async #ask(signal: AbortSignal, heard: () => void): Promise<void> {
    const place = this.#place
    if (place === undefined) {
      this.#news.found({ endpoints: [], complete: true })
      return untilAborted(signal)
    }
    try {
      if (this.#version === undefined) {
        this.#version = await this.#list(place, signal)
        this.#tell()
      }
      await this.#watch(place, this.#version, signal, heard)
    } catch (error) {
      const status = error instanceof SourceError ? error.status : undefined
      // What came without a status of its own in the midst of a watch leaves open what else was lost.
      if (status === 410 || error instanceof BadEvent) this.#version = undefined
      // The version is too old, which is nothing but a reason for a new list. What is held stays until that has come whole.
      if (status !== 410) throw error
    }
  }

  /** Takes a whole list, page by page, and answers its version. */
  async #list(place: Place, signal: AbortSignal): Promise<string> {
    const { pageSize, maxSlices, timeoutMs } = this.#settings
    const readings = new Map<string, SliceReading>()
    for (let next = ''; ;) {
      const query = this.#query(place)
      query.set('limit', String(pageSize))
      if (next !== '') query.set('continue', next)
      const deadline = this.#deadline(signal, timeoutMs)
      let page: Readonly<Record<string, unknown>>
      try {
        page = fields(await this.#api.json(pathOf(place), query, deadline))
      } finally {
        deadline.end()
      }
      const { kind, metadata, items } = page
      const { resourceVersion, continue: more } = fields(metadata)
      if (kind !== 'EndpointSliceList' || typeof resourceVersion !== 'string' || resourceVersion === '')
        throw this.#api.failure('gave an answer that is no list of EndpointSlices')
      // An empty list of Go is null in JSON.
      for (const item of Array.isArray(items) ? items : []) readings.set(nameOf(item), this.#read(item, place))
      if (readings.size > maxSlices) throw this.#tooMany()
      if (typeof more !== 'string' || more === '') {
        this.#book.replace(readings)
        return resourceVersion
      }
      next = more
    }
  }

  /** Follows the events from a version on until the server ends the watch, as it does after the time it was given. */
  async #watch(place: Place, version: string, signal: AbortSignal, heard: () => void): Promise<void> {
    const { clock, random, watchForMs, timeoutMs, maxAnswerBytes } = this.#settings
    // Spread, so that watches begun together do not end together for ever.
    const seconds = Math.ceil((watchForMs * (1 - random() / 2)) / 1000)
    const query = this.#query(place)
    query.set('watch', 'true')
    query.set('resourceVersion', version)
    query.set('allowWatchBookmarks', 'true')
    query.set('timeoutSeconds', String(seconds))
    const begunAt = clock.now()
    const deadline = this.#deadline(signal, timeoutMs)
    let events = 0
    try {
      const answer = await this.#api.get(pathOf(place), query, deadline)
      deadline.extend(seconds * 1000 + timeoutMs)
      // It is heard again, after a failure also when there is nothing new.
      this.#tell()
      for await (const event of jsonLines(answer.body, maxAnswerBytes / 4)) {
        this.#learn(event, place)
        events++
        heard()
      }
    } catch (error) {
      if (error instanceof BadLine) throw this.#bad(`${error.message} ${excerpt(error.line)}`)
      if (error instanceof SourceError || error instanceof BadEvent) throw error
      // A watch that was cut goes on from the last version like one that ended; only when it came to nothing is that a failure.
      if (events === 0 && clock.now() - begunAt < timeoutMs) throw this.#api.broken(error)
    } finally {
      deadline.end()
      this.#flush()
    }
  }

  #learn(event: unknown, place: Place): void {
    const { type, object } = fields(event)
    if (type === 'ERROR') throw this.#errorOf(object)
    const name = nameOf(object)
    const { resourceVersion } = fields(fields(object).metadata)
    if (typeof resourceVersion !== 'string' || resourceVersion === '') throw this.#bad('an event without a version')
    if (type === 'ADDED' || type === 'MODIFIED') {
      if (!this.#book.has(name) && this.#book.size >= this.#settings.maxSlices) throw this.#tooMany()
      this.#book.put(name, this.#read(object, place))
      this.#gather()
    } else if (type === 'DELETED') {
      this.#book.remove(name)
      this.#gather()
    } else if (type !== 'BOOKMARK') throw this.#bad(`an event of the type ${excerpt(String(type))}`)
    this.#version = resourceVersion
  }

  /** The Status object of an ERROR event. */
  #errorOf(object: unknown): Error {
    const { code, reason, message } = fields(object)
    const gone = code === 410 || reason === 'Gone' || reason === 'Expired'
    if (gone) return this.#api.failure('no longer has the version', { status: 410 })
    return this.#bad(`the error ${excerpt(`${String(code)} ${String(message ?? reason)}`)}`)
  }

  /** Tells what the events add up to, shortly after the first of them: they come in flocks, and each telling is of all endpoints. */
  #gather(): void {
    if (this.#gathering !== undefined || this.#closed) return
    const { clock, gatherForMs } = this.#settings
    this.#gathering = clock.setTimer(() => this.#flush(), gatherForMs)
    this.#gathering.hold?.(false)
  }

  #flush(): void {
    if (this.#gathering === undefined) return
    this.#gathering.cancel()
    this.#gathering = undefined
    this.#tell()
  }

  #tell(): void {
    // Left ids are said once: whatever is told now has all of them.
    this.#gathering?.cancel()
    this.#gathering = undefined
    const snapshot = this.#book.snapshot()
    const { problem } = this.#book
    if (problem === undefined) this.#toldOfProblem = false
    else if (!this.#toldOfProblem) {
      this.#toldOfProblem = true
      this.#settings.onProblem?.(`kubernetes: ${this.#name}: some of it cannot be used: ${problem}`)
    }
    // It has endpoints, none of which can be used: that is no news of an empty service.
    if (problem !== undefined && snapshot.endpoints.length === 0)
      this.#news.failed(this.#api.failure(`has ${excerpt(this.#name)}, but nothing of it can be used: ${problem}`))
    else this.#news.found(snapshot)
  }

  #read(slice: unknown, place: Place): SliceReading {
    return readSlice(slice, place.port, this.#name)
  }

  #query({ service }: Place): URLSearchParams {
    return new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${service}` })
  }

  #deadline(signal: AbortSignal, ms: number): Deadline {
    const late = (): Error => this.#api.failure(`is silent: asked for ${excerpt(this.#name)}, it did not end in time`)
    return new Deadline(this.#settings.clock, signal, ms, late)
  }

  #tooMany(): Error {
    return this.#bad(`more than ${this.#settings.maxSlices} EndpointSlices of one service`)
  }

  #bad(what: string): BadEvent {
    return new BadEvent('SG_KUBERNETES_FAILED', this.#api.failure(`sent ${what}`).message)
  }
}

/** What a watch must not say. It leaves open what else was lost, so a new list has to follow. */
class BadEvent extends SourceError {}

function pathOf({ namespace }: Place): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
}

function nameOf(object: unknown): string {
  const { name } = fields(fields(object).metadata)
  return typeof name === 'string' ? name : ''
}
