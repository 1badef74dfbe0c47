// One service in etcd: all its keys are read, then followed from the next revision on. Invariant: what is told is what etcd held at one
// revision and everything after it, in order; a watch that was compacted, that went silent while keys changed, or that meets another
// or an older store (restored from a copy, wiped) begins anew by reading. A reading misses keys but never says that they have left.
import { SwitchgearError } from '@switchgear/core'
import type { Watcher, Watching } from '../resolver.ts'
import { excerpt } from '../polling/source-error.ts'
import { Deadline } from '../polling/deadline.ts'
import { News } from '../polling/news.ts'
import { Poll } from '../polling/poll.ts'
import { KeyedEndpoints } from '../sources/keyed-endpoints.ts'
import { discoveryError, discoveryFull, reasonOf, sourceFailed } from '../directory-errors.ts'
import type { EtcdGateway } from './gateway.ts'
import {
  endOfRange,
  type EtcdNews,
  type EtcdPage,
  type EtcdPair,
  keyAfter,
  linesOf,
  newsOf,
  pageOf,
  toBase64,
} from './messages.ts'
import type { EtcdSettings } from './options.ts'

/** Keys of one page; with values of a few hundred bytes well below etcd's largest message. */
const pageSize = 1000
const mostCharacters = 32 * 1024 ** 2
/** How long a change may be under way to us before the watch counts as hanging; at most the time between two comparisons. */
const graceMs = 2000

/** The watch of one service. */
export class EtcdWatch implements Watching {
  readonly #gateway: EtcdGateway
  readonly #settings: EtcdSettings
  readonly #prefix: string
  readonly #range: { readonly key: string; readonly range_end: string }
  readonly #keys: KeyedEndpoints
  /** Keys under a lease. Etcd does not say whether such a one was deleted by somebody or by the end of its lease. */
  #leased = new Set<string>()
  readonly #news: News
  readonly #poll: Poll
  #cluster = ''
  /** Everything up to here is known; undefined: nothing is, read again. */
  #revision: number | undefined = undefined

