// Options: what each default is, what is refused and in which words, and that nothing given is ever changed or shared.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rulesOf } from '../../src/breaker/options.ts'
import { circuitBreaker, type CircuitBreakerOptions, OptionsError } from '../../src/index.ts'
import { Rig } from './rig.ts'

describe('the defaults', () => {
  it('are those of the law', () => {
    assert.deepEqual(rulesOf({}), {
      consecutiveFailures: 5,
      failureRatio: Infinity,
      slowCallRatio: Infinity,
      slowCallMs: 5000,
      slowCallFactor: 0,
      windowMs: 10_000,
      windowCalls: 0,
      minimumThroughput: 10,
      openForMs: 5000,
      openForMaxMs: 300_000,
      openForFactor: 1,
      jitter: 0,
      halfOpenCalls: 3,
      successesToClose: 3,
      probeTimeoutMs: 30_000,
      rampForMs: 0,
      rampSpeedUp: 1,
      observes: false,
      sharedError: false,
      fleet: undefined,
      fleetQuorum: 0.5,
      windowed: false,
      timesCalls: false,
    })
  })

  it('name it circuitBreaker', () => {
    assert.equal(circuitBreaker().name, 'circuitBreaker')
    assert.equal(circuitBreaker({ name: 'payments' }).name, 'payments')
  })

  const row: readonly (readonly [CircuitBreakerOptions, number])[] = [
    [{ failureRatio: 0.5 }, Infinity],
    [{ slowCallRatio: 0.5 }, Infinity],
    [{ failureRatio: 0.5, consecutiveFailures: 7 }, 7],
    [{ slowCallRatio: 0.5, consecutiveFailures: 7 }, 7],
    [{ failureRatio: 0.5, consecutiveFailures: false }, Infinity],
    [{ failureRatio: undefined, consecutiveFailures: undefined }, 5],
    [{ window: '1m', minimumThroughput: 3 }, 5],
  ]
  for (const [options, consecutiveFailures] of row) {
    it(`put consecutiveFailures at ${consecutiveFailures} for ${JSON.stringify(options)}`, () => {
      assert.equal(rulesOf(options).consecutiveFailures, consecutiveFailures)
    })
  }

  it('lift openForMax to an openFor that is longer', () => {
    assert.equal(rulesOf({ openFor: '10m' }).openForMaxMs, 600_000)
    assert.equal(rulesOf({ openFor: '10s' }).openForMaxMs, 300_000)
  })

  it('stand for every option that is undefined', () => {
    const keys = ['name', 'slowCallDuration', 'window', 'minimumThroughput', 'openFor', 'openForMax', 'openForFactor']
    const more = ['jitter', 'halfOpenCalls', 'successesToClose', 'probeTimeout', 'rampFor', 'mode', 'sharedError']
    const given = Object.fromEntries([...keys, ...more].map((key) => [key, undefined]))
    assert.deepEqual(rulesOf(given), rulesOf({}))
  })
})

describe('a duration', () => {
  const forms = [
    [250, 250],
    ['250ms', 250],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
  ] as const
  for (const [given, ms] of forms) {
    it(`${JSON.stringify(given)} is ${ms} ms`, () => {
      const rules = rulesOf({ openFor: given, probeTimeout: given, rampFor: given, slowCallDuration: given })
      const { openForMs, probeTimeoutMs, rampForMs, slowCallMs } = rules
      assert.deepEqual([openForMs, probeTimeoutMs, rampForMs, slowCallMs], [ms, ms, ms, ms])
    })
  }

  it('a window is so many calls as a number, and a duration as a string', () => {
    const byCount = rulesOf({ failureRatio: 0.5, window: 100 })
    const byTime = rulesOf({ failureRatio: 0.5, window: '100ms' })
    assert.deepEqual([byCount.windowCalls, byCount.windowMs], [100, 0])
    assert.deepEqual([byTime.windowCalls, byTime.windowMs], [0, 100])
  })
})

