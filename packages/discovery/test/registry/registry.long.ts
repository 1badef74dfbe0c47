// The registry's books for long: convergence over many thousand random histories, and kills at any moment. SWITCHGEAR_SEED
// repeats a run; SWITCHGEAR_RUNS is the part of its full length, 1 unless said.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { agreeing, takingBack } from './fleet.ts'
import { survivesKills } from './kills.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? Date.now() % 2 ** 31)
const share = Number(process.env['SWITCHGEAR_RUNS'] ?? 1)
assert.ok(Number.isInteger(seed) && share > 0, 'SWITCHGEAR_SEED and SWITCHGEAR_RUNS are numbers')
const scaled = (count: number): number => Math.max(1, Math.round(count * share))

test(`registries converge, seed ${seed}`, () => {
  fc.assert(agreeing, { seed, numRuns: scaled(50_000) })
  fc.assert(takingBack, { seed, numRuns: scaled(50_000) })
})

test(`what was answered outlives kills, seed ${seed}`, async () => {
  await survivesKills(scaled(200), seed)
})
