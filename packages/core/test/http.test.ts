// What an HTTP response means, and how long the other side wants to be left alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classifyHttp, pipeline, retry, type Verdict } from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'

const verdictOf = (response: unknown): Verdict => {
  assert.ok(classifyHttp.ofValue)
  return classifyHttp.ofValue(response as never)
}

const statuses: [string, number[]][] = [
  [
    'success false',
    [0, 100, 101, 200, 201, 204, 206, 301, 304, 400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 451, 499],
  ],
  ['failure true', [408, 429, 500, 502, 503, 504, 507, 511, 520, 599]],
  ['failure false', [501, 505]],
]
for (const [expected, codes] of statuses) {
  test(`outcome and retryability are ${expected} for ${codes.join(', ')}`, () => {
    for (const code of codes) {
      for (const response of [{ status: code }, { statusCode: code }, { status: code, headers: {} }]) {
        const { outcome, retryable } = verdictOf(response)
        assert.equal(`${outcome} ${retryable}`, expected, `${code}`)
      }
    }
  })
}

test('a value that is no response is a success', () => {
  for (const value of [undefined, null, 'text', 5, {}, [], { status: undefined }]) {
    assert.equal(verdictOf(value).outcome, 'success')
  }
})

test('whatever is thrown is a retryable failure: it was the connection', async () => {
  const clock = new VirtualClock()
  const policy = retry({ maxAttempts: 2, delay: 1 })
  const call = pipeline({ clock, classify: classifyHttp }, policy).execute(() =>
    Promise.reject(new TypeError('fetch failed')),
  )
  await Promise.all([assert.rejects(call, TypeError), clock.advance(10)])
  assert.equal(policy.snapshot().totals.retries, 1)
})

const retryAfter: [unknown, number | undefined][] = [
  ['120', 120_000],
  ['0', 0],
  ['1', 1000],
  ['soon', undefined],
  ['', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  [['1', '2'], undefined],
  [120, undefined],
  [undefined, undefined],
]
for (const [value, expected] of retryAfter) {
  test(`Retry-After: ${JSON.stringify(value)} asks for ${expected} ms`, () => {
    const asked = verdictOf({ status: 503, headers: { 'retry-after': value } }).retryAfterMs
    // A wrong value may be no wish or a wish of nothing; both leave the wait as it is.
    assert.equal(asked === 0 && expected === undefined ? undefined : asked, expected)
  })
}

test('Retry-After is read from a Headers object, a Map and a plain object alike', () => {
  const headers = [new Headers({ 'Retry-After': '7' }), new Map([['retry-after', '7']]), { 'retry-after': '7' }]
  for (const carrier of headers) assert.equal(verdictOf({ status: 429, headers: carrier }).retryAfterMs, 7000)
  const real = new Response(null, { status: 503, headers: { 'Retry-After': '3' } })
  assert.equal(verdictOf(real).retryAfterMs, 3000)
})

test('Retry-After as a date asks for the time until then, and for nothing when it has passed', () => {
  const dated = (ms: number): number | undefined =>
    verdictOf({ status: 503, headers: { 'retry-after': new Date(Date.now() + ms).toUTCString() } }).retryAfterMs
  const asked = dated(60_000)
  assert.ok(asked !== undefined && asked > 50_000 && asked <= 60_000, `${asked}`)
  assert.equal(dated(-60_000), 0)
})

test('headers that are missing, null or odd do no harm', () => {
  for (const headers of [undefined, null, 5, 'retry-after: 5', { get: 'retry-after' }, []]) {
    assert.deepEqual(
      [verdictOf({ status: 503, headers }).outcome, verdictOf({ status: 503, headers }).retryAfterMs],
      ['failure', undefined],
    )
  }
})

test('a success does not read Retry-After: a 301 may carry one', () => {
  assert.equal(verdictOf({ status: 301, headers: { 'retry-after': '9' } }).retryAfterMs, undefined)
})

test('the body of a response that nobody reads is cancelled, unless somebody reads it already', () => {
  const { discard } = classifyHttp as { discard: (value: unknown) => void }
  const cancelled: string[] = []
  const body = (name: string, locked: boolean): unknown => ({
    locked,
    cancel: () => {
      cancelled.push(name)
      return Promise.reject(new Error('cancelled twice'))
    },
  })
  for (const value of [{ body: body('free', false) }, { body: body('read', true) }, { body: null }, { status: 503 }]) {
    discard(value)
  }
  assert.deepEqual(cancelled, ['free'])
})
