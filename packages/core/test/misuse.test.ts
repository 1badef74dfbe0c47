// What a caller or an author gets wrong is told at once, by name, and never counted as a failure of the service.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bulkhead,
  circuitBreaker,
  fallback,
  OptionsError,
  pipeline,
  type PipelineOptions,
  retry,
  type RetryBudget,
  timeout,
} from '../src/index.ts'

const wrong = (message: RegExp) => (error: unknown) => error instanceof OptionsError && message.test(error.message)

test('what is no function is not executed, not wrapped, and opens no circuit', async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const guarded = pipeline({ name: 'orders' }, breaker)
  await assert.rejects(guarded.execute(5 as never), wrong(/orders: execute wants a function, got 5/))
  assert.throws(() => guarded.wrap(5 as never), wrong(/orders: wrap wants a function, got 5/))
  assert.deepEqual([breaker.state, breaker.snapshot().totals.failures], ['closed', 0])
})

const options: [string, object, RegExp][] = [
  ['a signal that is none', { signal: {} }, /signal of a call must be an AbortSignal, got an object/],
  ['a deadline as text', { deadline: 'soon' }, /deadline of a call must be a number/],
  ['a deadline that is no number', { deadline: Number.NaN }, /deadline of a call must be a number .* got NaN/],
]
for (const [what, given, message] of options) {
  test(`a call with ${what} is refused and does not run`, async () => {
    let ran = false
    const answer = pipeline(circuitBreaker()).execute(() => (ran = true), given)
    await assert.rejects(answer, wrong(message))
    assert.equal(ran, false)
  })
}

const pipelines: [string, object, RegExp][] = [
  ['a name', { name: 5 }, /pipeline\.name must be a text, got 5/],
  ['a clock', { clock: 5 }, /pipeline\.clock must be an object/],
  ['half a clock', { clock: { now: () => 0 } }, /pipeline\.clock\.wallNow must be a function/],
  ['chance', { random: 0.5 }, /pipeline\.random must be a function/],
  [
    'a misspelt classifier',
    { classify: { ofvalue: () => 5 } },
    /pipeline\.classify\.ofvalue is not an option; known are ofValue/,
  ],
  ['a classifier of a number', { classify: { ofValue: 5 } }, /pipeline\.classify\.ofValue must be a function, got 5/],
]
for (const [what, given, message] of pipelines) {
  test(`a pipeline with ${what} that is none is refused by name`, () => {
    assert.throws(() => pipeline(given as PipelineOptions), wrong(message))
  })
}

test('a policy with a name that is no text is refused by name', () => {
  const name = 5 as never
  assert.throws(() => retry({ name }), wrong(/retry\.name must be a text, got 5/))
  assert.throws(() => timeout({ after: 1, name }), wrong(/timeout\.name/))
  assert.throws(() => bulkhead({ name }), wrong(/bulkhead\.name/))
  assert.throws(() => fallback({ value: 1 }, { name }), wrong(/fallback\.name/))
  assert.throws(() => bulkhead().update({ name: 'other' }), wrong(/bulkhead\.name must be left as it is/))
})

test('a budget that could not tell its balance is refused when it is given, not at the next snapshot', () => {
  const budget = { deposit: () => undefined, tryWithdraw: () => true } as unknown as RetryBudget
  assert.throws(() => retry({ budget }), wrong(/retry\.budget\.balance must be a function/))
})

test('an attempt that is settled with an unknown word says which words there are', () => {
  const permit = pipeline(circuitBreaker()).admit()
  assert.ok(permit.kind === 'permit')
  using held = permit
  const attempt = held.attempt()
  assert.ok(attempt.kind === 'attempt')
  assert.throws(
    () => attempt.settle('sucess' as never),
    wrong(/wants 'success', 'failure', 'ignored' or a verdict, got 'sucess'/),
  )
})

test('a call that comes with an aborted signal gets no permit but the reason', () => {
  const slots = bulkhead()
  assert.throws(
    () => pipeline(slots).admit({ signal: AbortSignal.abort('enough') }),
    (reason) => reason === 'enough',
  )
  assert.equal(slots.snapshot().totals.admitted, 0)
})

test('a deadline on the wall clock is told, not taken for one in fifty years', async () => {
  const guarded = pipeline(circuitBreaker())
  const answer = guarded.execute(() => 1, { deadline: Date.now() + 50 })
  await assert.rejects(answer, {
    code: 'SG_BAD_OPTIONS',
    message: /on the clock of performance\.now\(\), not of Date\.now\(\)/,
  })
  assert.equal(await guarded.execute(() => 1, { deadline: Infinity }), 1)
})
