// What is seen of the circuit breakers of all guards: their state at each step, and their changes. It only reads; a guard
// without a state is not here.
import type { CircuitState } from '@switchgear/core'
import type { Guard } from './guard.ts'
import type { BreakerResult } from './result.ts'
import type { Service } from './service.ts'

interface Seen {
  readonly to: Service
  readonly guard: Guard
  state: CircuitState
}

interface Log {
  readonly guards: Seen[]
  transitions: number
  readonly open: number[]
  readonly halfOpen: number[]
  readonly first: { readonly atMs: number; readonly state: CircuitState }[]
}

const mostChanges = 1000

/** Watches breakers. */
export class BreakerLog {
  readonly #seen: Seen[] = []
  readonly #logs = new Map<Service, Log>()
  #steps = 0

  /** Answers the number under which changes are told. */
  add(to: Service, guard: Guard, state: CircuitState | undefined): number {
    if (state === undefined) return -1
    const seen = { to, guard, state }
    let log = this.#logs.get(to)
    if (log === undefined) {
      // The steps before its first call are steps without an open breaker.
      const empty = (): number[] => Array.from({ length: this.#steps }, () => 0)
      this.#logs.set(to, (log = { guards: [], transitions: 0, open: empty(), halfOpen: empty(), first: [] }))
    }
    log.guards.push(seen)
    return this.#seen.push(seen) - 1
  }

  /** A breaker was seen in another state than before. */
  changed(number: number, state: CircuitState, atMs: number): void {
    const seen = this.#seen[number] as Seen
    const log = this.#logs.get(seen.to) as Log
    if (seen.state === state) return
    seen.state = state
    log.transitions++
    if (log.guards[0] === seen && log.first.length < mostChanges) log.first.push({ atMs, state })
  }

  /** The end of a step: all are looked at. */
  step(atMs: number): void {
    this.#steps++
    for (const [number, { guard, state }] of this.#seen.entries()) this.changed(number, guard.state?.() ?? state, atMs)
    for (const { guards, open, halfOpen } of this.#logs.values()) {
      open.push(guards.filter(({ state }) => state === 'open' || state === 'isolated').length / guards.length)
      halfOpen.push(guards.filter(({ state }) => state === 'half-open').length / guards.length)
    }
  }

  /** In the order of `services`. */
  results(services: readonly Service[]): BreakerResult[] {
    return services.flatMap((to) => {
      const log = this.#logs.get(to)
      if (log === undefined) return []
      const { guards, transitions, open, halfOpen, first } = log
      return [{ to: to.plan.name, breakers: guards.length, transitions, open, halfOpen, first }]
    })
  }
}
