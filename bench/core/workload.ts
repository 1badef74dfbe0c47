// The call that every subject guards, and the same call unguarded, which is the reference of every ratio.
// Invariant: both count in `workload.calls`, so that a measurement can prove that the function really ran (or did not).

/** Switches and counters of the guarded function. */
export const workload: { calls: number; failing: boolean } = { calls: 0, failing: false }

/** What the guarded function answers. */
export const answer = 42

// Made once: capturing a stack costs more than any breaker and would hide what is measured.
const outage = new Error('the dependency is down')

/** The guarded function: the cheapest one that is really async. */
export async function work(): Promise<number> {
  workload.calls++
  if (workload.failing) throw outage
  return answer
}

/** A call that never ends: it holds its slot. */
export const hang = (): Promise<number> => new Promise(() => undefined)

/** Something that makes `count` calls, one after the other. */
export interface Loops {
  /** Calls that must succeed. */
  run(count: number): Promise<void>
  /** Calls that may fail; answers how many did. */
  attempt(count: number): Promise<number>
}

/** The unguarded calls. */
export const bare: Loops = {
  async run(count) {
    for (let i = 0; i < count; i++) await work()
  },
  async attempt(count) {
    let caught = 0
    for (let i = 0; i < count; i++) {
      try {
        await work()
      } catch {
        caught++
      }
    }
    return caught
  },
}
