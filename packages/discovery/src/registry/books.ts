// The registry's books: which instances there are and how they are, as a pure state machine. Time is injected and applied
// when somebody looks (`advance`), chance is not needed. Invariant: whatever is told here, by instances, checks or peers and
// in whatever order, only ever joins into the records; an instance is given up by its silence here, never by a peer's clock.
import type { Clock } from '@switchgear/core'
import type { CatalogBounds } from './bounds.ts'
import type { CatalogChange, CatalogInstance, Registration } from './catalog.ts'
import { Deadlines } from './deadlines.ts'
import { registryError } from './errors.ts'
import { hold, type Holding, look, show } from './holding.ts'
import type { Journal } from './journal.ts'
import { dueAt } from './lease.ts'
import { type CatalogRecord, countOf, join, keyOf, stateOf } from './record.ts'
import type { Facts } from './registration.ts'
import { isSecretOf } from './secret.ts'
import { Shelves } from './shelves.ts'
import { succeed } from './succession.ts'

/**
 * What happened to a holding. `heard`: a peer told something new. `health`: only this registry's own sight of it has changed.
 * `forgotten`: it is gone from the books.
 */
export type News = 'registered' | 'beat' | 'word' | 'left' | 'expired' | 'heard' | 'health' | 'forgotten'

/** What the books need. */
export interface BooksParts {
  /** Of this registry: under it heartbeats are counted. No other registry of the same peers has it. */
  readonly name: string
  readonly clock: Clock
  readonly bounds: CatalogBounds
  readonly journal: Journal
  /** Hears of everything that changes, for the file, the peers and the checks. Must not throw, and not call back. */
  readonly told: (holding: Holding, news: News) => void
  /** A gap between two looks at the clock that is so long is our own standstill, not anybody's silence. Default 3000. */
  readonly standstillMs?: number
}

/** A heartbeat by a registry that is not among so many others begins a new edition, so that the vector stays short. */
const crowded = 32

/** See the head of this file. */
export class Books {
  readonly #parts: BooksParts
  readonly #shelves: Shelves
  readonly #deadlines: Deadlines = new Deadlines()
  #lookedAt: number
  #cutOff = false

  constructor(parts: BooksParts) {
    this.#parts = parts
    this.#shelves = new Shelves(parts.bounds)
    this.#lookedAt = parts.clock.now()
  }

  /** When something falls due; undefined when nothing will. */
  get nextDueAt(): number | undefined {
    return this.#deadlines.next
  }

