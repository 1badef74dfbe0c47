// Plays situations: all ways of one at the same time, so that whatever the machine does meanwhile hits all alike.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Helper } from '../../telemetry/messages.ts'
import { open, together } from '../processes.ts'
import type { CallerTask, FleetAnswer, FleetAsk, Heard, Offer } from './messages.ts'
import type { Situation } from './situations.ts'

/** How long. */
export interface LoadPlan {
  readonly warmMs: number
  readonly measureMs: number
}

/** What one way made of a situation. */
export interface Played extends Heard {
  readonly way: string
  /** Requests of measured calls, further tries too, and how many of them came to the odd one. */
  readonly requests: number
  readonly oddRequests: number
}

const seed = 20_260_101
/** When the odd one dies, after the warm-up. */
const diesAfterMs = 500

/** The ways of a situation in their order. */
export async function play(situation: Situation, plan: LoadPlan): Promise<Played[]> {
  const helpers: Helper[] = []
  try {
    const pairs = await together(situation.ways.map((way) => pairOf(way, situation, helpers)))
    return await together(pairs.map((pair) => playOne(pair, situation, plan)))
  } finally {
    for (const helper of helpers) helper.stop()
  }
}

interface Pair {
  readonly way: string
  readonly fleet: Helper
  readonly caller: Helper
}

async function pairOf(way: string, { endpoints, method }: Situation, helpers: Helper[]): Promise<Pair> {
  const { helper: fleet, ready } = await open<{ ports: number[] }>(helpers, 'load/fleet.ts', { endpoints, seed })
  const task: CallerTask = { way, ports: ready.ports, method, seed }
  const { helper: caller } = await open(helpers, 'load/caller.ts', task)
  return { way, fleet, caller }
}

async function playOne(
  { way, fleet, caller }: Pair,
  { perSecond, dies, odd }: Situation,
  { warmMs, measureMs }: LoadPlan,
): Promise<Played> {
  const heard = caller.ask<Heard>({ perSecond, warmMs, measureMs } satisfies Offer)
  const death = dies === true ? killLater(fleet, odd, warmMs + diesAfterMs) : Promise.resolve()
  const [result] = await Promise.all([heard, death])
  const { asked } = await fleet.ask<FleetAnswer>({})
  const requests = asked.reduce((sum, count) => sum + count, 0)
  return { ...result, way, requests, oddRequests: asked[odd] ?? 0 }
}

async function killLater(fleet: Helper, kill: number, afterMs: number): Promise<void> {
  await sleep(afterMs)
  await fleet.ask<FleetAnswer>({ kill } satisfies FleetAsk)
}
