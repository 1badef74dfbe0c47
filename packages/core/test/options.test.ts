// The checks of options: what passes, what does not, and that the message names path, bound and value.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration, retry, SwitchgearError } from '../src/index.ts'
import { check, checkCount, checkKeys, checkRatio } from '../src/options.ts'

const refuses = (run: () => unknown, message: RegExp | string): void => {
  assert.throws(run, (error) => {
    assert.ok(error instanceof SwitchgearError && error.code === 'SG_BAD_OPTIONS', String(error))
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
    return true
  })
}

const durations: [number | string, number][] = [
  [0, 0],
  [250, 250],
  [0.5, 0.5],
  ['0ms', 0],
  ['800ms', 800],
  ['1.5s', 1500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
  ['0.25m', 15_000],
]
for (const [value, ms] of durations) {
  test(`the duration ${JSON.stringify(value)} is ${ms} ms`, () => assert.equal(parseDuration(value, 'p'), ms))
}

const noDurations: unknown[] = [
  -1,
  Number.NaN,
  Infinity,
  '',
  '5',
  's',
  '5 s',
  ' 5s',
  '5s ',
  '-5s',
  '+5s',
  '5S',
  '1e3ms',
  '.5s',
  '5.s',
  '5s5s',
  '5w',
  '5s\n',
  '٥s',
  null,
  undefined,
  true,
  {},
  ['5s'],
  10n,
  Symbol('5s'),
  Object.create(null),
]
for (const value of noDurations) {
  const label = typeof value === 'object' ? JSON.stringify(value) : String(value)
  test(`${JSON.stringify(label)} is no duration`, () => {
    refuses(
      () => parseDuration(value as string, 'retry.delay'),
      /^retry\.delay must be a duration of at least 0 ms, .*got /,
    )
  })
}

test('a duration must reach its least', () => {
  assert.equal(parseDuration('10ms', 'p', 10), 10)
  refuses(
    () => parseDuration('9ms', 'timeout.after', 10),
    "timeout.after must be a duration of at least 10 ms, as milliseconds or like '800ms', '30s', '5m', got '9ms'",
  )
})

test('a check names path, bound and value, and a string with quotes', () => {
  check(true, 'p', 'any', 1)
  refuses(() => check(false, 'a.b', 'small', 50), 'a.b must be small, got 50')
  refuses(() => check(false, 'a.b', 'small', '50'), "a.b must be small, got '50'")
})

test('a count is a whole number within its bounds', () => {
  for (const value of [1, 5, 1000]) checkCount(value, 'p', 1, 1000)
  checkCount(2 ** 40, 'p', 1)
  for (const value of [0, -1, 1.5, Number.NaN, Infinity, '5', null, undefined, 2 ** 53, 5n]) {
    refuses(() => checkCount(value as number, 'a.n', 1), /^a\.n must be a whole number >= 1, got /)
  }
  refuses(() => checkCount(1001, 'a.n', 1, 1000), 'a.n must be a whole number in [1, 1000], got 1001')
})

test('a ratio is greater than 0 and at most 1', () => {
  for (const value of [1, 0.5, Number.MIN_VALUE]) checkRatio(value, 'p')
  for (const value of [0, -0.1, 1.0001, 50, Number.NaN, Infinity, '0.5', null]) {
    refuses(
      () => checkRatio(value as number, 'circuitBreaker.failureRatio'),
      /^circuitBreaker\.failureRatio must be in \(0, 1\], got /,
    )
  }
})

test('a key that is not known is refused by name, also one that every object inherits', () => {
  checkKeys({ a: 1 }, { a: undefined, b: 1 }, 'p')
  checkKeys({}, {}, 'p')
  refuses(() => checkKeys({ c: 1 }, { a: 1, b: 2 }, 'retry'), 'retry.c is not an option; known are a, b')
  for (const key of ['constructor', 'toString', 'hasOwnProperty']) {
    refuses(() => checkKeys({ [key]: 1 }, { a: 1 }, 'retry'), `retry.${key} is not an option; known are a`)
  }
  for (const options of [null, undefined, 5, 'text']) {
    refuses(() => checkKeys(options as never, { a: 1 }, 'retry'), /^retry must be an object of options, got /)
  }
})

test('options are checked at construction, with a stack that leads to the caller', () => {
  function callerOfRetry(): unknown {
    // Not returned as it is: that is a tail call, whose frame JavaScriptCore does not keep.
    return [retry({ maxAttempts: 0 })]
  }
  assert.throws(callerOfRetry, (error) => (error as Error).stack?.includes('callerOfRetry') === true)
})
