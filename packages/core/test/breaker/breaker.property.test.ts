// The breaker against the naive model over seeded random stories; `breaker.property.long.ts` plays them for minutes.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { agrees, agreesPiped, lookingChangesNothing } from './properties.ts'
import { stories } from './story.ts'

const seed = 20_260_101

/** What the stories of a run must have reached, or the run has shown nothing. */
const mustHappen = [
  'saw closed, saw open, saw half-open, saw isolated, saw disabled',
  'closed admits, open refuses, half-open admits, half-open refuses, isolated refuses, disabled admits',
  'open watches, half-open watches, isolated watches',
  'timely success, timely failure, timely ignored, stale success, stale failure, stale ignored',
].flatMap((names) => names.split(', '))

const often = (seen: Map<string, number>, times: number, what: readonly string[] = mustHappen): void =>
  assert.deepEqual(
    what.filter((what) => (seen.get(what) ?? 0) < times),
    [],
    `happened fewer than ${times} times`,
  )

describe('a breaker, over random stories', () => {
  it('does what the model does, lets late results change nothing, and loses no permit', () => {
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(stories(120), (story) => agrees(story, seen)),
      { seed, numRuns: 2500 },
    )
    often(seen, 200)
  })

  for (const aborts of [true, false]) {
    it(`does so through a pipeline, with calls that ${aborts ? 'can' : 'cannot'} be aborted`, async () => {
      const seen = new Map<string, number>()
      await fc.assert(
        fc.asyncProperty(stories(100), (story) => agreesPiped(story, aborts, seen)),
        { seed, numRuns: 250 },
      )
      const possible = mustHappen.filter((what) => aborts || !what.endsWith('ignored'))
      often(seen, 5, possible)
    })
  }

  it('is not changed by being looked at', () => {
    fc.assert(fc.property(stories(80), lookingChangesNothing), { seed, numRuns: 1000 })
  })
})
