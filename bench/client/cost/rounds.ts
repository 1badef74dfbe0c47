// CPU and time of every contestant in rounds: each round goes once through all of them, so that whatever the machine does meanwhile hits
// all. Invariant: a block whose calls did not all reach the server is an error, not a good result.
import type { Helper } from '../../telemetry/messages.ts'
import { open, together } from '../processes.ts'
import { type Contestant, contestants, type Scenario, scenarios } from './contestants.ts'
import type { Answer, Block, CallerTask, Spent } from './messages.ts'

/** How much of it. */
export interface CostPlan {
  readonly rounds: number
  /** Calls of a contestant with share 1 in one round. */
  readonly calls: number
  readonly warmCalls: number
}

/** What each round cost, in their order. */
export interface CostSamples {
  /** Microseconds of the caller's CPU per call. */
  readonly cpuMicros: readonly number[]
  readonly callsPerSecond: readonly number[]
}

/** By contestant. */
export type ScenarioSamples = ReadonlyMap<string, CostSamples>

interface Running {
  readonly contestant: Contestant
  readonly caller: Helper
  readonly server: Helper
  readonly cpuMicros: number[]
  readonly callsPerSecond: number[]
}

/** Measures the contestants that are `wanted` in all scenarios, which are keyed by id. `say` hears of progress. */
export async function measureCost(
  plan: CostPlan,
  wanted: (id: string) => boolean,
  say: (what: string) => void,
  among: readonly Scenario[] = scenarios,
): Promise<ReadonlyMap<string, ScenarioSamples>> {
  const results = new Map<string, ScenarioSamples>()
  for (const scenario of among) results.set(scenario.id, await measureScenario(plan, scenario, wanted, say))
  return results
}

async function measureScenario(
  plan: CostPlan,
  scenario: Scenario,
  wanted: (id: string) => boolean,
  say: (what: string) => void,
): Promise<ScenarioSamples> {
  const helpers: Helper[] = []
  try {
    const running = await start(scenario, wanted, helpers)
    for (const each of running) await block(each, plan.warmCalls)
    for (let round = 0; round < plan.rounds; round++) {
      if (round % 5 === 0) say(`${scenario.title}, round ${round + 1} of ${plan.rounds}`)
      // The order turns round, so that nobody always comes after the same one.
      for (let index = 0; index < running.length; index++) {
        const each = running[(index + round) % running.length]
        if (each === undefined) continue
        const { cpuMicros, wallMs, calls } = await block(each, plan.calls)
        each.cpuMicros.push(cpuMicros / calls)
        each.callsPerSecond.push((1000 * calls) / wallMs)
      }
    }
    return new Map(
      running.map(({ contestant, cpuMicros, callsPerSecond }) => [contestant.id, { cpuMicros, callsPerSecond }]),
    )
  } finally {
    for (const helper of helpers) helper.stop()
  }
}

/** Starts the servers, and then all callers at once: some take seconds until they know their server. */
async function start(
  { method, endpoints }: Scenario,
  wanted: (id: string) => boolean,
  helpers: Helper[],
): Promise<Running[]> {
  // Moleculer's nodes find each other by gossip, which with three of them may take longer than a benchmark can wait.
  const chosen = contestants.filter(({ id, server }) => wanted(id) && (server !== 'nodes' || endpoints === 1))
  const origin = await open<{ ports: number[] }>(helpers, 'cost/origin.ts', { endpoints })
  const nodes = chosen.some(({ server }) => server === 'nodes')
    ? await open<{ ports: number[] }>(helpers, 'cost/nodes.ts', { endpoints })
    : undefined
  return together(
    chosen.map(async (contestant) => {
      const { module, variant } = contestant
      const { helper: server, ready } = contestant.server === 'nodes' && nodes !== undefined ? nodes : origin
      const task: CallerTask = { module, variant, method, ports: ready.ports }
      const { helper: caller } = await open(helpers, 'cost/caller.ts', task)
      return { contestant, caller, server, cpuMicros: [], callsPerSecond: [] }
    }),
  )
}

async function block({ contestant, caller, server }: Running, most: number): Promise<Spent & Block> {
  const calls = Math.max(1, Math.round(most * contestant.share))
  const before = await server.ask<Answer>({})
  const spent = await caller.ask<Spent>({ calls } satisfies Block)
  const { served } = await server.ask<Answer>({})
  if (served - before.served !== spent.made)
    throw new Error(`${contestant.id}: ${served - before.served} requests for ${spent.made} calls`)
  return { ...spent, calls }
}
