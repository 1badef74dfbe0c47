// The rules of what is held of a service while its source is well, restarted, wrong or gone: a pure state machine. Time comes from
// the injected clock and is applied lazily, as if it had happened on time; whoever shows it promptly looks again at `dueAt`.
// Invariant: only a complete answer, a told departure or a failed connection to an absent endpoint ever shrinks what is held, and
// a silence of the source never does: the time of absent ones passes only while a complete answer stands.
import type { Clock } from '@switchgear/core'
import { authority, type Endpoint } from './endpoint.ts'
import type { Snapshot } from './resolver.ts'
import type { Entry, RosterView } from './roster.ts'
import { sameEndpoint } from './roster-comparison.ts'

/** How long what is missing stays, in milliseconds, and how many are held at most. */
export interface RosterRules {
  /** An endpoint that a complete answer misses. */
  readonly absentForMs: number
  /** All of them, when a complete answer has none. */
  readonly emptyForMs: number
  readonly maxEndpoints: number
}

interface Held {
  readonly entry: Entry
  /** When an absent one goes, in heard time; Infinity while it is present. */
  readonly dueMs: number
}

/**
 * What is held of one service.
 *
 * @example
 * const law = new RosterLaw('payments', { absentForMs: 30_000, emptyForMs: 300_000, maxEndpoints: 10_000 }, clock)
 * law.found({ endpoints: [endpoint({ address: '10.0.0.7', port: 80 }, 'payments')], complete: true })
 * law.view.entries.length // 1
 */
export class RosterLaw {
  readonly #service: string
  readonly #rules: RosterRules
  readonly #clock: Clock
  readonly #held = new Map<string, Held>()
  #state: RosterView['state'] = 'waiting'
  #since: number
  #error: Error | undefined = undefined
  #version = 0
  #entries: readonly Entry[] = []
  #view: RosterView | undefined = undefined
  /** Heard time: how long complete answers have stood, up to `#standsSince` (monotonic; undefined while none stands). */
  #heardMs = 0
  #standsSince: number | undefined = undefined
  /** When an empty answer is believed, in heard time; undefined unless it was the last to name endpoints or none. */
  #emptyDueMs: number | undefined = undefined
  /** When the next one goes, in heard time; undefined: to be found out again. */
  #nextDueMs: number | undefined = undefined

  constructor(service: string, rules: RosterRules, clock: Clock) {
    this.#service = service
    this.#rules = rules
    this.#clock = clock
    this.#since = clock.wallNow()
  }

  /** As of now; the same object, and the same `entries`, until something of it changes. */
  get view(): RosterView {
    this.#pass()
    if (this.#view === undefined) {
      const entries = [...this.#held.values()].map((held) => held.entry)
      if (entries.length !== this.#entries.length || entries.some((entry, index) => entry !== this.#entries[index]))
        this.#entries = Object.freeze(entries)
      this.#view = Object.freeze({
        service: this.#service,
        state: this.#state,
        since: this.#since,
        error: this.#error,
        entries: this.#entries,
        version: this.#version,
      })
    }
    return this.#view
  }

  /** Monotonic milliseconds at which time changes something next; Infinity if it will not. */
  get dueAt(): number {
    return this.#standsSince === undefined ? Infinity : this.#standsSince + this.#nextMs() - this.#heardMs
  }