  /** How many live, and how many have gone and are remembered. */
  get counts(): { readonly instances: number; readonly tombstones: number } {
    return { instances: this.#shelves.alive, tombstones: this.#shelves.gone }
  }

  services(): readonly string[] {
    return this.#shelves.services()
  }

  holding(key: string): Holding | undefined {
    return this.#shelves.get(key)
  }

  /** Everything that is held, also what has gone. */
  holdings(): Iterable<Holding> {
    return this.#shelves.all()
  }

  /** As watchers see a service, by id: registries that know the same show the same. */
  shown(service: string): CatalogInstance[] {
    const instances: CatalogInstance[] = []
    for (const { shown } of this.#shelves.of(service)) if (shown !== undefined) instances.push(shown)
    return instances.toSorted((a, b) => (a.endpoint.id < b.endpoint.id ? -1 : 1))
  }

  /** Takes in a registration whose facts were checked. Throws when a later life is known, or there is no room. */
  register(registration: Registration, facts: Facts, secretHash: string): CatalogRecord {
    const key = keyOf(registration)
    const { clock, name } = this.#parts
    const beats = { [name]: this.#count(undefined) }
    const entrance = { facts, secretHash, wallMs: clock.wallNow(), beats }
    const record = succeed(this.#shelves.get(key)?.record, registration, entrance)
    this.#shelves.admit(record.service, key)
    this.#replace(hold(record, clock.now(), false), 'registered')
    return record
  }

  /** Takes in a heartbeat, and whether the instance wants traffic where it says so. Answers its lease. */
  heartbeat(service: string, id: string, secret: string, ready?: boolean): number {
    const holding = this.#own(service, id, secret)
    const { record } = holding
    if (stateOf(record) !== 'alive') throw notRegistered(keyOf(record))
    const turned = ready !== undefined && ready !== record.ready
    if (turned) holding.record = { ...record, ready, turn: record.turn + 1 }
    this.#beat(holding)
    this.#settle(holding, turned ? 'word' : 'beat')
    return record.facts.leaseMs
  }

  /** Takes in a deregistration. A second one, whose first answer was lost, is as good. */
  deregister(service: string, id: string, secret: string): void {
    const holding = this.#own(service, id, secret)
    if (holding.record.left) return
    holding.record = { ...holding.record, left: true }
    this.#settle(holding, 'left')
  }

  /** Takes in what a peer knows. Throws what `register` throws for want of room; then the record is not held. */
  merge(record: CatalogRecord): void {
    const key = keyOf(record)
    const now = this.#parts.clock.now()
    const holding = this.#shelves.get(key)
    if (holding === undefined) {
      if (stateOf(record) === 'alive') this.#shelves.admit(record.service, key)
      this.#replace(hold(record, now, true), 'heard')
      return
    }
    const known = holding.record
    const joined = join(known, record)
    if (joined === known) return
    if (stateOf(joined) === 'alive') this.#shelves.admit(record.service, key)
    // The same secret is the same registration, with its counters begun anew.
    if (joined.secretHash !== known.secretHash) {
      this.#replace({ ...hold(joined, now, true), shown: holding.shown }, 'heard')
      return
    }
    holding.record = joined
    if (joined.beats !== known.beats) this.#heard(holding, true)
    const onlyBeats = joined.turn === known.turn && joined.edition === known.edition
    this.#settle(holding, onlyBeats && stateOf(joined) === stateOf(known) ? undefined : 'heard')
  }

  /** Takes back what was on disk, with its lease begun anew: it had no chance to be heard while nobody listened. */
  restore(holding: Holding): void {
    holding.quietFrom = this.#parts.clock.now()
    this.#place(holding)
  }

  /**
   * Takes in a result of an instance's check. `secretHash` says of which registration: one that came late, for an earlier
   * one, changes nothing. Where there are no heartbeats, a check that passes is one, so that peers hear of it.
   */
  checked(key: string, secretHash: string, passed: boolean, reason: string | undefined): void {
    const holding = this.#shelves.get(key)
    if (holding === undefined || holding.record.secretHash !== secretHash || this.#shelves.isGone(key)) return
    look(holding, passed, reason)
    const beats = passed && !holding.record.facts.heartbeats
    if (beats) this.#beat(holding)
    this.#settle(holding, beats ? 'beat' : undefined)
  }

  /** Applies what has fallen due. To be called at least every second or so, and before each answer. */
  advance(): void {
    const now = this.#parts.clock.now()
    const gapMs = now - this.#lookedAt
    this.#lookedAt = now
    if (gapMs > (this.#parts.standstillMs ?? 3000))
      for (const holding of this.#shelves.all()) holding.quietFrom = Math.min(now, holding.quietFrom + gapMs)
    for (let key = this.#deadlines.take(now); key !== undefined; key = this.#deadlines.take(now)) {
      const holding = this.#shelves.get(key)
      if (holding !== undefined) this.#due(key, holding, now)
    }
  }

  /** Peers cannot be heard: who was heard through them may be well. Nobody is given up until `reachable`. */
  unreachable(): void {
    this.#cutOff = true
  }

  /** Peers can be heard again, and everything they know was merged. Every silence counts anew. */
  reachable(): void {
    if (!this.#cutOff) return
    this.#cutOff = false
    const now = this.#parts.clock.now()
    for (const holding of this.#shelves.all()) {
      if (this.#shelves.isGone(keyOf(holding.record))) continue
      holding.quietFrom = now
      this.#plan(holding)
    }
  }

  /** The holding of an instance that proves who it is. */
  #own(service: string, id: string, secret: string): Holding {
    const key = `${service}/${id}`
    const holding = this.#shelves.get(key)
    if (holding === undefined) throw notRegistered(key)
    if (!isSecretOf(secret, holding.record.secretHash))
      throw registryError('SG_WRONG_SECRET', `the secret is not that of the last registration of ${key}`)
    return holding
  }

  #beat(holding: Holding): void {
    const { name } = this.#parts
    const { record } = holding
    const { beats } = record
    const isNew = !Object.hasOwn(beats, name)
    const count = this.#count(beats)
    holding.record =
      isNew && Object.keys(beats).length >= crowded
        ? { ...record, edition: record.edition + 1, beats: { [name]: count }, expiry: undefined }
        : { ...record, beats: { ...beats, [name]: count } }
    this.#heard(holding, false)
  }

  /**
   * The next count of our own heartbeats. It follows our wall clock where that is ahead, so that after a restart it is higher
   * than everything we have told, without writing each one down; it is never compared with another registry's.
   */
  #count(beats: CatalogRecord['beats'] | undefined): number {
    const last = beats === undefined ? 0 : countOf(beats, this.#parts.name)
    return Math.max(last + 1, Math.floor(this.#parts.clock.wallNow()))
  }

  #heard(holding: Holding, fromPeer: boolean): void {
    holding.quietFrom = this.#parts.clock.now()
    holding.fromPeer = fromPeer
    holding.lapsed = false
  }

  #replace(holding: Holding, news: News): void {
    holding.shown ??= this.#shelves.get(keyOf(holding.record))?.shown
    this.#settle(holding, news)
  }

  /** Puts a changed holding in its place and tells of it. Watchers come last: they may call back, and then all is settled. */
  #settle(holding: Holding, news: News | undefined): void {
    const { service, id } = holding.record
    const kind = this.#place(holding)
    if (news !== undefined) this.#parts.told(holding, news)
    // A heartbeat may heal, and only that of it is worth writing down.
    if (kind !== undefined && (news === undefined || news === 'beat')) this.#parts.told(holding, 'health')
    if (kind !== undefined) this.#parts.journal.add(service, id, kind, holding.shown)
  }

  /** Answers what watchers see of it, undefined for no difference. */
  #place(holding: Holding): CatalogChange['kind'] | undefined {
    const { shown, record } = holding
    const state = stateOf(record)
    const { clock } = this.#parts
    if (state === 'alive') {
      this.#shelves.putAlive(holding)
      this.#plan(holding)
      return show(holding, clock.wallNow()) === shown ? undefined : 'put'
    }
    if (!this.#shelves.isGone(keyOf(record))) holding.quietFrom = clock.now()
    const tooMany = this.#shelves.putGone(holding)
    holding.shown = undefined
    this.#plan(holding)
    if (tooMany !== undefined) this.#forget(tooMany)
    return shown === undefined ? undefined : state
  }

  #plan(holding: Holding): void {
    const key = keyOf(holding.record)
    this.#deadlines.noLater(key, dueAt(holding, this.#shelves.isGone(key), this.#parts.bounds))
  }

  #due(key: string, holding: Holding, now: number): void {
    const { record, lapsed, fromPeer } = holding
    const gone = this.#shelves.isGone(key)
    if (dueAt(holding, gone, this.#parts.bounds) > now) this.#plan(holding)
    else if (gone) this.#forget(key)
    else if (this.#cutOff && (fromPeer || lapsed || !record.facts.heartbeats))
      this.#deadlines.set(key, now + record.facts.leaseMs)
    else if (record.facts.heartbeats && !lapsed) {
      holding.lapsed = true
      this.#settle(holding, undefined)
    } else {
      holding.record = { ...record, expiry: record.beats }
      this.#settle(holding, 'expired')
    }
  }

  #forget(key: string): void {
    const holding = this.#shelves.get(key)
    this.#shelves.remove(key)
    this.#deadlines.delete(key)
    if (holding !== undefined) this.#parts.told(holding, 'forgotten')
  }
}

function notRegistered(key: string): Error {
  return registryError('SG_NOT_REGISTERED', `${key} is not registered`)
}
