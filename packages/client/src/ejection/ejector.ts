// The law of outlier ejection (after Envoy's outlier detection): a state machine over the endpoints of one service, with the time
// handed in, chance injected, and no timer. What time alone changes is applied at the next look, as if it had happened on time.
// Invariant: of the members at least one is never ejected, whatever is learned and whoever leaves; `quota.ts` has the numbers.
import type { Outcome, Random } from '@switchgear/core'
import { outliers } from './comparison.ts'
import type { Ejection, EjectionReason, EndpointGate } from './gate.ts'
import type { EjectionRules } from './options.ts'
import { mostEjected, panics } from './quota.ts'

/** Why one came back: its time was over; all others had gone; or it was used in a panic and worked. */
export type ReturnCause = 'time' | 'last' | 'proven'

/** Hears of each change after it is complete. `at` may lie in the past, see above. */
export interface EjectionListener {
  ejected(gate: EndpointGate, ejection: Ejection): void
  returned(gate: EndpointGate, cause: ReturnCause, at: number): void
  /** Whether ejected ones are used all the same from now on. */
  panicked(isPanicking: boolean, at: number): void
}

/** Counts that only grow. */
export interface EjectionTotals {
  readonly ejections: Record<EjectionReason, number>
  returns: number
  /** Ejections that the quota prevented. */
  spared: number
  /** How often a panic began. */
  panics: number
}

/**
 * Failures in a row that eject where no connection came about: nobody listens there, which is no matter of chance. The count of other
 * failures would take long, because a balancer that looks at failures sends less and less there.
 */
const unreachableInRow = 2
/** Successes in a row by which an endpoint that is used in a panic proves that it works. */
const provenAfter = 5

/**
 * Ejects and takes back.
 *
 * @example
 * const ejector = new Ejector(ejectionRules({}, 'ejection'), systemRandom, listener)
 * ejector.update(gates, now)
 * ejector.learn(gate, ticket, 'failure', false, now)
 * if (now >= ejector.dueAt) ejector.advance(now)
 */
export class Ejector {
  readonly totals: EjectionTotals = {
    ejections: { 'consecutive-failures': 0, unreachable: 0, 'success-rate': 0, 'failure-share': 0, probation: 0 },
    returns: 0,
    spared: 0,
    panics: 0,
  }
  /** When time changes something next: the first return, or the end of an interval. */
  dueAt: number = Infinity
  isPanicking = false
  readonly rules: EjectionRules
  readonly #compares: boolean
  readonly #random: Random
  readonly #listener: EjectionListener
  #members: readonly EndpointGate[] = []
  /** All that are out, also those that calls do not go to for another reason at the moment. */
  readonly #ejected = new Set<EndpointGate>()
  /** Of the members. */
  #ejectedMembers = 0
  /** Infinity until something is learned, so that a service without calls has nothing to do. */
  #intervalEndsAt = Infinity

  constructor(rules: EjectionRules, random: Random, listener: EjectionListener) {
    this.rules = rules
    this.#compares = rules.successRate !== undefined || rules.failureShare !== undefined
    this.#random = random
    this.#listener = listener
  }

