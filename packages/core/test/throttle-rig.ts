// A throttle driven from outside, call by call, on the virtual clock and with luck that a test chooses.
import { type AdmittingPipeline, type Outcome, pipeline, type Priority } from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { type Throttle, throttle, type ThrottleOptions } from '../src/throttle.ts'

/** A throttle on the virtual clock; `random` answers `luck`. */
export class Rig {
  readonly clock = new VirtualClock()
  readonly gate: Throttle
  luck = 0.999_999
  readonly #guarded: AdmittingPipeline

  constructor(options: ThrottleOptions = {}) {
    this.gate = throttle(options)
    this.#guarded = pipeline({ name: 'search', clock: this.clock, random: () => this.luck }, this.gate)
  }

  /** One call that ends at once; answers whether it was admitted. */
  call(outcome: Outcome, priority: Priority = 1): boolean {
    const permit = this.#guarded.admit({ priority })
    if (permit.kind === 'rejection') return false
    const attempt = permit.attempt()
    if (attempt.kind === 'attempt') attempt.settle(outcome)
    permit.exit()
    return true
  }

  calls(count: number, outcome: Outcome, priority?: Priority): number {
    let admitted = 0
    for (let call = 0; call < count; call++) if (this.call(outcome, priority)) admitted++
    return admitted
  }

  get chance(): number {
    return this.gate.snapshot().refusalChance
  }
}