describe('a bad option', () => {
  /** The key, a bad value, and what the message says besides the path and the value. */
  const bad: readonly (readonly [key: string, value: unknown, bound: RegExp])[] = [
    ['failureRatio', 50, /must be in \(0, 1\], got 50/],
    ['failureRatio', 0, /in \(0, 1\], got 0/],
    ['failureRatio', -0.5, /in \(0, 1\]/],
    ['failureRatio', 1.000001, /in \(0, 1\]/],
    ['failureRatio', Number.NaN, /got NaN/],
    ['failureRatio', '0.5', /got '0.5'/],
    ['failureRatio', null, /got null/],
    ['slowCallRatio', 2, /in \(0, 1\], got 2/],
    ['slowCallRatio', 0, /in \(0, 1\]/],
    ['consecutiveFailures', 0, /a whole number >= 1, got 0/],
    ['consecutiveFailures', 2.5, /a whole number/],
    ['consecutiveFailures', '5', /a whole number/],
    ['consecutiveFailures', true, /a whole number/],
    ['consecutiveFailures', Infinity, /a whole number/],
    ['consecutiveFailures', null, /got null/],
    ['minimumThroughput', 0, /a whole number >= 1/],
    ['minimumThroughput', 1.5, /a whole number/],
    ['successesToClose', 0, /a whole number >= 1/],
    ['halfOpenCalls', 0, /a whole number in \[1, 1000\]/],
    ['halfOpenCalls', 1001, /in \[1, 1000\], got 1001/],
    ['window', 0, /a whole number in \[1, 1000000\]/],
    ['window', 1_000_001, /a whole number in/],
    ['window', 10.5, /a whole number/],
    ['window', '9ms', /a duration of at least 10 ms/],
    ['window', '10', /a duration/],
    ['window', true, /a duration/],
    ['slowCallDuration', -1, /at least 0 ms/],
    ['slowCallDuration', '5 s', /got '5 s'/],
    ['openFor', 0, /at least 1 ms/],
    ['openFor', '0s', /at least 1 ms, .* got '0s'/],
    ['openFor', Infinity, /got Infinity/],
    ['openFor', Number.NaN, /got NaN/],
    ['openFor', 'soon', /got 'soon'/],
    ['openFor', null, /got null/],
    ['openForMax', '4999ms', /at least openFor \(5000 ms\), got '4999ms'/],
    ['slowCallFactor', 1, /in \[2, 1000\], got 1/],
    ['slowCallFactor', 0, /in \[2, 1000\], got 0/],
    ['rampSpeedUp', 0.5, /in \[1, 100\], got 0.5/],
    ['openForMax', 0, /at least 1 ms/],
    ['openForFactor', 0.99, /in \[1, 100\]/],
    ['openForFactor', 101, /in \[1, 100\]/],
    ['openForFactor', Number.NaN, /in \[1, 100\]/],
    ['openForFactor', '2', /in \[1, 100\]/],
    ['jitter', -0.1, /in \[0, 1\]/],
    ['jitter', 1.1, /in \[0, 1\]/],
    ['jitter', '0.5', /in \[0, 1\]/],
    ['probeTimeout', 0, /at least 1 ms/],
    ['rampFor', -1, /at least 0 ms/],
    ['rampFor', '10x', /a duration/],
    ['mode', 'watch', /'protect' or 'observe', got 'watch'/],
    ['mode', true, /'protect' or 'observe'/],
    ['sharedError', 'no', /got 'no'/],
    ['name', 42, /got 42/],
  ]
  for (const [key, value, bound] of bad) {
    it(`${key}: ${typeof value === 'string' ? `'${value}'` : String(value)} is refused by path, bound and value`, () => {
      assert.throws(
        () => circuitBreaker({ [key]: value } as CircuitBreakerOptions),
        (error: unknown) => {
          assert.ok(error instanceof OptionsError, String(error))
          assert.equal(error.code, 'SG_BAD_OPTIONS')
          assert.ok(error.message.startsWith(`circuitBreaker.${key} `), error.message)
          assert.match(error.message, bound)
          return true
        },
      )
    })
  }

  it('is refused where it is not known, and the known ones are named', () => {
    for (const key of ['failureRate', 'errorThreshold', 'toString', 'constructor']) {
      assert.throws(() => circuitBreaker({ [key]: 1 } as CircuitBreakerOptions), {
        code: 'SG_BAD_OPTIONS',
        message: new RegExp(`^circuitBreaker\\.${key} is not an option; known are .*failureRatio`),
      })
    }
  })

  it('is refused where there is no trigger left', () => {
    assert.throws(() => circuitBreaker({ consecutiveFailures: false }), {
      code: 'SG_BAD_OPTIONS',
      message: /at least one trigger/,
    })
  })

  it('is refused where it is not an object at all', () => {
    for (const given of [null, 5, 'critical', true]) {
      assert.throws(() => circuitBreaker(given as unknown as CircuitBreakerOptions), { code: 'SG_BAD_OPTIONS' })
    }
  })

  it('a count window that minimumThroughput can never fill is refused, or it can trip all the same', () => {
    let rig: Rig
    try {
      rig = new Rig({ failureRatio: 0.5, window: 5 })
    } catch (error) {
      assert.equal((error as OptionsError).code, 'SG_BAD_OPTIONS')
      return
    }
    for (let call = 0; call < 1000 && rig.state === 'closed'; call++) rig.play('failure')
    assert.equal(rig.state, 'open', 'a breaker that can never open is no protection')
  })
})

describe('what is given', () => {
  const options: CircuitBreakerOptions = { consecutiveFailures: 1, openFor: '10s', name: 'shared' }

  it('is never changed', () => {
    const frozen = Object.freeze({ ...options })
    const rig = new Rig(frozen).play('failure, +10s, success x3, failure')
    rig.breaker.update(Object.freeze({ openFor: '20s' }))
    rig.breaker.restore(Object.freeze(rig.snapshot))
    assert.deepEqual(frozen, options)
  })

  it('is not looked at again after construction', () => {
    const given = { ...options }
    const rig = new Rig(given)
    Object.assign(given, { consecutiveFailures: 100, openFor: '1s' })
    rig.breaker.update({ minimumThroughput: 3 })
    rig.play('failure')
    assert.deepEqual([rig.state, rig.snapshot.openRemainingMs], ['open', 10_000])
  })

  it('shares no state between two breakers', () => {
    const [one, other] = [new Rig(options), new Rig(options)]
    one.play('failure, refused')
    other.play('admitted')
    assert.deepEqual([one.state, other.state], ['open', 'closed'])
    one.breaker.update({ consecutiveFailures: 3 })
    other.play('failure')
    assert.equal(other.state, 'open')
  })

  it('shares no state between two breakers without options', () => {
    const [one, other] = [new Rig(), new Rig()]
    one.play('failure x5')
    one.breaker.update({ consecutiveFailures: 1 })
    other.play('failure x4')
    assert.deepEqual([one.state, other.state], ['open', 'closed'])
  })
})