  constructor(service: string, watcher: Watcher, gateway: EtcdGateway, settings: EtcdSettings) {
    this.#gateway = gateway
    this.#settings = settings
    this.#prefix = settings.prefix.replace('{service}', () => service)
    this.#range = { key: toBase64(this.#prefix), range_end: toBase64(endOfRange(this.#prefix)) }
    this.#keys = new KeyedEndpoints(`etcd: ${service}`, settings.maxEndpoints, settings.onProblem)
    this.#news = new News(watcher)
    const { clock, random } = settings
    const pacing = { clock, random, burst: 3, everyMs: 1000, retryMs: 100, retryMaxMs: 10_000 }
    this.#poll = new Poll(
      (signal, heard) => this.#session(signal, heard),
      (error) => this.#news.failed(error),
      pacing,
    )
  }

  close(): void {
    this.#poll.close()
    this.#news.close()
  }

  /** From knowing nothing, or up to a revision, to the end of a watch. Rejects where etcd cannot be asked. */
  async #session(signal: AbortSignal, heard: () => void): Promise<void> {
    if (this.#revision !== undefined) await this.#recognise(signal)
    if (this.#revision === undefined) await this.#read(signal)
    const ending = new AbortController()
    const end = AbortSignal.any([signal, ending.signal])
    try {
      await Promise.race([this.#follow(end, heard), this.#compare(end)])
    } catch (error) {
      // Whether the member is gone or only this connection, the next session finds out: it asks all of them.
      if (error instanceof Lost) return
      throw error
    } finally {
      ending.abort()
    }
  }

  /** After an interruption: is it still the store that we know? One that is younger would wait for a revision far away. */
  async #recognise(signal: AbortSignal): Promise<void> {
    const page = await this.#head(signal)
    if (page.cluster !== this.#cluster || page.revision < (this.#revision ?? 0)) this.#revision = undefined
  }

  async #read(signal: AbortSignal): Promise<void> {
    const pairs: EtcdPair[] = []
    let from = this.#range.key
    let at: number | undefined
    for (let hasMore = true; hasMore;) {
      // Later pages are asked for at the revision of the first, so that all of them are of one moment.
      const revision = at === undefined ? {} : { revision: at }
      const page = await this.#page({ ...this.#range, key: from, limit: pageSize, ...revision }, signal)
      if (pairs.length + page.count > this.#settings.maxEndpoints)
        throw discoveryError(discoveryFull, `etcd: ${this.#prefix} has ${page.count} keys, more than maxEndpoints`)
      at ??= page.revision
      this.#cluster = page.cluster
      pairs.push(...page.pairs)
      const last = page.pairs.at(-1)
      hasMore = page.hasMore && last !== undefined
      if (last !== undefined) from = keyAfter(last.rawKey)
    }
    // Gone ones first: they must not take the room of those that are there.
    this.#keys.retain(new Set(pairs.map(({ key }) => this.#idOf(key))))
    this.#leased = new Set(pairs.flatMap(({ key, isLeased }) => (isLeased ? this.#idOf(key) : [])))
    for (const { key, value } of pairs) this.#keys.put(this.#idOf(key), value)
    this.#revision = at
    this.#news.found(this.#keys.snapshot())
  }

  /** Follows until the stream ends. Rejects with `Lost` where it broke after it had begun. */
  async #follow(signal: AbortSignal, heard: () => void): Promise<void> {
    const { clock, timeoutMs } = this.#settings
    const late = (): Error => new Error(`the watch did not begin within ${timeoutMs} ms`)
    const deadline = new Deadline(clock, signal, timeoutMs, late)
    let hasBegun = false
    try {
      const create = { ...this.#range, start_revision: (this.#revision ?? 0) + 1, progress_notify: true }
      const body = await this.#gateway.open('/v3/watch', { create_request: create }, deadline, signal)
      try {
        for await (const lines of linesOf(body as AsyncIterable<Uint8Array>, mostCharacters)) {
          for (const line of lines) if (!this.#take(line)) return
          if (!hasBegun) heard()
          hasBegun = true
          // No limit from here on: `#compare` looks after a watch that is silent.
          deadline.extend(2 ** 31 - 1)
          this.#news.found(this.#keys.snapshot())
        }
      } finally {
        body.destroy()
      }
      if (hasBegun) throw new Lost('the watch ended')
    } catch (error) {
      if (error instanceof SwitchgearError) throw error
      if (hasBegun) throw new Lost(reasonOf(error), { cause: error })
      throw discoveryError(sourceFailed, `etcd: the watch of ${this.#prefix} did not begin: ${reasonOf(error)}`, error)
    } finally {
      deadline.end()
    }
  }

  /** One line of the watch; false when it is over and everything has to be read again. */
  #take(line: string): boolean {
    const { events, canceled, compactRevision } = this.#newsOf(line)
    if (compactRevision > 0) {
      this.#revision = undefined
      return false
    }
    if (canceled !== undefined) throw this.#ended(canceled)
    let revision = this.#revision ?? 0
    // Where one of them cannot be taken, there being too many, it has to be read anew.
    this.#revision = undefined
    for (const { isDelete, pair } of events) {
      this.#change(this.#idOf(pair.key), pair, isDelete)
      revision = Math.max(revision, pair.revision)
    }
    this.#revision = revision
    return true
  }

  #change(id: string, { value, isLeased }: EtcdPair, isDelete: boolean): void {
    const wasLeased = this.#leased.delete(id)
    if (!isDelete) {
      this.#keys.put(id, value)
      if (isLeased) this.#leased.add(id)
    } else if (wasLeased) this.#keys.expire(id)
    else this.#keys.delete(id)
  }

  #newsOf(line: string): EtcdNews {
    try {
      return newsOf(line)
    } catch (error) {
      throw this.#ended(reasonOf(error))
    }
  }

  #ended(why: string): SwitchgearError {
    // It may have been our token; a new one costs one question. And what was known of the order of things is not relied on.
    this.#gateway.forget()
    this.#revision = undefined
    return discoveryError(sourceFailed, `etcd: the watch of ${this.#prefix} was ended: ${excerpt(why)}`)
  }

  /**
   * Compares now and then what etcd holds with what the watch has told: a connection may be dead without a word, and a member that is
   * cut off from its cluster keeps a watch open that tells nothing. Etcd's own notices of progress come every ten minutes at best.
   */
  async #compare(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#pause(this.#settings.checkMs, signal)
      const { count, pairs } = await this.#head(signal).catch((error: unknown) => {
        throw new Lost(reasonOf(error), { cause: error })
      })
      const newest = pairs[0]?.revision ?? 0
      const known = this.#revision ?? 0
      if (newest <= known && count === this.#keys.size) continue
      await this.#pause(Math.min(graceMs, this.#settings.checkMs), signal)
      const isBehind = newest > (this.#revision ?? 0) || (this.#revision === known && count !== this.#keys.size)
      if (!isBehind) continue
      this.#revision = undefined
      throw new Lost('the watch was silent while keys changed')
    }
  }

  /** How many keys there are, and the newest of them. Only a member that hears its cluster can answer. */
  #head(signal: AbortSignal): Promise<EtcdPage> {
    return this.#page({ ...this.#range, limit: 1, keys_only: true, sort_order: 'DESCEND', sort_target: 'MOD' }, signal)
  }

  async #page(request: object, signal: AbortSignal): Promise<EtcdPage> {
    const answer = await this.#gateway.ask('/v3/kv/range', request, signal)
    try {
      return pageOf(answer)
    } catch (error) {
      throw discoveryError(sourceFailed, `etcd: ${reasonOf(error)}`, error)
    }
  }

  #idOf(key: string): string {
    return key.slice(this.#prefix.length)
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cut = (): void => {
        timer.cancel()
        reject(signal.reason as Error)
      }
      const timer = this.#settings.clock.setTimer(() => {
        signal.removeEventListener('abort', cut)
        resolve()
      }, ms)
      timer.hold?.(false)
      if (signal.aborted) cut()
      else signal.addEventListener('abort', cut, { once: true })
    })
  }
}

/** A watch that had begun is gone: no failure of etcd yet, only a reason to ask again at once. */
class Lost extends Error {}
