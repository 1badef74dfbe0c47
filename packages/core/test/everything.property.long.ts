// The properties of `everything.property.test.ts` for as long as one likes: SWITCHGEAR_LONG_SECONDS (default 60) of ever new
// stories. SWITCHGEAR_SEED repeats a run; a failure prints its seed, its path and the shortest story that fails.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { crowds, stories } from './everything.ts'
import { holds, repeats } from './everything-claims.ts'
import { agree, scenes } from './everything-faces.ts'

const seconds = Number(process.env['SWITCHGEAR_LONG_SECONDS'] ?? 60)
const seed = Number(process.env['SWITCHGEAR_SEED'] ?? Date.now() % 2 ** 31)
assert.ok(seconds > 0 && Number.isInteger(seed), 'SWITCHGEAR_LONG_SECONDS and SWITCHGEAR_SEED are numbers')

/** Runs until its share of the time is used up; the interrupted end is no failure, but nothing played is one. */
const during = (share: number): fc.Parameters<unknown> => ({
  seed,
  numRuns: Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: seconds * share * 1000,
  markInterruptAsFailure: false,
})

describe(`pipelines of all policies, over random stories for ${seconds} s with seed ${seed}`, () => {
  for (const { what, given, share } of [
    { what: 'with a few calls', given: stories(8), share: 0.4 },
    { what: 'with many calls', given: stories(40), share: 0.15 },
    { what: 'where calls meet in few policies', given: crowds(12), share: 0.2 },
  ]) {
    it(`keep their contracts ${what}`, async (t) => {
      const played = { stories: 0, calls: 0, runs: 0, events: 0 }
      const property = fc.asyncProperty(given, async (story) => {
        const { runs, trace } = await holds(story)
        played.stories++
        played.calls += runs.length
        played.runs += runs.reduce((sum, run) => sum + run.runs, 0)
        played.events += trace.length
      })
      await fc.assert(property, during(share))
      t.diagnostic(JSON.stringify(played))
      assert.ok(played.stories > 0)
    })
  }

  it('repeat themselves with the same seed', async (t) => {
    let played = 0
    const property = fc.asyncProperty(stories(12), async (story) => {
      await repeats(story)
      played++
    })
    await fc.assert(property, during(0.1))
    t.diagnostic(`${played} stories`)
    assert.ok(played > 0)
  })

  it('do the same when they are driven from outside', async (t) => {
    let played = 0
    const property = fc.asyncProperty(scenes(8), async (scene) => {
      await agree(scene)
      played++
    })
    await fc.assert(property, during(0.15))
    t.diagnostic(`${played} scenes`)
    assert.ok(played > 0)
  })
})
