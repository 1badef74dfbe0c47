// A circuit's talk with its fleet. Invariant: whatever the fleet does, throwing included, the circuit stays as good as one
// that stands alone; and every probe that was taken from the fleet is given back once.
import type { CircuitState } from '../events.ts'
import type { FleetState } from '../fleet.ts'

/** One circuit's place in a fleet. */
export class Allies {
  readonly fleet: FleetState
  readonly #circuit: string
  /** How often the fleet threw. */
  errors = 0

  constructor(fleet: FleetState, circuit: string) {
    this.fleet = fleet
    this.#circuit = circuit
  }

  report(state: CircuitState, forMs: number): void {
    this.#ask(() => this.fleet.report(this.#circuit, state, forMs), undefined)
  }

  /** Why one failure is enough: so many others have it open already. */
  agreement(quorum: number): string | undefined {
    const { instances, open } = this.#ask(() => this.fleet.others(this.#circuit), unknown)
    return open > 0 && open / instances >= quorum ? `a failure, and open in ${open} of ${instances} others` : undefined
  }

  takeProbe(): boolean {
    return this.#ask(() => this.fleet.takeProbe(this.#circuit), true)
  }

  returnProbes(count: number): void {
    for (let left = count; left > 0; left--) this.#ask(() => this.fleet.returnProbe(this.#circuit), undefined)
  }

  #ask<T>(question: () => T, otherwise: T): T {
    try {
      return question()
    } catch {
      // The circuit goes on alone; the count is shown in its snapshot.
      this.errors++
      return otherwise
    }
  }
}

const unknown = { instances: 0, open: 0 }
