// CPU time per call as a multiple of the reference. Blocks of the subject alternate with blocks of the reference, so
// that whatever the machine does meanwhile hits both; the answer is the median over the pairs. CPU time of the whole
// process is counted, because collecting a subject's garbage on other threads is part of its price.
import type { Plan } from './cases.ts'
import { inChunks, spentMs } from './chunks.ts'
import { median } from './median.ts'
import { workload } from './workload.ts'

/** A ratio, how far single pairs were off, and nanoseconds of CPU per call. */
export interface Ratio {
  readonly measured: number
  readonly min: number
  readonly max: number
  readonly ns: number
  readonly bareNs: number
}

type Loop = (count: number) => Promise<number | void>

/** What one block of calls came to. */
export interface Block {
  readonly calls: number
  /** How many reached the guarded function. */
  readonly reached: number
  /** The sum of what the loop answered. */
  readonly answered: number
}

/** Measures `subject` against `reference`. `verify` sees every block of the subject, and throws. */
export async function compare(
  subject: Loop,
  reference: Loop,
  plan: Plan,
  verify: (block: Block) => void,
): Promise<Ratio> {
  const checked = async (calls: number): Promise<number> => {
    const block = await cost(subject, calls)
    verify(block)
    return block.ns
  }
  const warmUntil = spentMs() + plan.warmMs
  let counts: [number, number] = [1000, 1000]
  do {
    const subjectNs = await checked(counts[0])
    const { ns } = await cost(reference, counts[1])
    counts = [sized(plan, subjectNs), sized(plan, ns)]
    // The subject has more code to be optimised than the reference, so it gets most of the time.
    for (let more = 0; more < 3; more++) await checked(counts[0])
  } while (spentMs() < warmUntil)

  const samples: { ratio: number; ns: number; bareNs: number }[] = []
  for (let pair = 0; pair < plan.pairs; pair++) {
    // The order changes with every pair, so that neither always comes after the other's garbage.
    let ns = pair % 2 === 0 ? await checked(counts[0]) : 0
    const { ns: bareNs } = await cost(reference, counts[1])
    if (pair % 2 === 1) ns = await checked(counts[0])
    samples.push({ ratio: ns / bareNs, ns, bareNs })
  }
  const ratios = samples.map(({ ratio }) => ratio)
  return {
    measured: median(ratios),
    min: Math.min(...ratios),
    max: Math.max(...ratios),
    ns: median(samples.map(({ ns }) => ns)),
    bareNs: median(samples.map(({ bareNs }) => bareNs)),
  }
}

/** Runs one block; `ns` is CPU time per call. */
async function cost(loop: Loop, calls: number): Promise<Block & { ns: number }> {
  const called = workload.calls
  const before = process.cpuUsage()
  const answered = await inChunks(loop, calls)
  const { user, system } = process.cpuUsage(before)
  return { calls, answered, reached: workload.calls - called, ns: ((user + system) * 1000) / calls }
}

/** How many calls fill a block; at least so many that the clock's microseconds do not matter. */
const sized = (plan: Plan, ns: number): number => Math.max(200, Math.round((plan.blockMs * 1e6) / Math.max(ns, 5)))
