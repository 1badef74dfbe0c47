// Several sources as one: what each of them said last, and a rule that makes one answer of it. The rule is a pure function, so that
// nothing depends on the order in which sources happen to speak. All of them are watched all the time: whoever is turned to has its
// answer ready. Invariant: the chain tells only what is new, and a chain that is closed has closed its sources.
import { type Clock, type Timer } from '@switchgear/core'
import { check, checkMethods } from '@switchgear/core/options'
import type { Resolver, Snapshot, Watcher, Watching } from '../resolver.ts'

/** One source of a chain as it stands. */
export interface Link {
  /** What it said last; undefined before that. It stays while the source is failing. */
  readonly snapshot: Snapshot | undefined
  /** Why it does not answer; undefined while it does. */
  readonly error: Error | undefined
  /** Monotonic ms since when it does not; 0 while it does. */
  readonly failingSince: number
  /** Whether it has endpoints: an answer that is a part and has none does not take back those of before. */
  readonly hasEndpoints: boolean
}

/** What a chain says. */
export interface Verdict {
  /** What was found; undefined keeps what was told before. The same object is told once. */
  readonly snapshot: Snapshot | undefined
  /** Why that may be out of date. */
  readonly error: Error | undefined
  /** Monotonic ms at which time alone may change the verdict. */
  readonly dueAt?: number | undefined
}

/** Makes one answer of many. `last` is what it answered before; undefined waits. Links must not be empty. */
export type Rule = (links: readonly Link[], now: number, last: Verdict | undefined) => Verdict | undefined

const silent: Link = { snapshot: undefined, error: undefined, failingSince: 0, hasEndpoints: false }

/** Sources under one rule. */
export class Chain implements Resolver {
  readonly name: string
  readonly #sources: readonly Resolver[]
  readonly #newRule: () => Rule
  readonly #clock: Clock
  readonly #open = new Set<ChainedWatch>()

  /** `newRule` makes one for each watch. */
  constructor(name: string, sources: readonly Resolver[], clock: Clock, newRule: () => Rule) {
    check(sources.length > 0, name, 'one source at least', sources)
    sources.forEach((source, index) => checkMethods(source, ['watch', 'close'], `${name}[${index}]`))
    this.name = `${name}(${sources.map((source) => source.name).join(', ')})`
    this.#sources = sources
    this.#newRule = newRule
    this.#clock = clock
  }

  watch(service: string, watcher: Watcher): Watching {
    const watch = new ChainedWatch(watcher, this.#newRule(), this.#clock, this.#sources.length)
    this.#open.add(watch)
    watch.begin(this.#sources, service)
    return {
      close: () => {
        this.#open.delete(watch)
        watch.close()
      },
    }
  }

  async close(): Promise<void> {
    for (const watch of this.#open) watch.close()
    this.#open.clear()
    await Promise.all(this.#sources.map((source) => source.close()))
  }
}

/** One watch over all sources. */
class ChainedWatch {
  readonly #watcher: Watcher
  readonly #rule: Rule
  readonly #clock: Clock
  readonly #links: Link[]
  #watchings: readonly Watching[] = []
  #last: Verdict | undefined = undefined
  #toldSnapshot: Snapshot | undefined = undefined
  #toldError: Error | undefined = undefined
  #timer: Timer | undefined = undefined
  #isOpen = true

  constructor(watcher: Watcher, rule: Rule, clock: Clock, size: number) {
    this.#watcher = watcher
    this.#rule = rule
    this.#clock = clock
    this.#links = Array.from({ length: size }, () => silent)
  }

  begin(sources: readonly Resolver[], service: string): void {
    this.#watchings = sources.map((source, index) =>
      source.watch(service, {
        found: (snapshot) => {
          const { hasEndpoints } = this.#links[index] ?? silent
          const has = snapshot.endpoints.length > 0 || (hasEndpoints && !snapshot.complete)
          this.#heard(index, { snapshot, error: undefined, failingSince: 0, hasEndpoints: has })
        },
        failed: (error) => {
          const link = this.#links[index] ?? silent
          this.#heard(index, { ...link, error, failingSince: link.error ? link.failingSince : this.#clock.now() })
        },
      }),
    )
  }

  close(): void {
    this.#isOpen = false
    this.#timer?.cancel()
    for (const watching of this.#watchings) watching.close()
  }

  #heard(index: number, link: Link): void {
    if (!this.#isOpen) return
    this.#links[index] = link
    this.#tell()
  }

  readonly #tell = (): void => {
    this.#timer?.cancel()
    this.#timer = undefined
    const now = this.#clock.now()
    const verdict = this.#rule(this.#links, now, this.#last)
    if (verdict === undefined) return
    this.#last = verdict
    const { snapshot, error, dueAt = Infinity } = verdict
    if (dueAt < Infinity) {
      this.#timer = this.#clock.setTimer(this.#tell, Math.max(0, dueAt - now))
      this.#timer.hold?.(false)
    }
    const isNews = snapshot !== undefined && snapshot !== this.#toldSnapshot
    // A source that answers again says so, also when its words are those of before.
    const isHealed = snapshot !== undefined && error === undefined && this.#toldError !== undefined
    if (isNews || isHealed) {
      this.#toldSnapshot = snapshot
      this.#toldError = undefined
      this.#watcher.found(snapshot)
    }
    if (error !== undefined && error !== this.#toldError) {
      this.#toldError = error
      this.#watcher.failed(error)
    }
  }
}
