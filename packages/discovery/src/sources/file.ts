// Endpoints in a JSON file that somebody else keeps: a deployment tool, a person, a script. It is looked at regularly, because
// notifications of changes are not to be relied on everywhere. Invariant: a file that is missing or wrong is a source that does not
// answer, never an empty one; it heals with the next good file.
import { type Clock, type Duration, systemClock, type Timer } from '@switchgear/core'
import { check, checkCount, checkKeys, parseDuration } from '@switchgear/core/options'
import { discoveryError, reasonOf, sourceFailed } from '../directory-errors.ts'
import type { Endpoint } from '../endpoint.ts'
import type { Resolver, Watcher, Watching } from '../resolver.ts'
import { sameEndpoints } from '../roster-comparison.ts'
import { Audience } from './audience.ts'
import { type ServiceTexts, servicesOf } from './endpoint-text.ts'
import { look, type Sight } from './file-look.ts'

/** Options of `fileResolver`. */
export interface FileResolverOptions {
  /** A JSON file: `{ "payments": ["http://10.0.0.1:4001", { "address": "10.0.0.2", "port": 4001, "zone": "b" }] }`. */
  readonly path: string
  /** Between two looks. Default '1s'; at least 10 ms. */
  readonly every?: Duration | undefined
  /** A larger file is refused. Default 16 MiB. */
  readonly maxBytes?: number | undefined
  readonly clock?: Clock | undefined
}

const optionNames = ['path', 'every', 'maxBytes', 'clock'] as const satisfies readonly (keyof FileResolverOptions)[]

/**
 * Endpoints in a file. Write it beside and rename it, so that nobody reads a half; a half that is read is taken for a broken file and
 * heals by itself. An endpoint that is taken out is *absent*: it keeps its traffic for a while if it works.
 *
 * @example
 * const directory = createDirectory({ resolver: fileResolver({ path: '/etc/shop/endpoints.json' }) })
 */
export function fileResolver(options: FileResolverOptions): Resolver {
  return new WatchedFile(options)
}

class WatchedFile implements Resolver {
  readonly name = 'file'
  readonly #path: string
  readonly #everyMs: number
  readonly #mostBytes: number
  readonly #clock: Clock
  readonly #audience = new Audience()
  #sight: Sight | undefined = undefined
  /** What the last good file says; undefined before there was one. */
  #services: ReadonlyMap<string, readonly Endpoint[]> | undefined = undefined
  #error: Error | undefined = undefined
  #timer: Timer | undefined = undefined
  #looking: Promise<void> | undefined = undefined

  constructor(options: FileResolverOptions) {
    checkKeys(options, optionNames, 'file')
    const { path, every = '1s', maxBytes = 16 * 1024 ** 2, clock = systemClock } = options
    check(typeof path === 'string' && path !== '', 'file.path', 'the path of a file', path)
    this.#path = path
    this.#everyMs = parseDuration(every, 'file.every', 10)
    this.#mostBytes = checkCount(maxBytes, 'file.maxBytes', 1)
    this.#clock = clock
  }

  watch(service: string, watcher: Watcher): Watching {
    const watching = this.#audience.join(service, watcher, this.#first(service), () => {
      if (this.#audience.size === 0) this.#rest()
    })
    if (this.#looking === undefined && this.#timer === undefined) this.#begin()
    return watching
  }

  async close(): Promise<void> {
    this.#audience.close()
    this.#rest()
    await this.#looking
  }

  /** What is known already; where nothing is, the look that has just begun will tell. */
  #first(service: string): (watcher: Watcher) => void {
    return (watcher) => {
      if (this.#services !== undefined) watcher.found({ endpoints: this.#services.get(service) ?? [], complete: true })
      if (this.#error !== undefined) watcher.failed(this.#error)
    }
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #begin(): void {
    this.#timer = undefined
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined
      if (this.#audience.size === 0) return
      this.#timer = this.#clock.setTimer(() => this.#begin(), this.#everyMs)
      this.#timer.hold?.(false)
    })
  }

  async #look(): Promise<void> {
    try {
      const seen = await look(this.#path, this.#sight, this.#mostBytes, this.#clock.wallNow())
      if (seen === undefined) return
      const isSame = seen.sight.digest === this.#sight?.digest
      this.#sight = seen.sight
      if (!isSame) this.#take(servicesOf(JSON.parse(seen.text) as ServiceTexts, this.#path))
    } catch (error) {
      this.#failed(error)
    }
  }

  #take(services: ReadonlyMap<string, readonly Endpoint[]>): void {
    const before = this.#services
    const wasFailing = this.#error !== undefined
    this.#services = services
    this.#error = undefined
    for (const service of this.#audience.services) {
      const endpoints = services.get(service) ?? []
      const had = before?.get(service)
      const isSame = before !== undefined && sameEndpoints(had ?? [], endpoints)
      if (!isSame || wasFailing) this.#audience.tell(service, { endpoints, complete: true })
    }
  }

  #failed(cause: unknown): void {
    // What cannot even be opened has no sight: whatever is there next is read.
    if (cause instanceof Error && 'syscall' in cause) this.#sight = undefined
    const message = `the file ${this.#path} cannot be used: ${reasonOf(cause)}`
    // Told once, not at every look.
    if (this.#error?.message === message) return
    this.#error = discoveryError(sourceFailed, message, cause)
    this.#audience.fail(this.#error)
  }
}