  /** What an earlier process knew, written at `wallMs`. It counts only before the first answer. */
  restore(endpoints: readonly Endpoint[], wallMs: number): void {
    if (this.#state !== 'waiting' || endpoints.length === 0) return
    for (const endpoint of endpoints.slice(0, this.#rules.maxEndpoints)) this.#hold(endpoint)
    this.#become('stale', wallMs, undefined)
  }

  /** The source said something. Answers how many endpoints had to be left out because of the bound. */
  found(snapshot: Snapshot): number {
    this.#pass()
    this.#stand(snapshot.complete)
    const named = new Map<string, Endpoint>()
    for (const endpoint of snapshot.endpoints) if (!named.has(endpoint.id)) named.set(endpoint.id, endpoint)
    for (const id of snapshot.left ?? []) if (!named.has(id)) this.#drop(id)
    if (named.size > 0) this.#emptyDueMs = undefined
    if (snapshot.complete) this.#miss(named)
    const leftOut = this.#take(named)
    if (snapshot.complete) this.#supersede(named)
    this.#nextDueMs = undefined
    if (this.#state !== 'live') this.#become('live', this.#clock.wallNow(), undefined)
    return leftOut
  }

  /** The source does not answer. */
  failed(error: Error): void {
    this.#pass()
    this.#stand(false)
    if (this.#state !== 'stale') this.#become('stale', this.#clock.wallNow(), error)
    else if (this.#error?.message !== error.message) this.#become('stale', this.#since, error)
  }

  /** No connection to it came about. An absent one goes, unless it is the last and nothing has confirmed that there is none. */
  unreachable(id: string): void {
    this.#pass()
    const held = this.#held.get(id)
    if (held?.entry.presence === 'absent' && !this.#isLast()) this.#drop(id)
  }

  /** Everything of which the time has come goes, the earliest first. */
  #pass(): void {
    // The view is read often and hardly ever is anything due: the clock is not even asked where nobody is absent.
    if (this.#nextMs() === Infinity) return
    const nowMs = this.#nowMs()
    if (nowMs < this.#nextMs()) return
    const due = [...this.#held].filter(([, held]) => held.dueMs <= nowMs)
    for (const [id] of due.toSorted(([, one], [, other]) => one.dueMs - other.dueMs))
      if (!this.#isLast()) this.#drop(id)
  }

  /** The last one stays so that callers get a real error of connecting; an empty answer has to stand for its time first. */
  #isLast(): boolean {
    return this.#held.size === 1 && this.#nowMs() < (this.#emptyDueMs ?? Infinity)
  }

  /** When the next one goes, in heard time. */
  #nextMs(): number {
    if (this.#nextDueMs === undefined) {
      const leastMs = this.#held.size === 1 ? (this.#emptyDueMs ?? Infinity) : 0
      this.#nextDueMs = Infinity
      for (const { dueMs } of this.#held.values()) this.#nextDueMs = Math.min(this.#nextDueMs, Math.max(dueMs, leastMs))
    }
    return this.#nextDueMs
  }

  #nowMs(): number {
    return this.#heardMs + (this.#standsSince === undefined ? 0 : this.#clock.now() - this.#standsSince)
  }

  /** From now on heard time passes, or does not. */
  #stand(complete: boolean): void {
    this.#heardMs = this.#nowMs()
    this.#standsSince = complete ? this.#clock.now() : undefined
  }

  /** Who is held and not named becomes absent; who is absent by an answer that was empty does not stay longer than by this one. */
  #miss(named: ReadonlyMap<string, Endpoint>): void {
    if (named.size === 0) this.#emptyDueMs ??= this.#heardMs + this.#rules.emptyForMs
    const limitMs = this.#emptyDueMs ?? this.#heardMs + this.#rules.absentForMs
    for (const [id, held] of this.#held) {
      if (named.has(id)) continue
      const { endpoint, presence } = held.entry
      if (presence === 'present') this.#set(id, { endpoint, presence: 'absent' }, limitMs)
      else this.#held.set(id, { entry: held.entry, dueMs: Math.min(held.dueMs, limitMs) })
    }
  }

  /** Who is named is present. Where there is no room, absent ones make it, those first that would go first. */
  #take(named: ReadonlyMap<string, Endpoint>): number {
    let excess = this.#held.size - this.#rules.maxEndpoints
    for (const id of named.keys()) if (!this.#held.has(id)) excess++
    if (excess > 0) {
      const absent = [...this.#held].filter(([id, held]) => held.dueMs < Infinity && !named.has(id))
      absent.sort(([, one], [, other]) => one.dueMs - other.dueMs)
      for (const [id] of absent.slice(0, excess)) this.#drop(id)
    }
    let leftOut = 0
    for (const endpoint of named.values()) {
      if (this.#held.size < this.#rules.maxEndpoints || this.#held.has(endpoint.id)) this.#hold(endpoint)
      else leftOut++
    }
    return leftOut
  }

  /** An absent one whose place somebody else took has gone: the instance was restarted, or its source gives it another id. */
  #supersede(named: ReadonlyMap<string, Endpoint>): void {
    const absent = [...this.#held].filter(([, held]) => held.dueMs < Infinity)
    if (absent.length === 0) return
    const taken = new Set([...named.values()].map(({ address, port }) => authority(address, port)))
    for (const [id, { entry }] of absent)
      if (taken.has(authority(entry.endpoint.address, entry.endpoint.port))) this.#drop(id)
  }

  #hold(endpoint: Endpoint): void {
    const entry = this.#held.get(endpoint.id)?.entry
    const isSame = entry !== undefined && sameEndpoint(entry.endpoint, endpoint)
    if (isSame && entry.presence === 'present') return
    this.#set(endpoint.id, { endpoint: isSame ? entry.endpoint : endpoint, presence: 'present' }, Infinity)
  }

  #set(id: string, entry: Entry, dueMs: number): void {
    this.#held.set(id, { entry: Object.freeze(entry), dueMs })
    this.#changed()
  }

  #drop(id: string): void {
    if (this.#held.delete(id)) this.#changed()
  }

  #become(state: RosterView['state'], since: number, error: Error | undefined): void {
    this.#state = state
    this.#since = since
    this.#error = error
    this.#changed()
  }

  #changed(): void {
    this.#version++
    this.#view = undefined
    this.#nextDueMs = undefined
  }
}
