// The properties of `breaker.property.test.ts` for as long as one likes: SWITCHGEAR_LONG_SECONDS (default 60) of ever new
// stories. SWITCHGEAR_SEED repeats a run; a failure prints its seed, its path and the shortest story that fails.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { agrees, agreesPiped, lookingChangesNothing } from './properties.ts'
import { stories } from './story.ts'

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

describe(`a breaker, over random stories for ${seconds} s with seed ${seed}`, () => {
  it('does what the model does, lets late results change nothing, and loses no permit', (t) => {
    let played = 0
    fc.assert(
      fc.property(stories(400), (story) => {
        played++
        agrees(story)
      }),
      during(0.6),
    )
    t.diagnostic(`${played} stories`)
    assert.ok(played > 0)
  })

  for (const aborts of [true, false]) {
    it(`does so through a pipeline, with calls that ${aborts ? 'can' : 'cannot'} be aborted`, async (t) => {
      let played = 0
      await fc.assert(
        fc.asyncProperty(stories(200), (story) => {
          played++
          return agreesPiped(story, aborts)
        }),
        during(0.1),
      )
      t.diagnostic(`${played} stories`)
      assert.ok(played > 0)
    })
  }

  it('is not changed by being looked at', (t) => {
    let played = 0
    fc.assert(
      fc.property(stories(400), (story) => {
        played++
        lookingChangesNothing(story)
      }),
      during(0.2),
    )
    t.diagnostic(`${played} stories`)
    assert.ok(played > 0)
  })
})
