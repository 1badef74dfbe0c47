// The law once more, as plainly as it can be written: a list of all phases, a list of all tickets, a list of all results,
// and every question is answered by looking through them. It shares no line and no idea of storage with the breaker.
import type { CircuitState, Outcome } from '../../src/index.ts'

/** Options as the model takes them: a breaker's own words, all given, durations as milliseconds. */
export interface ModelOptions {
  readonly consecutiveFailures: number | false
  readonly failureRatio: number | undefined
  readonly slowCallRatio: number | undefined
  readonly slowCallDuration: number
  /** So many calls, or milliseconds like '1000ms'. */
  readonly window: number | `${number}ms`
  readonly minimumThroughput: number
  readonly openFor: number
  readonly openForMax: number
  readonly openForFactor: number
  readonly jitter: number
  readonly halfOpenCalls: number
  readonly successesToClose: number
  readonly probeTimeout: number
  readonly rampFor: number
  readonly mode: 'protect' | 'observe'
}

/** One state, or one of the two phases of half-open, from its beginning to its end: a generation. */
export interface Phase {
  readonly state: CircuitState
  readonly probing: boolean
  /** When time ends it; Infinity where time does not. */
  readonly until: number
}

export interface ModelTicket {
  readonly phase: Phase
  readonly at: number
  /** Runs only because the breaker merely observes. */
  readonly spectator: boolean
  settled: boolean
  exited: boolean
}

interface Result {
  readonly phase: Phase
  readonly at: number
  readonly outcome: Outcome
  readonly slow: boolean
}

/** A breaker by the law. Every method takes the time, and `chance` where chance may be asked. */
export class Model {
  options: ModelOptions
  readonly phases: Phase[] = [{ state: 'closed', probing: false, until: Infinity }]
  readonly tickets: ModelTicket[] = []
  readonly results: Result[] = []
  readonly transitions: string[] = []
  reopenings = 0
  /** Results before this index are of a window that an update has replaced. */
  windowFrom = 0
  readonly totals = { successes: 0, failures: 0, ignored: 0, slow: 0, rejections: 0, transitions: 0, fleetErrors: 0 }
  wouldReject = 0

  constructor(options: ModelOptions) {
    this.options = options
  }

  get phase(): Phase {
    return this.phases.at(-1) as Phase
  }

  /** Calls of the present probing that have not exited. */
  get probes(): ModelTicket[] {
    const { phase } = this
    return phase.probing
      ? this.tickets.filter((ticket) => ticket.phase === phase && !ticket.spectator && !ticket.exited)
      : []
  }

  /** When time will next change something; Infinity if never. */
  get due(): number {
    const begun = this.probes.filter((probe) => !probe.settled).map((probe) => probe.at + this.options.probeTimeout)
    return Math.min(this.phase.until, ...begun)
  }

  /** What time has changed by `now`, one change after the other, each at its own time. */
  look(now: number, chance: number): void {
    for (let at = this.due; at <= now; at = this.due) {
      const { state, probing } = this.phase
      if (state === 'open') this.#begin('half-open', at, { probing: true })
      else if (probing) {
        this.totals.failures++
        this.#reopen(at, chance)
      } else this.#close(at)
    }
  }

  /** A ticket, or undefined when it is refused. */
  enter(now: number, chance: number): ModelTicket | undefined {
    this.look(now, chance)
    const refused = !this.#admits(now, chance)
    if (refused && this.options.mode === 'protect') {
      this.totals.rejections++
      return undefined
    }
    if (refused) this.wouldReject++
    const ticket = { phase: this.phase, at: now, spectator: refused, settled: false, exited: false }
    this.tickets.push(ticket)
    return ticket
  }

  /** Once per ticket, and once more with a failure when a body breaks after its head was a success. */
  settle(ticket: ModelTicket, outcome: Outcome, now: number, chance: number): void {
    const { slowCallRatio, slowCallDuration, successesToClose, rampFor } = this.options
    const { phase } = ticket
    if (this.phase.state === 'disabled') {
      ticket.settled = true
      return
    }
    const slow = slowCallRatio !== undefined && now - ticket.at >= slowCallDuration
    this.totals[outcome === 'success' ? 'successes' : outcome === 'failure' ? 'failures' : 'ignored']++
    if (slow) this.totals.slow++
    // Time first: a probe that hung until this very moment has hung.
    this.look(now, chance)
    ticket.settled = true
    if (phase !== this.phase || ticket.spectator) return
    this.results.push({ phase, at: now, outcome, slow })
    const bad = outcome === 'failure' || slow
    if (phase.probing) {
      if (bad) this.#reopen(now, chance)
      else if (outcome === 'success' && this.#successes() >= successesToClose) {
        if (rampFor > 0) this.#begin('half-open', now, { until: now + rampFor })
        else this.#close(now)
      }
    } else if (bad && this.#trips(now)) {
      if (phase.state === 'half-open') this.#reopen(now, chance)
      else this.#open(now, 0, chance)
    }
  }

