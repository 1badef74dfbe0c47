// Why a circuit is open, as those learn it who are refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { circuitBreaker, classifyHttp, pipeline, type SwitchgearError } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'

test('a returned value that was the failure tells its status', async () => {
  const guarded = pipeline({ classify: classifyHttp }, circuitBreaker({ consecutiveFailures: 1 }))
  await guarded.execute(() => ({ statusCode: 503 }))
  const refused = (await guarded
    .execute(() => ({ statusCode: 200 }))
    .catch((error: unknown) => error)) as SwitchgearError
  assert.deepEqual([refused.code, (refused.cause as { status: number }).status], ['SG_CIRCUIT_OPEN', 503])
})

test('who calls from a listener of the transition gets the cause too, also as a shared error', async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1, sharedError: true })
  const guarded = pipeline(breaker)
  const refused: Promise<unknown>[] = []
  breaker.events.subscribe(({ type }) => {
    if (type === 'transition') refused.push(guarded.execute(() => 1).catch((error: unknown) => error))
  })
  await assert.rejects(guarded.execute(() => Promise.reject(new Error('down'))))
  const [first] = (await Promise.all(refused)) as SwitchgearError[]
  assert.equal((first?.cause as { message: string } | undefined)?.message, 'down')
})

test('a restored open time is no longer than the longest that is configured', () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ openFor: '1s', openForMax: '2s' })
  pipeline({ clock }, breaker)
  const snapshot = breaker.snapshot()
  breaker.restore({ ...snapshot, state: 'open', openRemainingMs: 1e12 })
  assert.equal(breaker.snapshot().openRemainingMs, 2000)
})
