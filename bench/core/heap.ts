// Bytes: what a call allocates and what an idle breaker keeps. Allocation is the growth of the heap over many calls in a
// young generation so large that none of them is collected; the engine's running total of allocated bytes proves that.
// The reference's own allocation is subtracted.
import { createHook } from 'node:async_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Plan } from './cases.ts'
import { inChunks, spentMs, turn } from './chunks.ts'
import { median } from './median.ts'

/** Bytes, how far single measurements were off, and the reference's own. */
export interface Bytes {
  readonly measured: number
  readonly min: number
  readonly max: number
  readonly bareBytes?: number
  /** Timers that one idle breaker holds, also those that do not keep the process alive. */
  readonly timers?: number
}

type Loop = (count: number) => Promise<number | void>

const rounds = 7
/** Bytes that the calls of a round may allocate: an eighth of the young generation, so that most rounds see no collection. */
const roundBytes = 16 * 2 ** 20
/** Calls of a round, at most. */
const mostCalls = 10_000

/** Bytes that one call by `subject` allocates beyond one by `reference`. */
export async function allocation(subject: Loop, reference: Loop, plan: Plan): Promise<Bytes> {
  const own = await allocated(subject, 1.5 * plan.warmMs)
  const bare = median(await allocated(reference, plan.warmMs / 2))
  const samples = own.map((bytes) => bytes - bare)
  return { measured: median(samples), min: Math.min(...samples), max: Math.max(...samples), bareBytes: bare }
}

/** Bytes per call, several times. Nothing is collected on purpose: a full collection also throws optimised code away. */
async function allocated(loop: Loop, warmMs: number): Promise<number[]> {
  const warmUntil = spentMs() + warmMs
  while (spentMs() < warmUntil) await inChunks(loop, 1000)
  const samples: number[] = []
  let calls = 500
  for (let round = 0; round < 5 * rounds && samples.length < rounds; round++) {
    const before = getHeapStatistics()
    await inChunks(loop, calls)
    const after = getHeapStatistics()
    const grown = after.used_heap_size - before.used_heap_size
    const total = after.total_allocated_bytes - before.total_allocated_bytes
    // The total also counts what the engine wastes and what compiling takes, so it is a little larger; where it is far
    // larger, a collection came in between.
    if (grown > total / 2 && round > 0) samples.push(grown / calls)
    calls = Math.max(500, Math.min(mostCalls, Math.floor((roundBytes * calls) / total)))
  }
  return samples
}

/** Bytes that one idle thing keeps, and its timers. Needs --expose-gc. */
export async function retained(build: () => object, plan: Plan): Promise<Bytes> {
  const timers = await timersOf(build)
  const samples: number[] = []
  for (let round = 0; round < 3; round++) {
    const kept: (object | undefined)[] = Array.from({ length: plan.idle })
    const before = await settled()
    for (let i = 0; i < plan.idle; i++) kept[i] = build()
    samples.push(((await settled()) - before) / plan.idle)
    // Read after the measurement, so that the engine cannot drop it before.
    if (kept.length !== plan.idle) throw new Error('the breakers were lost')
  }
  return { measured: median(samples), min: Math.min(...samples), max: Math.max(...samples), timers }
}

async function settled(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc')
  for (let round = 0; round < 3; round++) {
    await turn()
    globalThis.gc()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Counts by the engine's hooks, because a timer that does not hold the process is in no other list. */
async function timersOf(build: () => object): Promise<number> {
  const live = new Set<number>()
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && live.add(id)),
    destroy: (id) => void live.delete(id),
  }).enable()
  const built = Array.from({ length: 100 }, build)
  await turn()
  hook.disable()
  return live.size / built.length
}
