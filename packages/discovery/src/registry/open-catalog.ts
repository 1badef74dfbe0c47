// The registry's books put together: the state machine, its file, its checks and its peers, behind one timer. Invariant: what
// was registered or left is on disk before the call returns; what cannot be written, checked or shared is reported and never
// stops the serving.
import { type Clock, type Random, systemClock, systemRandom, type Timer } from '@switchgear/core'
import { check, checkCount, checkKeys } from '@switchgear/core/options'
import { Books, type News } from './books.ts'
import { boundsOf, type CatalogBounds } from './bounds.ts'
import type { Catalog, CatalogChange, CatalogListener, CatalogView, Registered, Registration } from './catalog.ts'
import { Checker } from './checks/checker.ts'
import type { Probe } from './checks/probe.ts'
import { probe as defaultProbe } from './checks/probes.ts'
import { Completeness } from './completeness.ts'
import { fenced, garbled, type OnProblem, registryError } from './errors.ts'
import type { Holding } from './holding.ts'
import { Journal } from './journal.ts'
import { spreadEveryMs } from './lease.ts'
import type { Peers, PeersBooks } from './peers/peers.ts'
import { Spreading } from './peers/spreading.ts'
import { type CatalogRecord, keyOf, stateOf } from './record.ts'
import { factsOf } from './registration.ts'
import { hashOf, newSecret } from './secret.ts'
import { newName, Store } from './store/store.ts'

/** Of what a catalog is made. */
export interface CatalogOptions {
  /** Its file; undefined keeps the books in memory only, so that after each start it says for a while that it may not know all. */
  readonly path?: string
  /** Of this registry among its peers: no other has it. Default: random, and kept in the file. */
  readonly name?: string
  /** Registries that share what they know, for example `natsPeers(...)`. The catalog starts and closes them. */
  readonly peers?: Peers
  readonly bounds?: Partial<CatalogBounds>
  /** Checks under way at once. Default 256. */
  readonly maxChecks?: number
  /** Hears of what goes wrong while it serves: codes of `registryErrors`. */
  readonly onProblem?: OnProblem
  readonly clock?: Clock
  readonly random?: Random
  /** How instances are looked at; for tests. Default: over the network. */
  readonly probe?: Probe
}

/** What a catalog holds, for those who look after it. */
export interface CatalogCounts {
  readonly instances: number
  readonly tombstones: number
  readonly watchers: number
  /** Instances whose last state is not on disk yet. */
  readonly unwritten: number
  readonly checks: Checker['counts']
}

const keys = ['path', 'name', 'peers', 'bounds', 'maxChecks', 'onProblem', 'clock', 'random', 'probe']
/** Between two looks at what is due; also how long health may wait to be written. */
const tickMs = 250

/**
 * Opens a registry's books. Throws `SG_BAD_OPTIONS`, and what a file that cannot be used gives: `SG_BOOKS_LOCKED`,
 * `SG_BOOKS_VERSION`, `SG_BOOKS_FOREIGN`, `SG_BOOKS_FULL`, `SG_BOOKS_FAILED`. It does not wait for peers: until they are heard
 * its views are not complete.
 *
 * @example
 * const catalog = await openCatalog({ path: 'registry.db', onProblem: (problem) => log.warn(problem) })
 * const { secret } = catalog.register({ service: 'orders', id: 'a', endpoint: { address: '127.0.0.1', port: 8080 } })
 */
export async function openCatalog(options: CatalogOptions = {}): Promise<OpenCatalog> {
  return new OpenCatalog(options)
}

