// What the instances of a service tell each other about their circuits: who is open, and how many probes all of them
// together may have in flight. A breaker asks only when a call fails, when it probes, and when its state changes, never for a
// call through a closed circuit. It asks synchronously: a distributed store answers from a picture that it keeps locally, so
// that a store that is slow or gone costs a call nothing.
import { type Clock, systemClock } from './clock.ts'
import type { CircuitState } from './events.ts'
import { checkCount, checkKeys, checkMethods } from './options.ts'

/**
 * One instance's view of its fleet. No method may block. One that throws is counted (`fleetErrors` of the breaker's snapshot)
 * and the breaker goes on by what it knows itself.
 */
export interface FleetState {
  /** This instance's circuit is now in `state`, and will be for `forMs` (Infinity if nobody can say). */
  report(circuit: string, state: CircuitState, forMs: number): void
  /** How many other instances there are, and how many of them have this circuit open. */
  others(circuit: string): FleetView
  /** Takes one of the fleet's probes for `forMs` at most, for its taker may die; false when all are in flight. */
  takeProbe(circuit: string, forMs: number): boolean
  /** Gives it back. */
  returnProbe(circuit: string): void
}

/** What is known of the other instances. */
export interface FleetView {
  readonly instances: number
  readonly open: number
}

/** Options of `LocalFleet`. */
export interface LocalFleetOptions {
  /** Probes in flight at most, of one circuit, by all instances together. Default 3. */
  readonly probes?: number | undefined
  /** Default: the host's. */
  readonly clock?: Clock | undefined
}

const defaults = Object.freeze({ probes: 3, clock: undefined })

/** What all members know of one circuit. Kept only while somebody has it open or probes it. */
interface Board {
  /** Monotonic milliseconds until which each member has it open. */
  readonly openUntil: Map<object, number>
  /** When the probes of each member are given up for lost, the oldest first. */
  readonly probes: Map<object, number[]>
}

/**
 * A fleet in one process: for several pools of workers beside each other, for tests and for simulations.
 *
 * @example
 * const fleet = new LocalFleet({ probes: 2 })
 * const one = pipeline({ name: 'payments' }, circuitBreaker({ fleet: fleet.join() }))
 * const other = pipeline({ name: 'payments' }, circuitBreaker({ fleet: fleet.join() }))
 */
export class LocalFleet {
  readonly #members = new Set<object>()
  readonly #boards = new Map<string, Board>()
  readonly #clock: Clock
  readonly #probes: number

  constructor(options: LocalFleetOptions = {}) {
    checkKeys(options, defaults, 'fleet')
    this.#probes = options.probes ?? defaults.probes
    this.#clock = options.clock ?? systemClock
    checkCount(this.#probes, 'fleet.probes', 1)
    checkMethods(this.#clock, ['now', 'wallNow', 'setTimer'], 'fleet.clock')
  }

  /** One more instance. What it held is given back, and what it said forgotten, when it leaves. */
  join(): FleetState & { leave(): void } {
    const member = {}
    this.#members.add(member)
    return {
      report: (circuit, state, forMs) => this.#report(member, circuit, state, forMs),
      others: (circuit) => this.#others(member, circuit),
      takeProbe: (circuit, forMs) => this.#takeProbe(member, circuit, forMs),
      returnProbe: (circuit) => this.#returnProbe(member, circuit),
      leave: () => {
        this.#members.delete(member)
        for (const circuit of this.#boards.keys()) this.#forget(member, circuit)
      },
    }
  }

  #report(member: object, circuit: string, state: CircuitState, forMs: number): void {
    // Isolated is one operator's word about one instance; it says nothing of the dependency. Who has left says nothing at all.
    if (state === 'open' && this.#members.has(member)) {
      this.#board(circuit).openUntil.set(member, this.#clock.now() + forMs)
    } else this.#boards.get(circuit)?.openUntil.delete(member)
    this.#tidy(circuit)
  }

  #others(member: object, circuit: string): FleetView {
    const now = this.#clock.now()
    let open = 0
    for (const [who, until] of this.#boards.get(circuit)?.openUntil ?? []) if (who !== member && until > now) open++
    return { instances: this.#members.size - (this.#members.has(member) ? 1 : 0), open }
  }

  #takeProbe(member: object, circuit: string, forMs: number): boolean {
    // Who has left is bound by nothing, and binds nobody.
    if (!this.#members.has(member)) return true
    const now = this.#clock.now()
    const { probes } = this.#board(circuit)
    let inFlight = 0
    for (const [who, until] of probes) {
      const held = until.filter((due) => due > now)
      if (held.length === 0) probes.delete(who)
      else probes.set(who, held)
      inFlight += held.length
    }
    if (inFlight < this.#probes) probes.set(member, [...(probes.get(member) ?? []), now + forMs])
    this.#tidy(circuit)
    return inFlight < this.#probes
  }

  #returnProbe(member: object, circuit: string): void {
    const probes = this.#boards.get(circuit)?.probes
    const held = probes?.get(member) ?? []
    if (held.length > 1) probes?.set(member, held.slice(1))
    else probes?.delete(member)
    this.#tidy(circuit)
  }

  #forget(member: object, circuit: string): void {
    const board = this.#boards.get(circuit)
    board?.openUntil.delete(member)
    board?.probes.delete(member)
    this.#tidy(circuit)
  }

  #board(circuit: string): Board {
    let board = this.#boards.get(circuit)
    if (board === undefined) this.#boards.set(circuit, (board = { openUntil: new Map(), probes: new Map() }))
    return board
  }

  /** A circuit that nobody has open or probes is not remembered, so that old names do not pile up. */
  #tidy(circuit: string): void {
    const board = this.#boards.get(circuit)
    if (board !== undefined && board.openUntil.size === 0 && board.probes.size === 0) this.#boards.delete(circuit)
  }
}
