// Runs many calls as a service would: in short stretches with a turn of the event loop between them, so that timers run,
// cancelled ones are collected and nothing piles up that would never pile up outside a benchmark.

/** Calls between two turns of the event loop: so many that the turn, about two microseconds, does not dilute the ratio. */
const chunk = 4000

/** Makes `count` calls by `loop` and answers the sum of what it answered. */
export async function inChunks(loop: (count: number) => Promise<number | void>, count: number): Promise<number> {
  let sum = 0
  for (let left = count; left > 0; left -= chunk) {
    sum += (await loop(Math.min(chunk, left))) ?? 0
    await turn()
  }
  return sum
}

/** One turn of the event loop, timers included. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * CPU milliseconds this process has used. Warming up is measured in these: on a busy machine a second of wall time may be
 * a tenth of one, and code that is not yet optimised would be measured.
 */
export function spentMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
