// Random pipelines of all policies under random use, on the virtual clock: see `everything-claims.ts` for what must hold.
import { test } from 'node:test'
import fc from 'fast-check'
import { crowds, stories } from './everything.ts'
import { agree, scenes } from './everything-faces.ts'
import { holds, repeats } from './everything-claims.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

test('whatever stands in a pipeline and whatever happens to it, the contracts hold and nothing is left', async () => {
  const property = fc.asyncProperty(stories(8), async (story) => {
    await holds(story)
  })
  await fc.assert(property, { seed, numRuns: 350 })
})

test('they hold where calls meet in few policies', async () => {
  const property = fc.asyncProperty(crowds(10), async (story) => {
    await holds(story)
  })
  await fc.assert(property, { seed, numRuns: 350 })
})

test('the same seed gives the same run', async () => {
  await fc.assert(fc.asyncProperty(stories(6), repeats), { seed, numRuns: 20 })
})

test('a pipeline that is driven from outside does what execute does', async () => {
  const property = fc.asyncProperty(scenes(6), async (scene) => {
    await agree(scene)
  })
  await fc.assert(property, { seed, numRuns: 150 })
})
