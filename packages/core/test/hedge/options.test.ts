// When a hedge begins and what it may cost: fixed and measured delays, budgets, updates, snapshots, wrong options.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hedge, hedge, type HedgeOptions } from '../../src/hedge/hedge.ts'
import { failure, ignored, OptionsError, pipeline, retry, retryBudget } from '../../src/index.ts'
import { seededRandom, VirtualClock } from '../../src/testing/index.ts'
import { codeOf, Task, watch } from '../watch.ts'

const plenty = retryBudget({ ratio: 1000, minPerSecond: 1000 })
const fixed: HedgeOptions = { delay: 100, budget: plenty }

/** A pipeline around a task. */
function rig(options: HedgeOptions = fixed) {
  const clock = new VirtualClock()
  const policy = hedge(options)
  const task = new Task()
  const classify = { ofError: (error: unknown) => ((error as Error).message === 'yours' ? ignored : failure) }
  const guarded = pipeline({ clock, name: 'search', classify }, policy)
  return { clock, policy, task, guarded, call: () => watch(guarded.execute(task.run), clock) }
}

test('hedges are paid from the budget: without one left none starts, and that is counted', async () => {
  const { clock, policy, task, call } = rig({ delay: 100, budget: retryBudget({ ratio: 0.5, minPerSecond: 0 }) })
  const answers = [call(), call(), call()]
  await clock.advance(200)
  assert.deepEqual([task.started, policy.snapshot().totals], [4, { hedges: 1, wins: 0, unaffordable: 2 }])
  assert.equal(policy.snapshot().budgetBalance, 0)
  for (let index = 0; index < 4; index++) task.resolve(index, index)
  await clock.advance(0)
  assert.ok(answers.every(({ state }) => state === 'fulfilled'))
})

test('by default about a tenth of the calls may be hedged, beside one a second', async () => {
  const { clock, policy, call, task } = rig({ delay: 10 })
  for (let index = 0; index < 200; index++) call()
  await clock.advance(50)
  assert.deepEqual([policy.snapshot().totals.hedges, task.started], [30, 230])
})

test('inside a retry a call deposits once; a budget shared with that retry gets one deposit from each', async () => {
  const clock = new VirtualClock()
  const down = (): Promise<never> => Promise.reject(new Error('down'))
  const [own, shared] = [retryBudget({ ratio: 1, minPerSecond: 0 }), retryBudget({ ratio: 1, minPerSecond: 0 })]
  const again = { maxAttempts: 3, delay: 1, jitter: 0 }
  watch(pipeline({ clock }, retry({ ...again, budget: plenty }), hedge({ delay: 100, budget: own })).execute(down))
  await clock.advance(50)
  assert.equal(own.balance(clock.now()), 1)
  watch(
    pipeline(
      { clock },
      retry({ ...again, maxAttempts: 1, budget: shared }),
      hedge({ delay: 100, budget: shared }),
    ).execute(down),
  )
  await clock.advance(0)
  assert.equal(shared.balance(clock.now()), 2)
})

test('without a delay there is no hedge until twenty first attempts have told how long they take', async () => {
  const { clock, policy, task, call } = rig({ budget: plenty })
  for (let index = 0; index < 20; index++) {
    const answer = call()
    await clock.advance(index === 19 ? 300 : 50)
    assert.equal(task.started, index + 1)
    task.resolve(index, index)
    await clock.advance(0)
    assert.equal(answer.result, index)
    assert.equal(policy.snapshot().delayMs === undefined, index < 19)
  }
  const { delayMs = 0 } = policy.snapshot()
  // One of twenty took 300 ms, which is not above the 95th percentile.
  assert.ok(delayMs >= 50 && delayMs < 55, `${delayMs}`)
  call()
  await clock.advance(60)
  assert.equal(task.started, 22)
})

test('`initialDelay` serves until then', async () => {
  const { clock, policy, task, call } = rig({ budget: plenty, initialDelay: '70ms' })
  call()
  await clock.advance(70)
  assert.deepEqual([task.started, policy.snapshot().delayMs, policy.snapshot().estimateMs], [2, 70, undefined])
})

test('failures and ignored errors teach nothing about the delay', async () => {
  const { clock, policy, call, task } = rig({ budget: plenty, initialDelay: 10 })
  for (let index = 0; index < 30; index++) {
    call()
    task.reject(index, new Error(index % 2 === 0 ? 'down' : 'yours'))
    await clock.advance(0)
  }
  assert.equal(policy.snapshot().estimateMs, undefined)
})

