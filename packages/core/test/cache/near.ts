// The model of a cache around a coalescing layer: a list of events in the order of time, and plain maps. It is written for
// reading, and knows nothing of promises.

/** The options that are under test, times in milliseconds. */
export interface Rules {
  readonly ttl: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly maxEntries: number
  readonly maxFlights: number
}

/** One run of the function: how long it takes and whether it succeeds. */
export interface Run {
  readonly ms: number
  readonly good: boolean
}

/** What became of one call. */
export interface Answered {
  readonly at: number
  readonly what: number | 'down' | 'enough'
}

interface Entry {
  readonly value: number
  readonly begunAt: number
  readonly storedAt: number
}

/** Who waits for a flight: a caller with its number, or a refresh in the background. */
interface Waiter {
  readonly call: number | undefined
  readonly key: string
  readonly begunAt: number
  readonly epoch: number
}

interface Flight {
  readonly run: number
  readonly shared: boolean
  waiters: Waiter[]
}

/** Plays the same calls as the real thing. */
export class Near {
  readonly answers: Answered[] = []
  readonly totals = { hits: 0, misses: 0, stale: 0, staleOnError: 0, evicted: 0, refreshFailures: 0 }
  readonly flown = { flights: 0, joined: 0, alone: 0 }
  readonly entries = new Map<string, Entry>()
  runs = 0
  readonly #rules: Rules
  readonly #behaviours: readonly Run[]
  readonly #flights = new Map<string, Flight>()
  readonly #refreshing = new Set<string>()
  #events: { readonly at: number; readonly happen: () => void }[] = []
  #now = 0
  /** How often each key was cleared, and everything. */
  readonly #cleared = new Map<string, number>()
  #clearedAll = 0

  constructor(rules: Rules, behaviours: readonly Run[]) {
    this.#rules = rules
    this.#behaviours = behaviours
  }

  /** Lets everything happen that falls due. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (let due = this.#next(until); due !== undefined; due = this.#next(until)) {
      this.#events = this.#events.filter((event) => event !== due)
      this.#now = due.at
      due.happen()
    }
    this.#now = until
  }

  clear(key: string | undefined): void {
    if (key === undefined) {
      this.#clearedAll++
      this.entries.clear()
    } else {
      this.#cleared.set(key, (this.#cleared.get(key) ?? 0) + 1)
      this.entries.delete(key)
    }
  }

  #epoch(key: string): number {
    return this.#clearedAll + (this.#cleared.get(key) ?? 0)
  }

  call(number: number, key: string, abortAfter: number | undefined): void {
    const { ttl, staleWhileRevalidate, staleIfError, maxEntries } = this.#rules
    const entry = this.entries.get(key)
    const age = entry === undefined ? Infinity : this.#now - entry.storedAt
    if (entry !== undefined && age < ttl + staleWhileRevalidate) {
      this.#touch(key, entry)
      this.#answer(number, entry.value)
      this.totals[age < ttl ? 'hits' : 'stale']++
      if (age < ttl || this.#refreshing.has(key) || this.#refreshing.size >= maxEntries) return
      this.#refreshing.add(key)
      this.#board({ call: undefined, key, begunAt: this.#now, epoch: this.#epoch(key) })
      return
    }
    if (age >= ttl + staleIfError) this.entries.delete(key)
    this.totals.misses++
    const waiter = { call: number, key, begunAt: this.#now, epoch: this.#epoch(key) }
    const flight = this.#board(waiter)
    if (abortAfter !== undefined) this.#at(abortAfter, () => this.#abort(flight, waiter))
  }

  #board(waiter: Waiter): Flight {
    const { key } = waiter
    const known = this.#flights.get(key)
    if (known !== undefined) {
      known.waiters.push(waiter)
      this.flown.joined++
      return known
    }
    const shared = this.#flights.size < this.#rules.maxFlights
    const flight = { run: this.runs++, shared, waiters: [waiter] }
    this.flown[shared ? 'flights' : 'alone']++
    if (shared) this.#flights.set(key, flight)
    const { ms } = this.#behaviours[flight.run % this.#behaviours.length] as Run
    this.#at(ms, () => this.#land(flight, key))
    return flight
  }

  #abort(flight: Flight, waiter: Waiter): void {
    if (!flight.waiters.includes(waiter)) return
    flight.waiters = flight.waiters.filter((other) => other !== waiter)
    this.#answer(waiter.call as number, 'enough')
    if (flight.waiters.length === 0 && flight.shared) this.#flights.delete(waiter.key)
  }

  #land(flight: Flight, key: string): void {
    if (flight.waiters.length === 0) return
    if (flight.shared) this.#flights.delete(key)
    const { good } = this.#behaviours[flight.run % this.#behaviours.length] as Run
    const waiters = flight.waiters
    flight.waiters = []
    for (const waiter of waiters) {
      if (good) this.#store(waiter, flight.run)
      if (waiter.call === undefined) {
        this.#refreshing.delete(key)
        if (!good) this.totals.refreshFailures++
      } else this.#answer(waiter.call, good ? flight.run : this.#instead(key))
    }
  }

  #instead(key: string): number | 'down' {
    const entry = this.entries.get(key)
    const { ttl, staleIfError } = this.#rules
    if (entry === undefined || this.#now - entry.storedAt >= ttl + staleIfError) return 'down'
    this.totals.staleOnError++
    return entry.value
  }

  #store({ key, begunAt, epoch }: Waiter, value: number): void {
    const stored = this.entries.get(key)
    if (epoch !== this.#epoch(key) || (stored !== undefined && stored.begunAt > begunAt)) return
    this.#touch(key, { value, begunAt, storedAt: this.#now })
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.#rules.maxEntries) return
      this.entries.delete(oldest)
      this.totals.evicted++
    }
  }

  #touch(key: string, entry: Entry): void {
    this.entries.delete(key)
    this.entries.set(key, entry)
  }

  #answer(call: number, what: Answered['what']): void {
    this.answers[call] = { at: this.#now, what }
  }

  #at(ms: number, happen: () => void): void {
    this.#events.push({ at: this.#now + ms, happen })
  }

  /** The earliest event; of equal ones the first that was set. */
  #next(until: number): { readonly at: number; readonly happen: () => void } | undefined {
    const at = Math.min(...this.#events.map((event) => event.at))
    return at <= until ? this.#events.find((event) => event.at === at) : undefined
  }
}
