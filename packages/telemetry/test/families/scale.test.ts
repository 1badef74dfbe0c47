import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics } from '../../src/index.ts'
import { allPolicies } from '../prometheus/traffic.ts'
import { Registry } from '@switchgear/core'

/** Milliseconds this thread has worked; older versions of Node only know of all threads of the process. */
function workedMs(): number {
  const { user, system } = (process.threadCpuUsage ?? process.cpuUsage)()
  return (user + system) / 1000
}

/** The most work within one turn of the event loop, in the quietest of some rounds. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round < 6; round++) {
    let longest = 0
    let before = workedMs()
    let running = true
    const turn = (): void => {
      const now = workedMs()
      longest = Math.max(longest, now - before)
      before = now
      if (running) setImmediate(turn)
    }
    setImmediate(turn)
    await work()
    running = false
    turn()
    rounds.push(longest)
  }
  return Math.min(...rounds)
}

describe('a thousand pipelines with all policies', () => {
  it('are scraped in slices', async (t) => {
    const registry = new Registry({ max: 1000 })
    for (let index = 0; index < 1000; index++) {
      registry.pipeline(`service-${index}`, ...(allPolicies().get('everything')?.policies ?? []))
    }
    for (const name of registry.names()) await registry.get(name)?.execute(() => 1, { key: 'k' })
    const metrics = createMetrics({ registry, also: [], maxSeries: 10 })
    let lines = 0
    const begun = performance.now()
    const workMs = await longestTurn(async () => {
      lines = 0
      for await (const slice of metrics.answer(undefined).body) lines += slice.split('\n').length - 1
    })
    const scrapeMs = (performance.now() - begun) / 6
    t.diagnostic(
      `${lines} lines; a scrape took ${scrapeMs.toFixed(0)} ms, its longest turn worked ${workMs.toFixed(1)} ms`,
    )
    assert.ok(lines > 60_000, `${lines} lines`)
    // The slices end after 3 ms; the rest is the garbage collector and a machine that does other things as well.
    assert.ok(workMs <= 10, `${workMs} ms`)
  })
})
