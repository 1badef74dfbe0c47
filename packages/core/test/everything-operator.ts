// What an operator, or the world, does to the policies of a story while calls run: updates, switches, restarts.
import { CircuitBreaker, type Pipeline, type PipelineSnapshot, type Policy } from '../src/index.ts'
import type { VirtualClock } from '../src/testing/index.ts'
import type { Act, Part } from './everything.ts'

/** The story as the operator sees it. */
interface Plant {
  readonly clock: VirtualClock
  readonly problems: string[]
  readonly parts: readonly Part[]
  readonly policies: readonly Policy[]
}

export class Operator {
  readonly #plant: Plant
  readonly #main: Pipeline<unknown>
  /** Policies that have their later options now. */
  readonly #later = new Set<number>()
  #saved: PipelineSnapshot | undefined = undefined

  constructor(plant: Plant, main: Pipeline<unknown>) {
    this.#plant = plant
    this.#main = main
  }

  act({ act, which }: Act): void {
    const { clock, policies } = this.#plant
    if (act === 'update') this.#update(which % policies.length)
    else if (act === 'save') this.#saved = this.#written()
    else if (act === 'restore') this.#restore(this.#saved)
    else if (act === 'reload') this.#restore(this.#written())
    else if (act === 'jump') clock.wallOffset += which % 2 === 0 ? 10_000 : -10_000
    else for (const each of policies) this.#operate(each, act, which)
  }

  #update(index: number): void {
    const [policy, part] = [this.#plant.policies[index], this.#plant.parts[index]]
    if (policy === undefined || part === undefined || !('update' in policy)) return
    const isLater = this.#later.has(index)
    if (isLater) this.#later.delete(index)
    else this.#later.add(index)
    ;(policy as { update(options: unknown): void }).update(isLater ? part.first : part.later)
  }

  #operate(policy: Policy, act: Act['act'], which: number): void {
    const some = <T>(list: readonly T[]): T => list[which % list.length] as T
    const does = policy as unknown as Record<string, (...args: unknown[]) => void>
    if (act === 'operate' && policy instanceof CircuitBreaker) {
      const run = some(['isolate', 'disable', 'release', 'close', 'open'] as const)
      if (run === 'isolate') policy.isolate('for a while')
      else if (run === 'disable') policy.disable()
      else policy.release({ to: run === 'release' ? 'half-open' : run === 'close' ? 'closed' : 'open' })
    } else if (act === 'clear') does.clear?.(...some([[], ['a'], ['b']]))
    else if (act === 'chaos') does[some(['start', 'stop'])]?.()
    else if (act === 'observe') does.observe?.(some([0, 100, 5]))
  }

  /** As it would come back from a file. */
  #written(): PipelineSnapshot {
    return JSON.parse(JSON.stringify(this.#main.snapshot())) as PipelineSnapshot
  }

  #restore(snapshot: PipelineSnapshot | undefined): void {
    if (snapshot === undefined) return
    for (const problem of this.#main.restore(snapshot)) this.#plant.problems.push(problem)
  }
}