test('a first attempt that loses counts with the time it had taken, so that hedging does not sink its own delay', async () => {
  const clock = new VirtualClock()
  const policy = hedge({ budget: plenty })
  const guarded = pipeline({ clock }, policy)
  const random = seededRandom(20_260_101)
  // Exponential latencies. Were the losers left out, 9.5 % of the calls would be hedged in the long run.
  const run = (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, -100 * Math.log(1 - random())))
  for (let index = 0; index < 2500; index++) {
    const done = watch(guarded.execute(run))
    while (done.state === 'pending') await clock.advance(100)
  }
  const share = policy.snapshot().totals.hedges / 2500
  assert.ok(share > 0.03 && share < 0.065, `${share}`)
})

test('an update acts on the next wait and leaves running calls alone; a wrong one changes nothing', async () => {
  const { clock, policy, task, call } = rig()
  const [before] = [call()]
  await clock.advance(50)
  policy.update({ delay: 20 })
  const after = call()
  await clock.advance(20)
  assert.equal(task.started, 3)
  await clock.advance(30)
  assert.equal(task.started, 4)
  assert.throws(() => policy.update({ delay: 5, maxHedges: -1 }), OptionsError)
  assert.throws(() => policy.update({ name: 'other' }), /hedge\.name must be left as it is/)
  assert.equal(policy.snapshot().delayMs, 20)
  policy.update({ delay: undefined })
  assert.equal(policy.snapshot().delayMs, undefined)
  policy.update({ initialDelay: 5, maxHedges: 0 })
  const last = call()
  await clock.advance(100)
  assert.equal(task.started, 5)
  for (let index = 0; index < 5; index++) task.resolve(index, index)
  await clock.advance(0)
  assert.deepEqual([before.state, after.state, last.state, clock.pending], ['fulfilled', 'fulfilled', 'fulfilled', 0])
})

test('a hedge restores what it knew of latencies from a snapshot that went through JSON, and nothing from anything else', () => {
  const source = hedge()
  for (let index = 0; index < 50; index++) source.learn(40)
  const copy = hedge()
  copy.restore(JSON.parse(JSON.stringify(source.snapshot())))
  assert.deepEqual([copy.snapshot().delayMs, copy.snapshot().totals.hedges], [source.snapshot().delayMs, 0])
  const sound = source.snapshot()
  const garbage: unknown[] = [
    null,
    undefined,
    'text',
    {},
    { ...sound, version: 2 },
    { ...sound, policy: 'retry' },
    { ...sound, estimateMs: -1 },
    { ...sound, estimateMs: Number.NaN },
    { ...sound, estimateMs: 0 },
    { ...sound, estimateMs: '40' },
    { ...sound, takenAt: undefined },
    { ...sound, budgetBalance: -1 },
  ]
  for (const wrong of garbage) {
    assert.throws(
      () => copy.restore(wrong as never),
      (error) => codeOf(error) === 'SG_BAD_OPTIONS',
    )
    assert.equal(copy.snapshot().delayMs, sound.delayMs)
  }
  copy.restore(hedge().snapshot())
  assert.equal(copy.snapshot().delayMs, undefined)
})

test('a restart does not refill the budget, and a wall clock that was set back changes nothing of that', async () => {
  const { clock, policy, call, task } = rig({ delay: 10, budget: undefined })
  for (let index = 0; index < 20; index++) call()
  await clock.advance(20)
  const snapshot = policy.snapshot()
  assert.deepEqual([task.started, snapshot.budgetBalance], [32, 0])
  for (const [jump, balance] of [
    [0, 0],
    [5000, 5],
    [-(10 ** 9), 0],
  ] as const) {
    const later = new VirtualClock({ now: 77, wallOffset: snapshot.takenAt - 77 + jump })
    const copy = hedge({ delay: 10 })
    pipeline({ clock: later }, copy)
    assert.equal(copy.snapshot().budgetBalance, 10)
    copy.restore(snapshot)
    assert.equal(copy.snapshot().budgetBalance, balance)
  }
})

test('wrong options are refused with path, bound and value', () => {
  const table: [object, RegExp][] = [
    [{ delay: -1 }, /hedge\.delay must be a duration.*got -1/],
    [{ initialDelay: 'soon' }, /hedge\.initialDelay must be .*got 'soon'/],
    [{ percentile: 95 }, /hedge\.percentile must be in \(0, 1\], got 95/],
    [{ maxHedges: 1.5 }, /hedge\.maxHedges must be a whole number in \[0, 10\], got 1\.5/],
    [{ budget: {} }, /hedge\.budget\.deposit must be a function/],
    [{ name: 7 }, /hedge\.name must be a text/],
    [{ dealy: 1 }, /hedge\.dealy is not an option; known are name, delay/],
  ]
  for (const [options, message] of table) assert.throws(() => new Hedge(options), message)
})
