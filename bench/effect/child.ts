// One subject, played in a process of its own through the outages and seeds that it is given as JSON in its first argument.
// Prints one line of JSON for each run. Libraries that read the host's clock are loaded onto the simulation's.
import { play } from '@switchgear/simulator'
import { type Measures, measureNames, measuresOf } from './measures.ts'
import { outages } from './outages.ts'
import type { Library } from './subject.ts'
import { VirtualHost } from './virtual-host.ts'

/** What a child is asked for. */
export interface Task {
  readonly library: string
  readonly variant: string
  readonly outages: readonly string[]
  readonly seeds: readonly number[]
}

/** One run, as the child says it. */
export interface Run {
  readonly outage: string
  readonly seed: number
  /** In the order of `measureNames`; null is Infinity, which JSON does not know. */
  readonly measures: readonly (number | null)[]
  readonly requests: number
  readonly realMs: number
}

/** The libraries that ask the host for the time, and the classic breaker, which does so too. */
const host = new VirtualHost(
  (url) => /\/node_modules\/(?:opossum|cockatiel)\/.*\.[cm]?js$/.test(url) || url.endsWith('/bench/core/classic.ts'),
)
const task = JSON.parse(process.argv[2] ?? '') as Task
const { library } = (await import(`./subjects/${task.library}.ts`)) as { library: Library }
const make = library.guards[task.variant]
if (make === undefined) throw new Error(`${task.library} has no '${task.variant}'`)
for (const { id, model, scenario } of outages) {
  if (!task.outages.includes(id)) continue
  for (const seed of task.seeds) {
    const result = await play({
      model,
      scenario: scenario(seed),
      seed,
      label: `${task.library} ${task.variant}`,
      guards: (_to, _from, environment) => {
        host.attach(environment)
        return make(environment)
      },
    })
    const taken: Measures = measuresOf(result)
    const measures = measureNames.map((name) => taken[name])
    const run: Run = { outage: id, seed, measures, requests: result.totals.offered, realMs: result.cost.realMs }
    process.stdout.write(`${JSON.stringify(run)}\n`)
  }
}