  isolate(now: number, chance: number): void {
    this.look(now, chance)
    this.#begin('isolated', now)
  }

  disable(now: number, chance: number): void {
    this.look(now, chance)
    this.#begin('disabled', now)
  }

  release(to: 'half-open' | 'closed' | 'open', now: number, chance: number): void {
    if (this.phase.state !== 'isolated' && this.phase.state !== 'disabled') return
    if (to === 'half-open') this.#begin('half-open', now, { probing: true })
    else if (to === 'closed') this.#close(now)
    else this.#open(now, 0, chance)
  }

  update(options: Partial<ModelOptions>, now: number, chance: number): void {
    this.look(now, chance)
    if (options.window !== undefined && options.window !== this.options.window) this.windowFrom = this.results.length
    this.options = { ...this.options, ...options }
  }

  /** A snapshot taken and restored at once, while the wall clock jumped by `passed` milliseconds. */
  restore(passed: number, now: number, chance: number): void {
    this.look(now, chance)
    const { state, until } = this.phase
    const left = Math.min(this.options.openForMax, until - now - Math.max(0, passed))
    if (state === 'open') this.#begin('open', now, { until: now + Math.max(0, left) })
    else if (state === 'half-open') this.#begin('open', now, { until: now })
    else this.#begin(state, now)
  }

  /** Failures at the end of the results of this phase, ignored ones left out. */
  failuresInRow(): number {
    const row = this.#here().filter((result) => result.outcome !== 'ignored')
    return row.length - 1 - row.findLastIndex((result) => result.outcome === 'success')
  }

  /** The results that the ratios look at. */
  window(now: number): Result[] {
    const { window, failureRatio, slowCallRatio } = this.options
    if (this.phase.probing || (failureRatio === undefined && slowCallRatio === undefined)) return []
    const counted = this.#here(this.windowFrom).filter((result) => result.outcome !== 'ignored' || result.slow)
    if (typeof window === 'number') return counted.slice(-window)
    // The breaker promises a resolution of a tenth of the window.
    const tenth = (at: number): number => Math.floor(at / (Number.parseFloat(window) / 10))
    return counted.filter((result) => tenth(now) - tenth(result.at) < 10)
  }

  #successes(): number {
    return this.#here().filter((result) => result.outcome === 'success').length
  }

  #here(from = 0): Result[] {
    const { phase } = this
    return this.results.slice(from).filter((result) => result.phase === phase)
  }

  #admits(now: number, chance: number): boolean {
    const { state, probing, until } = this.phase
    if (state === 'closed' || state === 'disabled') return true
    if (state !== 'half-open') return false
    if (probing) return this.probes.length < this.options.halfOpenCalls
    const passed = 1 - (until - now) / this.options.rampFor
    return chance < 0.1 + 0.9 * Math.min(1, Math.max(0, passed))
  }

  #trips(now: number): boolean {
    const { consecutiveFailures, failureRatio = 2, slowCallRatio = 2, minimumThroughput } = this.options
    if (consecutiveFailures !== false && this.failuresInRow() >= consecutiveFailures) return true
    const rows = this.window(now)
    if (rows.length < minimumThroughput) return false
    const share = (counts: (result: Result) => boolean): number => rows.filter(counts).length / rows.length
    return share(({ outcome }) => outcome === 'failure') >= failureRatio || share(({ slow }) => slow) >= slowCallRatio
  }

  #reopen(at: number, chance: number): void {
    this.#open(at, this.reopenings + 1, chance)
  }

  #open(at: number, reopenings: number, chance: number): void {
    const { openFor, openForMax, openForFactor, jitter } = this.options
    this.reopenings = reopenings
    const grown = Math.min(openForMax, openFor * openForFactor ** reopenings)
    const length = Math.min(openForMax, grown * (1 + jitter * (2 * chance - 1)))
    this.#begin('open', at, { until: at + length })
  }

  #close(at: number): void {
    this.reopenings = 0
    this.#begin('closed', at)
  }

  #begin(state: CircuitState, at: number, { probing = false, until = Infinity } = {}): void {
    this.transitions.push(`${this.phase.state} > ${state} @${at}`)
    this.totals.transitions++
    this.phases.push({ state, probing, until })
  }
}
