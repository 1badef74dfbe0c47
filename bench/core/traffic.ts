// The cost of one failure while many calls are in the breaker's time window. Each failure makes the breaker judge its
// window; the price must not grow with the traffic. Wall time of short blocks, by the median: a block of ten failures is
// too short for the CPU clock, and a preemption hits few of so many.
import type { Plan } from './cases.ts'
import { inChunks, spentMs, turn } from './chunks.ts'
import { median } from './median.ts'
import type { Guard } from './subject.ts'
import { bare, workload, type Loops } from './workload.ts'

/** Growth from the emptiest to the fullest window, with nanoseconds per failure at each number of calls. */
export interface Growth {
  readonly measured: number
  readonly min: number
  readonly max: number
  readonly ns: number
  readonly bareNs: number
  readonly levels: Readonly<Record<string, number>>
}

const levels = [100, 10_000, 100_000] as const
const block = 10

/** Measures breakers made by `build`, which must never open. */
export async function traffic(build: () => Guard, plan: Plan): Promise<Growth> {
  await level(build, 1000, plan.warmMs)
  const bareNs = median(await failures(bare, Math.max(50, plan.pairs)))
  const found: number[] = []
  for (const calls of levels) found.push(await level(build, calls, plan.levelMs))
  const [first = Number.NaN] = found
  const growths = found.map((ns) => ns / first)
  return {
    measured: growths.at(-1) ?? Number.NaN,
    min: Math.min(...growths),
    max: Math.max(...growths),
    ns: found.at(-1) ?? Number.NaN,
    bareNs,
    levels: Object.fromEntries(levels.map((calls, index) => [calls, found[index] ?? Number.NaN])),
  }
}

/** Median nanoseconds per failure with `calls` calls in the window, and at most as many failures added to them. */
async function level(build: () => Guard, calls: number, ms: number): Promise<number> {
  const samples: number[] = []
  const until = spentMs() + ms
  do {
    const guard = build()
    await inChunks(guard.run, Math.min(calls, guard.remembers ?? calls))
    samples.push(...(await failures(guard, Math.min(50, calls / block), until)))
    if (guard.state?.() !== 'closed') throw new Error(`the breaker is ${guard.state?.()} and measures refusals`)
  } while (spentMs() < until)
  return median(samples)
}

/** Nanoseconds per failure of up to `blocks` blocks; at least one is made. */
async function failures(loops: Loops, blocks: number, until = Infinity): Promise<number[]> {
  const samples: number[] = []
  workload.failing = true
  try {
    do {
      await turn()
      const called = workload.calls
      const begun = performance.now()
      const caught = await loops.attempt(block)
      samples.push(((performance.now() - begun) * 1e6) / block)
      if (caught !== block || workload.calls !== called + block) throw new Error('a failure did not reach the caller')
    } while (samples.length < blocks && spentMs() < until)
  } finally {
    workload.failing = false
  }
  return samples
}
