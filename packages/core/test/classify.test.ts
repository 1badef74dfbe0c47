// One answer to what a result means, believed by every policy of the pipeline.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  circuitBreaker,
  classify,
  failure,
  fallback,
  finalFailure,
  ignored,
  OptionsError,
  pipeline,
  Registry,
  retry,
  success,
  SwitchgearError,
  timeout,
} from '../src/index.ts'
import { Judge } from '../src/classify.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { hang, watch } from './watch.ts'

const refusal = new SwitchgearError('SG_CIRCUIT_OPEN', 'open', { refusal: true })
const timedOut = new SwitchgearError('SG_TIMEOUT', 'late')

test('by default a throw is a retryable failure and every value a success', () => {
  const judge = new Judge(classify)
  assert.deepEqual(
    [judge.ofValue, judge.ofError(new Error('any')), judge.ofError(undefined)],
    [undefined, failure, failure],
  )
})

test('a refusal is ignored and a timeout a failure, whatever a classifier thinks', () => {
  for (const verdict of [success, failure, finalFailure, ignored]) {
    const judge = new Judge({ ofError: () => verdict })
    assert.deepEqual([judge.ofError(refusal), judge.ofError(timedOut)], [ignored, failure])
    assert.equal(judge.ofError(new Error('any')), verdict)
  }
})

test('parts that are left out, or undefined, judge like the default', () => {
  const judge = new Judge({ ofValue: undefined, ofError: undefined, discard: undefined })
  assert.deepEqual([judge.ofValue, judge.ofError('any')], [undefined, failure])
  judge.discard('nothing happens')
})

test('the four verdicts cannot be changed', () => {
  for (const verdict of [success, failure, finalFailure, ignored, classify]) assert.ok(Object.isFrozen(verdict))
  assert.deepEqual(
    [failure.retryable, finalFailure.retryable, success.retryable, ignored.retryable],
    [true, false, false, false],
  )
})

test('retry, breaker, fallback and book-keeping agree about one call', async () => {
  const table: [object, unknown][] = [
    [{ tries: 1, failures: 0, successes: 1, answer: 'fine' }, 'fine'],
    [{ tries: 2, failures: 2, successes: 0, answer: 'instead' }, 'bad'],
    [{ tries: 1, failures: 1, successes: 0, answer: 'instead' }, 'final'],
    [{ tries: 1, failures: 0, successes: 0, answer: 'skip' }, 'skip'],
  ]
  for (const [expected, value] of table) {
    const clock = new VirtualClock()
    const verdicts: Record<string, typeof success> = { bad: failure, final: finalFailure, skip: ignored }
    const breaker = circuitBreaker()
    const guarded = new Registry({ clock }).pipeline(
      { name: 'orders', classify: { ofValue: (text: string) => verdicts[text] ?? success } },
      fallback({ value: 'instead' }),
      retry({ maxAttempts: 2, delay: 1 }),
      breaker,
    )
    let tries = 0
    const call = guarded.execute(() => {
      tries++
      return value
    })
    const [answer] = await Promise.all([call, clock.advance(10)])
    const { failures, successes } = breaker.snapshot().totals
    assert.deepEqual({ tries, failures, successes, answer }, expected)
  }
})

test('a refusal by another pipeline, called inside, is no failure of this one, and a timeout of it is', async () => {
  const clock = new VirtualClock()
  const isolated = circuitBreaker()
  isolated.isolate('maintenance')
  const [refusing, slow] = [pipeline({ clock }, isolated), pipeline({ clock }, timeout(10))]
  const breaker = circuitBreaker()
  const guarded = pipeline({ clock }, breaker)
  const answers = [
    watch(guarded.execute(() => refusing.execute(hang))),
    watch(guarded.execute(() => slow.execute(hang))),
  ]
  await clock.advance(10)
  assert.deepEqual([answers[0]?.code, answers[1]?.code], ['SG_CIRCUIT_ISOLATED', 'SG_TIMEOUT'])
  const { failures, ignored: skipped } = breaker.snapshot().totals
  assert.deepEqual([failures, skipped], [1, 1])
})

test('a classifier that is a function is refused: it would never be asked', () => {
  assert.throws(() => pipeline({ classify: (() => failure) as never }), OptionsError)
})
