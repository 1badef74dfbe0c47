// A circuit's talk with its fleet. Invariant: whatever the fleet does, throwing, lying or answering promises included, the
// circuit stays as good as one that stands alone; and every probe that was taken from the fleet is given back once.
import type { CircuitState } from '../events.ts'
import type { FleetState } from '../fleet.ts'

/** One circuit's place in a fleet. */
export class Allies {
  readonly fleet: FleetState
  readonly #circuit: string
  readonly #failed: () => void

  /** `failed` hears of every answer that is none. */
  constructor(fleet: FleetState, circuit: string, failed: () => void) {
    this.fleet = fleet
    this.#circuit = circuit
    this.#failed = failed
  }

  report(state: CircuitState, forMs: number): void {
    this.#ask(() => this.fleet.report(this.#circuit, state, forMs))
  }

  /** Why one failure is enough: so many others have it open already. */
  agreement(quorum: number): string | undefined {
    return this.#ask(() => {
      const { instances, open } = this.fleet.others(this.#circuit)
      if (!Number.isFinite(instances) || !Number.isFinite(open)) throw new TypeError('no view of the fleet')
      return open > 0 && open / instances >= quorum && open <= instances
        ? `a failure, and open in ${open} of ${instances} others`
        : undefined
    })
  }

  takeProbe(forMs: number): boolean {
    const taken: unknown = this.#ask(() => this.fleet.takeProbe(this.#circuit, forMs))
    return taken !== false
  }

  returnProbes(count: number): void {
    for (let left = count; left > 0; left--) this.#ask(() => this.fleet.returnProbe(this.#circuit))
  }

  #ask<T>(question: () => T): T | undefined {
    try {
      const answer = question()
      // A store that answers promises is no `FleetState`, but a method of no result lets one through; its rejection is counted.
      const { then } = (answer ?? {}) as { then?: unknown }
      if (typeof then !== 'function') return answer
      ;(answer as PromiseLike<unknown>).then(undefined, this.#failed)
    } catch {
      // The circuit goes on alone; the count is shown in its snapshot.
      this.#failed()
    }
    return undefined
  }
}
