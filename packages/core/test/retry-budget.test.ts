// The bound on retries: a share of the calls of the last ten seconds, and a reserve for who makes few of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pipeline, retry, type RetryBudget, retryBudget, type RetryBudgetOptions } from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { codeOf } from './watch.ts'

function withdrawAll(budget: RetryBudget, now: number): number {
  let count = 0
  while (budget.tryWithdraw(now)) assert.ok(++count < 100_000, 'it never ends')
  return count
}

test('without calls there is the reserve: ten seconds of minPerSecond at first, then minPerSecond', () => {
  const budget = retryBudget({ ratio: 0.2, minPerSecond: 3 })
  assert.equal(withdrawAll(budget, 0), 30)
  assert.equal(withdrawAll(budget, 1000), 3)
  assert.equal(withdrawAll(budget, 2000), 3)
})

test('each call adds ratio of a retry', () => {
  const budget = retryBudget({ ratio: 0.2, minPerSecond: 0 })
  assert.equal(budget.tryWithdraw(0), false)
  for (let call = 0; call < 99; call++) budget.deposit()
  assert.equal(budget.balance(0), 19)
  assert.equal(withdrawAll(budget, 0), 19)
  budget.deposit()
  assert.equal(withdrawAll(budget, 0), 1)
})

test('what was not used fades away within ten seconds, so that an hour of calm is no licence for a storm', () => {
  const budget = retryBudget({ ratio: 1, minPerSecond: 0 })
  for (let call = 0; call < 1000; call++) budget.deposit()
  assert.equal(budget.balance(0), 1000)
  assert.equal(budget.balance(5000), 500)
  assert.equal(budget.balance(15_000), 0)
  for (let call = 0; call < 3600; call++) budget.deposit()
  assert.ok(budget.balance(3_615_000) <= 10, 'of an hour of calls only the last ten seconds count')
})

test('a balance takes nothing', () => {
  const budget = retryBudget({ ratio: 0, minPerSecond: 1 })
  for (let look = 0; look < 100; look++) assert.equal(budget.balance(0), 10)
  assert.equal(withdrawAll(budget, 0), 10)
  assert.equal(budget.balance(0), 0)
})

test('nothing is allowed when both parts are zero', () => {
  const budget = retryBudget({ ratio: 0, minPerSecond: 0 })
  for (let call = 0; call < 100; call++) budget.deposit()
  assert.equal(withdrawAll(budget, 60_000), 0)
})

test('while everything fails, retries stay below a fifth of the calls and the reserve, whatever maxAttempts is', async () => {
  const clock = new VirtualClock()
  const policy = retry({ maxAttempts: 10, delay: 1, budget: retryBudget() })
  const guarded = pipeline({ clock, random: seededRandom(1) }, policy)
  let attempts = 0
  const calls = 2000
  const run = (): Promise<never> => {
    attempts++
    return Promise.reject(new Error('down'))
  }
  for (let call = 0; call < calls; call++) {
    guarded.execute(run).catch(() => undefined)
    await clock.advance(10)
  }
  await clock.advance(1000)
  const { retries, exhausted } = policy.snapshot().totals
  const seconds = clock.now() / 1000
  assert.equal(attempts, calls + retries)
  assert.ok(retries <= 0.2 * calls + 3 * seconds + 30, `${retries} retries`)
  assert.ok(retries >= 0.2 * calls, `the budget was not used: ${retries} retries`)
  assert.equal(exhausted, calls)
})

test('two retries that are given the same budget share it', async () => {
  const clock = new VirtualClock()
  const budget = retryBudget({ ratio: 0, minPerSecond: 0.5 })
  const policies = [retry({ budget, delay: 1, maxAttempts: 4 }), retry({ budget, delay: 1, maxAttempts: 4 })]
  for (const policy of policies) {
    const answer = pipeline({ clock }, policy).execute(() => Promise.reject(new Error('down')))
    await Promise.all([assert.rejects(answer), clock.advance(10)])
  }
  assert.deepEqual(
    policies.map((policy) => policy.snapshot().totals.retries),
    [3, 2],
  )
})

test('a budget of the user is asked in its place, with the time of the clock of the pipeline', async () => {
  const clock = new VirtualClock({ now: 500 })
  const asked: (string | number)[] = []
  const budget: RetryBudget = {
    deposit: () => asked.push('deposit'),
    tryWithdraw: (now) => asked.push(now) < 4,
    balance: () => 7,
  }
  const policy = retry({ budget, delay: 10, jitter: 0, backoff: 'constant', maxAttempts: 9 })
  const answer = pipeline({ clock }, policy).execute(() => Promise.reject(new Error('down')))
  await Promise.all([assert.rejects(answer), clock.advance(100)])
  assert.deepEqual([asked, policy.snapshot().budgetBalance], [['deposit', 500, 510, 520], 7])
})

test('nothing is withdrawn for a retry that is not made', async () => {
  const clock = new VirtualClock()
  const budget = retryBudget({ ratio: 0, minPerSecond: 1 })
  const guarded = pipeline({ clock }, retry({ budget, maxAttempts: 2, delay: 100, jitter: 0 }))
  const fail = (): Promise<never> => Promise.reject(new Error('down'))
  const calls = [
    guarded.execute(fail, { idempotent: false }),
    guarded.execute(fail, { deadline: 50 }),
    guarded.execute(() => 1),
  ]
  await Promise.all([Promise.allSettled(calls), clock.advance(200)])
  assert.equal(budget.balance(0), 10)
})

const bad: [RetryBudgetOptions, RegExp][] = [
  [{ ratio: -0.1 }, /retryBudget\.ratio must be in \[0, 1000\], got -0\.1/],
  [{ ratio: Number.NaN }, /got NaN/],
  [{ ratio: '1' as never }, /retryBudget\.ratio .* got '1'/],
  [{ minPerSecond: -1 }, /retryBudget\.minPerSecond must be .*, got -1/],
  [{ minPerSecond: Infinity }, /got Infinity/],
  [{ minPerSecond: '3' as never }, /retryBudget\.minPerSecond .* got '3'/],
  [{ perSecond: 3 } as never, /retryBudget\.perSecond is not an option; known are ratio, minPerSecond/],
]
for (const [options, message] of bad) {
  test(`a budget of ${JSON.stringify(options)} is refused with path, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => retryBudget(options), isOptionsError)
  })
}