/** The books, open. Made by `openCatalog`. */
export class OpenCatalog implements Catalog {
  readonly name: string
  readonly #clock: Clock
  readonly #bounds: CatalogBounds
  readonly #journal: Journal
  readonly #books: Books
  readonly #store: Store | undefined
  readonly #checker: Checker
  readonly #peers: Peers | undefined
  readonly #spreading: Spreading
  readonly #completeness: Completeness
  readonly #onProblem: OnProblem
  #timer: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(options: CatalogOptions) {
    checkKeys(options, keys, 'openCatalog')
    const { path, peers, clock = systemClock, random = systemRandom, probe = defaultProbe, maxChecks = 256 } = options
    const named = options.name === undefined || /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/.test(options.name)
    check(named, 'openCatalog.name', 'up to 64 letters, digits, . _ and -', options.name)
    checkCount(maxChecks, 'openCatalog.maxChecks', 1)
    this.#clock = clock
    this.#bounds = boundsOf(options.bounds ?? {}, 'openCatalog.bounds')
    this.#onProblem = fenced(options.onProblem)
    this.#journal = new Journal(this.#bounds)
    this.#checker = new Checker({
      clock,
      random,
      probe,
      maxConcurrent: maxChecks,
      told: (...result) => this.#checked(...result),
    })
    this.#spreading = new Spreading(clock, (key) => peers?.spread(key))
    this.#peers = peers
    const store = path === undefined ? undefined : this.#storeAt(path)
    this.#store = store
    this.name = options.name ?? store?.name() ?? newName()
    const told = (holding: Holding, news: News): void => this.#told(holding, news)
    this.#books = new Books({ name: this.name, clock, bounds: this.#bounds, journal: this.#journal, told })
    for (const holding of store?.load() ?? []) this.#restore(holding)
    const intact = store?.intact === true
    const { longestLeaseMs } = this.#bounds
    this.#completeness = new Completeness({ clock, intact, shared: peers !== undefined, warmUpMs: longestLeaseMs })
    if (peers !== undefined) this.#books.unreachable()
    peers?.start(this.#sharedBooks())
    this.#plan()
  }

  get epoch(): string {
    return this.#journal.epoch
  }

  /** What it holds now. */
  get counts(): CatalogCounts {
    const watchers = this.#journal.watching
    return { ...this.#books.counts, watchers, unwritten: this.#store?.waiting ?? 0, checks: this.#checker.counts }
  }

  register(registration: Registration): Registered {
    this.#open()
    const facts = factsOf(registration, this.#bounds.longestLeaseMs)
    const secret = newSecret()
    const { incarnation } = this.#books.register(registration, facts, hashOf(secret))
    this.#store?.commit()
    return { secret, incarnation, leaseMs: facts.leaseMs }
  }

  heartbeat(service: string, id: string, secret: string, ready?: boolean): { readonly leaseMs: number } {
    this.#open()
    check(ready === undefined || typeof ready === 'boolean', 'heartbeat.ready', 'true or false', ready)
    return { leaseMs: this.#books.heartbeat(service, id, secret, ready) }
  }

  deregister(service: string, id: string, secret: string): void {
    this.#open()
    this.#books.deregister(service, id, secret)
    this.#store?.commit()
  }

  view(service: string): CatalogView {
    this.#open()
    const { epoch, index } = this.#journal
    return { service, epoch, index, instances: this.#books.shown(service), complete: this.#completeness.now }
  }

  services(): readonly string[] {
    this.#open()
    return this.#books.services()
  }

  since(service: string, epoch: string, index: number): readonly CatalogChange[] | undefined {
    this.#open()
    return this.#journal.since(service, epoch, index)
  }

  watch(service: string, listener: CatalogListener): () => void {
    this.#open()
    return this.#journal.watch(service, listener)
  }

  /** Tells peers what they do not know yet, ends all checks and watches, and closes the file. Harmless when called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#timer?.cancel()
    this.#journal.close()
    await Promise.all([this.#peers?.close(), this.#checker.close()])
    this.#store?.close()
  }

  /** Applies what is due before every answer, so that none depends on when the timer runs. */
  #open(): void {
    if (this.#closing !== undefined) throw registryError('SG_REGISTRY_CLOSED', 'the registry was closed')
    this.#books.advance()
  }

  #tick(): void {
    this.#books.advance()
    this.#checker.run()
    this.#spreading.run()
    this.#store?.commit()
    this.#weigh()
    this.#plan()
  }

  #plan(): void {
    if (this.#closing !== undefined) return
    const now = this.#clock.now()
    const dues = [this.#books.nextDueAt, this.#checker.nextDueAt, this.#spreading.nextDueAt]
    const next = Math.min(...dues.map((at) => at ?? Infinity), now + tickMs)
    // Never at once: what is due now and cannot be begun would keep the process busy.
    this.#timer = this.#clock.setTimer(() => this.#tick(), Math.max(1, next - now))
    this.#timer.hold?.(false)
  }

  #weigh(): void {
    if (this.#completeness.changed()) this.#journal.completeness()
  }

  #storeAt(path: string): Store {
    const everything = (): Iterable<Holding> => this.#books.holdings()
    return new Store({ path, clock: this.#clock, onProblem: this.#onProblem, everything })
  }

  #restore(holding: Holding): void {
    this.#books.restore(holding)
    this.#look(holding)
  }

  #checked(key: string, life: string, passed: boolean, reason: string | undefined): void {
    this.#books.checked(key, life, passed, reason)
  }

  /** Everything that changes in the books goes from here to the file, the checks and the peers. */
  #told(holding: Holding, news: News): void {
    const key = keyOf(holding.record)
    if (news === 'forgotten') {
      this.#store?.remove(key)
      this.#checker.unwatch(key)
      this.#spreading.forget(key)
      this.#peers?.forget(key)
      return
    }
    // A heartbeat changes nothing that a restart would not begin anew.
    if (news !== 'beat') this.#store?.write(holding)
    if (news === 'beat') this.#spreading.atMostEvery(key, spreadEveryMs(holding, this.#bounds))
    else if (news !== 'heard' && news !== 'health') this.#spreading.now(key)
    if (news !== 'beat' && news !== 'health') this.#look(holding)
  }

  /** Has it checked for as long as it lives. */
  #look({ record }: Holding): void {
    const { check: facts, endpoint } = record.facts
    const key = keyOf(record)
    if (facts === undefined || stateOf(record) !== 'alive') this.#checker.unwatch(key)
    else
      this.#checker.watch(key, record.secretHash, {
        address: endpoint.address,
        tls: endpoint.scheme === 'https',
        facts,
      })
  }

  #sharedBooks(): PeersBooks {
    const books = this.#books
    return {
      name: this.name,
      recordOf: (key) => books.holding(key)?.record,
      records: () => Array.from(books.holdings(), ({ record }) => record),
      whole: () => this.#completeness.now,
      heard: (record) => this.#heard(record),
      synced: (fresh) => {
        books.reachable()
        this.#completeness.synced(fresh)
        this.#weigh()
      },
      lost: (problem) => {
        books.unreachable()
        if (this.#completeness.lost()) this.#onProblem(problem)
        this.#weigh()
      },
      problem: this.#onProblem,
    }
  }

  #heard(record: CatalogRecord): void {
    try {
      this.#books.merge(record)
    } catch (error) {
      // There is no room for it: then this registry does not know all.
      if (this.#completeness.overflow()) this.#onProblem(garbled(`the record of ${keyOf(record)}`, error))
    }
  }
}