  /** From now on calls may go to these. If all of them are ejected, the one whose time would be over first returns. */
  update(members: readonly EndpointGate[], now: number): void {
    this.advance(now)
    for (const gate of this.#members) gate.isMember = false
    for (const gate of members) gate.isMember = true
    this.#members = members
    this.#count()
    if (members.length > 0 && this.#ejectedMembers === members.length)
      this.#release(
        members.reduce((best, gate) => (untilOf(gate) < untilOf(best) ? gate : best)),
        'last',
        now,
      )
    else this.#doubt(now)
  }

  /** It has gone for good: nothing is learned of it any more. An `update` without it follows. */
  forget(gate: EndpointGate): void {
    gate.isMember = false
    if (this.#ejected.delete(gate)) this.#count()
  }

  /** Members. */
  get size(): number {
    return this.#members.length
  }

  /** Members that are ejected. */
  get ejected(): number {
    return this.#ejectedMembers
  }

  /** A result. One of another generation changes nothing, nor does an ignored one. `unreachable`: no connection came about. */
  learn(gate: EndpointGate, ticket: number, outcome: Outcome, unreachable: boolean, now: number): void {
    // Time first: what fell due before this result happened before it, and may have made its ticket stale.
    if (now >= this.dueAt) this.advance(now)
    if (outcome === 'ignored' || ticket !== gate.generation || !gate.isMember) return
    const failed = outcome === 'failure'
    gate.record(failed)
    if (gate.ejection !== undefined) {
      // Only a panic sends calls here.
      if (gate.successesInRow >= provenAfter) this.#release(gate, 'proven', now)
      return
    }
    if (this.#compares && this.#intervalEndsAt === Infinity) {
      this.#intervalEndsAt = now + this.rules.intervalMs
      this.#schedule()
    }
    if (failed) this.#judge(gate, unreachable, now)
  }

  /** Applies what time has brought by `now`, in the order in which it happened. */
  advance(now: number): void {
    while (now >= this.dueAt) {
      const at = this.dueAt
      for (const gate of this.#ejected) if (untilOf(gate) <= at) this.#release(gate, 'time', at)
      if (this.#intervalEndsAt <= at) this.#compare(at)
    }
  }

  #judge(gate: EndpointGate, unreachable: boolean, now: number): void {
    const { failuresInRow } = gate
    const { consecutiveFailures } = this.rules
    const isOn = consecutiveFailures < Infinity
    const most = unreachable && isOn ? Math.min(unreachableInRow, consecutiveFailures) : consecutiveFailures
    if (failuresInRow >= most) {
      const words = unreachable
        ? `${failuresInRow} failures in a row, no connection`
        : `${failuresInRow} failures in a row`
      this.#eject(gate, unreachable ? 'unreachable' : 'consecutive-failures', words, now)
    } else if (gate.probation > 0) {
      this.#eject(gate, 'probation', 'failed soon after its return', now)
    }
  }

  /** The end of an interval. The next begins with the next result. */
  #compare(at: number): void {
    const found = outliers(
      this.#members.filter(({ ejection }) => ejection === undefined),
      this.rules,
    )
    for (const gate of this.#members) gate.calls = gate.failures = 0
    this.#intervalEndsAt = Infinity
    this.#schedule()
    for (const { of, reason, detail } of found) this.#eject(of, reason, detail, at)
  }

  #eject(gate: EndpointGate, reason: EjectionReason, detail: string, at: number): void {
    // A listener may have changed the members while outliers of the same interval were still waiting.
    if (gate.ejection !== undefined || !gate.isMember) return
    const { baseMs, maxMs, maxShare, jitter, intervalMs } = this.rules
    if (this.#ejectedMembers >= mostEjected(this.#members.length, maxShare)) {
      this.totals.spared++
      return
    }
    // Not beyond what makes it longer, so that what is forgotten later is felt at once.
    const times = Math.min(gate.times(at, intervalMs) + 1, Math.ceil(maxMs / baseMs))
    const spread = jitter === 0 ? 1 : 1 + jitter * (2 * this.#random() - 1)
    const until = at + Math.min(maxMs, Math.min(maxMs, baseMs * times) * spread)
    const ejection: Ejection = { reason, detail, at, until, times }
    gate.eject(ejection)
    this.#ejected.add(gate)
    this.totals.ejections[reason]++
    this.#count()
    this.#listener.ejected(gate, ejection)
    this.#doubt(at)
  }

  #release(gate: EndpointGate, cause: ReturnCause, at: number): void {
    if (!this.#ejected.delete(gate)) return
    gate.release(at, this.rules.probation)
    this.totals.returns++
    this.#count()
    this.#listener.returned(gate, cause, at)
    this.#doubt(at)
  }

  #count(): void {
    let out = 0
    for (const gate of this.#ejected) if (gate.isMember) out++
    this.#ejectedMembers = out
    this.#schedule()
  }

  /** Whether so many are out that they are used all the same. */
  #doubt(at: number): void {
    const isPanicking = panics(this.#members.length, this.#ejectedMembers, this.rules.panicThreshold)
    if (isPanicking === this.isPanicking) return
    this.isPanicking = isPanicking
    if (isPanicking) this.totals.panics++
    this.#listener.panicked(isPanicking, at)
  }

  #schedule(): void {
    let dueAt = this.#intervalEndsAt
    for (const gate of this.#ejected) dueAt = Math.min(dueAt, untilOf(gate))
    this.dueAt = dueAt
  }
}

function untilOf(gate: EndpointGate): number {
  return gate.ejection?.until ?? Infinity
}
