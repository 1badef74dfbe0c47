// An ejector with so many gates, and all that it tells.
import type { Outcome, Random } from '@switchgear/core'
import { type EjectionOptions, ejectionRules, Ejector, EndpointGate } from '../../src/ejection/index.ts'

/** What was told, in short. */
export type Told = readonly [what: string, id: string, at: number]

export class Rig {
  readonly told: Told[] = []
  readonly gates: readonly EndpointGate[]
  readonly ejector: Ejector
  now = 0

  constructor(count: number, options: EjectionOptions | false = {}, random: Random = () => 0.5) {
    this.ejector = new Ejector(ejectionRules(options, 'ejection'), random, {
      ejected: ({ id }, { reason, at }) => this.told.push([reason, id, at]),
      returned: ({ id }, cause, at) => this.told.push([cause, id, at]),
      panicked: (isPanicking, at) => this.told.push([isPanicking ? 'panic' : 'calm', '', at]),
    })
    this.gates = Array.from({ length: count }, (_, index) => new EndpointGate(String(index)))
    this.ejector.update(this.gates, 0)
  }

  gate(index: number): EndpointGate {
    const gate = this.gates[index]
    if (gate === undefined) throw new RangeError(`there is no gate ${index}`)
    return gate
  }

  /** `times` calls that begin and end now. */
  calls(index: number, outcome: Outcome, times = 1, unreachable = false): void {
    const gate = this.gate(index)
    for (let call = 0; call < times; call++) this.ejector.learn(gate, gate.generation, outcome, unreachable, this.now)
  }

  pass(ms: number): void {
    this.now += ms
    this.ejector.advance(this.now)
  }

  /** Who is out. */
  get out(): readonly string[] {
    return this.gates.filter(({ ejection }) => ejection !== undefined).map(({ id }) => id)
  }

  untilOf(index: number): number | undefined {
    return this.gate(index).ejection?.until
  }
}
