// CPU time per request of every variant, in rounds: each round goes once through all of them, so that whatever the machine does
// meanwhile hits all. Invariant: a variant whose spans were not made is an error, not a good result.
import type { ServiceTask } from './service.ts'
import { type Ask, Helper, type Load, type Reading } from './messages.ts'
import { type Plan, type Variant, variants } from './variants.ts'

/** Microseconds of CPU per request in each round, for each variant by its id. */
export type Samples = ReadonlyMap<string, readonly number[]>

const connections = 8

/** The processes of a variant: the server that gets the requests first; `port` is 0 where they come from its own memory. */
interface Running {
  readonly variant: Variant
  readonly servers: readonly Helper[]
  readonly port: number
}

/** What was measured. */
export interface AllSamples {
  readonly network: Samples
  readonly memory: Samples
}

/** Measures all variants whose id `selected` wants. `onRound` hears of progress. */
export async function measureRounds(
  plan: Plan,
  selected: (id: string) => boolean,
  onRound: (what: string) => void,
): Promise<AllSamples> {
  const helpers: Helper[] = []
  const start = async <Ready>(file: string, argument: object): Promise<{ helper: Helper; ready: Ready }> => {
    const started = await Helper.start<Ready>(file, argument)
    helpers.push(started.helper)
    return started
  }
  try {
    const { helper: load } = await start('load.ts', {})
    const { ready: collector } = await start<{ port: number }>('collector.ts', {})
    const service: Start = (task) => start<{ port: number }>('service.ts', { ...task, collector: collector.port })
    const wanted = variants.filter(({ id }) => selected(id))
    const memory: Running[] = []
    for (const variant of wanted.filter(({ inMemory }) => inMemory === true))
      memory.push({ ...(await run(variant, service)), port: 0 })
    const { memoryRounds, memoryRequests, rounds, requests, warmRequests } = plan
    const inMemory = await inRounds(memory, load, memoryRounds, memoryRequests, 2 * warmRequests, (round) =>
      onRound(`in memory, round ${round} of ${memoryRounds}`),
    )
    const network: Running[] = []
    for (const variant of wanted) network.push(await run(variant, service))
    const overNetwork = await inRounds(network, load, rounds, requests, warmRequests, (round) =>
      onRound(`over the network, round ${round} of ${rounds}`),
    )
    return { network: overNetwork, memory: inMemory }
  } finally {
    for (const helper of helpers) helper.stop()
  }
}

async function inRounds(
  running: readonly Running[],
  load: Helper,
  rounds: number,
  requests: number,
  warmRequests: number,
  onRound: (round: number) => void,
): Promise<Samples> {
  for (const each of running) await block(each, load, warmRequests)
  const samples = new Map<string, number[]>(running.map(({ variant }) => [variant.id, []]))
  for (let round = 0; round < rounds; round++) {
    onRound(round + 1)
    // The order turns round, so that nobody always comes after the same one.
    for (let index = 0; index < running.length; index++) {
      const each = running[(index + round) % running.length]
      if (each !== undefined) samples.get(each.variant.id)?.push(await block(each, load, requests))
    }
  }
  return samples
}

type Start = (task: Omit<ServiceTask, 'collector'>) => Promise<{ helper: Helper; ready: { port: number } }>

async function run(variant: Variant, start: Start): Promise<Running> {
  const { id, hop } = variant
  if (hop !== true) {
    const { helper, ready } = await start({ variant: id })
    return { variant, servers: [helper], port: ready.port }
  }
  const back = await start({ variant: id })
  const front = await start({ variant: id, next: back.ready.port })
  return { variant, servers: [front.helper, back.helper], port: front.ready.port }
}

/** One block of requests; answers microseconds of CPU per request, of all servers together. */
async function block({ variant, servers, port }: Running, load: Helper, count: number): Promise<number> {
  const requests = variant.hop === true ? count / 4 : count
  const before = await read(servers, {})
  if (port > 0) await load.ask({ port, requests, connections } satisfies Load)
  const after = await read(servers, port > 0 ? {} : { drive: requests })
  const spans = (after.spans - before.spans) / requests
  // A ratio is met by chance only roughly; everything else exactly but for what still runs when it is read.
  const far = variant.spans === 0.01 ? 0.01 : 0.01 * variant.spans
  if (Math.abs(spans - variant.spans) > far)
    throw new Error(`${variant.id}: ${spans} spans a request where ${variant.spans} were expected`)
  return (after.cpuMicros - before.cpuMicros) / requests
}

async function read(servers: readonly Helper[], ask: Ask): Promise<Reading> {
  const readings = await Promise.all(servers.map((server) => server.ask<Reading>(ask)))
  return {
    cpuMicros: readings.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0),
    spans: readings.reduce((sum, { spans }) => sum + spans, 0),
  }
}
