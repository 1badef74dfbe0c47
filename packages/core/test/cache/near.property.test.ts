// A cache around a coalescing layer, under random calls, aborts and clearings, does what the model in `near.ts` does: the same
// answers at the same times, the same runs, the same totals; and no gate inside keeps a permit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cache } from '../../src/cache/cache.ts'
import { coalesce } from '../../src/coalesce/coalesce.ts'
import { pipeline } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Recorder } from '../recorder.ts'
import { watch, type Watched } from '../watch.ts'
import { Near, type Rules, type Run } from './near.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

interface Act {
  readonly wait: number
  readonly clears: boolean
  readonly key: string
  readonly everything: boolean
  readonly abortAfter: number | undefined
}

const rules: fc.Arbitrary<Rules> = fc.record({
  ttl: fc.integer({ min: 0, max: 30 }),
  staleWhileRevalidate: fc.integer({ min: 0, max: 30 }),
  staleIfError: fc.integer({ min: 0, max: 40 }),
  maxEntries: fc.integer({ min: 1, max: 3 }),
  maxFlights: fc.integer({ min: 1, max: 3 }),
})
// Halves and quarters keep ends and aborts apart from calls, so that the order of equal times does not matter.
const runs: fc.Arbitrary<readonly Run[]> = fc.array(
  fc.record({ ms: fc.integer({ min: 0, max: 20 }).map((ms) => ms + 0.5), good: fc.boolean() }),
  { minLength: 1, maxLength: 6 },
)
const act: fc.Arbitrary<Act> = fc.record({
  wait: fc.integer({ min: 0, max: 12 }),
  clears: fc.constantFrom(false, false, false, false, false, false, true),
  key: fc.constantFrom('a', 'a', 'b', 'c'),
  everything: fc.boolean(),
  abortAfter: fc.option(
    fc.integer({ min: 0, max: 20 }).map((ms) => ms + 0.25),
    { nil: undefined, freq: 2 },
  ),
})

async function play(given: Rules, behaviours: readonly Run[], acts: readonly Act[]): Promise<void> {
  const clock = new VirtualClock()
  const model = new Near(given, behaviours)
  const { maxFlights, ...times } = given
  const [near, together, inside] = [cache(times), coalesce({ maxFlights }), new Recorder('inside')]
  const guarded = pipeline({ clock }, near, together, inside)
  let started = 0
  const run = async (): Promise<number> => {
    const number = started++
    const { ms, good } = behaviours[number % behaviours.length] as Run
    await new Promise<void>((resolve) => void clock.setTimer(resolve, ms))
    if (!good) throw new Error('down')
    return number
  }
  const answers: Watched[] = []
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms)
    model.advance(ms)
  }
  for (const { wait, clears, key, everything, abortAfter } of acts) {
    await advance(wait)
    const cleared = everything ? undefined : key
    if (clears) {
      near.clear(cleared)
      model.clear(cleared)
      continue
    }
    const controller = new AbortController()
    answers.push(watch(guarded.execute(run, { key, signal: controller.signal }), clock))
    if (abortAfter !== undefined) clock.setTimer(() => controller.abort('enough'), abortAfter)
    model.call(answers.length - 1, key, abortAfter)
    // What is answered at once is answered before the next act, which may be in the same millisecond.
    await advance(0)
  }
  await advance(1000)
  const said = answers.map(({ at, result }) => ({ at, what: result instanceof Error ? result.message : result }))
  assert.deepEqual(said, model.answers)
  assert.deepEqual(
    [started, near.snapshot().totals, together.snapshot().totals],
    [model.runs, model.totals, model.flown],
  )
  assert.deepEqual([near.snapshot().entries, together.snapshot().inFlight], [model.entries.size, 0])
  const broken = inside.journal.problems.filter((problem) => !problem.includes('before what is inside it'))
  assert.deepEqual([broken, inside.inFlight, clock.pending], [[], 0, 0])
}

test('a cache and a coalescing layer do what the model does', async () => {
  await fc.assert(fc.asyncProperty(rules, runs, fc.array(act, { minLength: 1, maxLength: 40 }), play), {
    seed,
    numRuns: Number(process.env.SWITCHGEAR_RUNS ?? 150),
  })
})
