// The one error: what it carries, what it says, and what it costs.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { bulkhead, circuitBreaker, OptionsError, pipeline, SwitchgearError, timeout } from '../src/index.ts'
import { stackless } from '../src/errors.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { hang, watch } from './watch.ts'

test('an error carries code, message and its parts; those that are missing are undefined', () => {
  const cause = new Error('down')
  const parts = { policy: 'p', pipeline: 'orders', cause, refusal: true }
  const full = new SwitchgearError('SG_TEST', 'the message', parts)
  assert.ok(full instanceof Error)
  const { code, message, policy, pipeline: name, refusal } = full
  assert.deepEqual(
    [code, message, full.name, { policy, pipeline: name, cause: full.cause, refusal }],
    ['SG_TEST', 'the message', 'SwitchgearError', parts],
  )
  const bare = new SwitchgearError('SG_TEST', 'the message')
  assert.deepEqual(
    [bare.policy, bare.pipeline, bare.retryAfterMs, bare.refusal],
    [undefined, undefined, undefined, false],
  )
  assert.equal('cause' in bare, false)
})

test('an error prints as itself, with its code', () => {
  const error = new SwitchgearError('SG_TEST', 'the message')
  assert.equal(String(error), 'SwitchgearError: the message')
  assert.match(inspect(error), /SG_TEST/)
})

test('an error of bad options has a stack, a refusal and a timeout have none', async () => {
  assert.match(new OptionsError('wrong').stack ?? '', /errors\.test\.ts/)
  const clock = new VirtualClock()
  const isolated = circuitBreaker()
  isolated.isolate('maintenance')
  const open = circuitBreaker({ consecutiveFailures: 1 })
  await assert.rejects(pipeline({ clock }, open).execute(() => Promise.reject(new Error('down'))))
  const full = bulkhead({ maxInFlight: 1 })
  watch(pipeline({ clock }, full).execute(hang))
  const errors = [isolated, open, full, timeout(5)].map((policy) => watch(pipeline({ clock }, policy).execute(hang)))
  errors.push(
    watch(pipeline({ clock }).execute(hang, { deadline: 5 })),
    watch(pipeline({ clock }).execute(hang, { deadline: 0 })),
  )
  await clock.advance(10)
  const stacks = errors.map(({ result }) => (result as Error).stack ?? '')
  for (const stack of stacks) assert.doesNotMatch(stack, /\n\s+at /)
  assert.deepEqual(
    errors.map(({ code }) => code),
    [
      'SG_CIRCUIT_ISOLATED',
      'SG_CIRCUIT_OPEN',
      'SG_BULKHEAD_FULL',
      'SG_TIMEOUT',
      'SG_DEADLINE_EXCEEDED',
      'SG_DEADLINE_EXCEEDED',
    ],
  )
})

test('building without a stack leaves the limit of the host as it was, also when the building throws', () => {
  const before = Error.stackTraceLimit
  // V8 leaves the heading, JavaScriptCore no stack at all.
  assert.doesNotMatch(stackless(() => new Error('any')).stack ?? '', /\n\s*at /)
  assert.throws(() =>
    stackless(() => {
      throw new Error('broken')
    }),
  )
  assert.equal(Error.stackTraceLimit, before)
  assert.match(new Error('after').stack ?? '', /errors\.test\.ts/)
})
