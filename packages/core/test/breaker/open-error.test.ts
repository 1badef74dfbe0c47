// What a refused caller gets: which code, since when stale, how expensive, and how little of the failure it keeps.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitOpenError, digestOf } from '../../src/breaker/open-error.ts'
import { bulkhead, type CircuitBreakerOptions, pipeline, retry, SwitchgearError } from '../../src/index.ts'
import { becomesGarbage } from '../garbage.ts'
import { Rig } from './rig.ts'

const options: CircuitBreakerOptions = {
  consecutiveFailures: 1,
  openFor: '30s',
  halfOpenCalls: 1,
  successesToClose: 1,
  probeTimeout: '5s',
}
const opened = (more?: CircuitBreakerOptions): Rig => new Rig({ ...options, ...more }).play('failure')

describe('the error of an open circuit', () => {
  it('says who refused, with a stable code', () => {
    const error = opened({ name: 'charges' }).refused()
    assert.ok(error instanceof CircuitOpenError && error instanceof SwitchgearError && error instanceof Error)
    const { code, policy, pipeline, refusal, name } = error
    assert.deepEqual(
      { code, policy, pipeline, refusal, name },
      { code: 'SG_CIRCUIT_OPEN', policy: 'charges', pipeline: 'payments', refusal: true, name: 'SwitchgearError' },
    )
    assert.match(error.message, /^payments: the circuit is open/)
  })

  it('is a fresh one for every caller', () => {
    const rig = opened()
    assert.notEqual(rig.refused(), rig.refused())
  })

  it('is built without a stack, and leaves the stacks of others alone', () => {
    const limit = Error.stackTraceLimit
    const { stack = '' } = opened().refused()
    assert.ok(!stack.includes('\n    at '), stack)
    assert.equal(Error.stackTraceLimit, limit)
    assert.match(new Error('ours').stack ?? '', /\n {4}at /)
  })

  it('reads retryAfterMs from the clock whenever it is asked, and is never negative', () => {
    const rig = opened()
    const error = rig.refused()
    const read = [0, 12_000, 17_999, 1, 1, 3_600_000].map((ms) => {
      rig.clock.advanceSync(ms)
      return error.retryAfterMs
    })
    assert.deepEqual(read, [30_000, 18_000, 1, 0, 0, 0])
  })

  it('keeps telling of its own open time after the circuit has re-opened', () => {
    const rig = opened()
    const error = rig.refused()
    rig.play('+30s, failure')
    assert.deepEqual([error.retryAfterMs, rig.refused().retryAfterMs], [0, 30_000])
  })

  it('reaches the caller of a pipeline, who sees the same', async () => {
    const rig = opened()
    await assert.rejects(
      rig.payments.execute(() => assert.fail('it ran')),
      { code: 'SG_CIRCUIT_OPEN', retryAfterMs: 30_000 },
    )
  })
})

describe('retryAfterMs is undefined', () => {
  it('when all probes are taken', () => {
    const rig = opened().play('+30s, begin a')
    const error = rig.refused()
    assert.deepEqual([error.code, error.retryAfterMs], ['SG_CIRCUIT_OPEN', undefined])
    assert.match(error.message, /half-open/)
    rig.play('+1s')
    assert.equal(error.retryAfterMs, undefined)
  })

  it('in the ramp', () => {
    const rig = opened({ rampFor: '10s' }).play('+30s, success')
    assert.deepEqual([rig.refused().code, rig.refused().retryAfterMs], ['SG_CIRCUIT_OPEN', undefined])
  })

  it('when an operator has isolated it, and the message has the reason', () => {
    const rig = opened().play('isolate')
    const error = rig.refused()
    assert.deepEqual([error.code, error.retryAfterMs, error.refusal], ['SG_CIRCUIT_ISOLATED', undefined, true])
    assert.match(error.message, /maintenance/)
    assert.ok(!(error.stack ?? '').includes('\n    at '))
  })
})

describe('sharedError', () => {
  it('gives one frozen error to all callers of an open time', () => {
    const rig = opened({ sharedError: true })
    const error = rig.refused()
    assert.equal(rig.refused(), error)
    rig.play('+10s')
    assert.equal(rig.refused(), error)
    assert.ok(Object.isFrozen(error))
    assert.throws(() => Object.assign(error, { cause: 'mine' }), TypeError)
    assert.equal(error.retryAfterMs, 20_000, 'although frozen, it reads the clock')
  })

  it('gives another one for the next open time', () => {
    const rig = opened({ sharedError: true })
    const error = rig.refused()
    rig.play('+30s, failure')
    assert.notEqual(rig.refused(), error)
    assert.deepEqual([error.retryAfterMs, rig.refused().retryAfterMs], [0, 30_000])
  })

  it('gives another one when time alone has ended and begun an open time', () => {
    const rig = opened({ sharedError: true })
    const error = rig.refused()
    rig.play('+30s, begin a, +5s')
    assert.notEqual(rig.refused(), error)
  })

  it('shares none where the reason is not the open time', () => {
    const rig = opened({ sharedError: true })
    const error = rig.refused()
    rig.play('+30s, begin a')
    assert.notEqual(rig.refused(), rig.refused())
    rig.play('isolate')
    assert.equal(rig.refused().code, 'SG_CIRCUIT_ISOLATED')
    rig.play('release open')
    assert.notEqual(rig.refused(), error)
  })

  it('is not written to by a retry, which puts the last failure into fresh ones', async () => {
    for (const sharedError of [false, true]) {
      const rig = new Rig({ ...options, sharedError })
      const retried = pipeline(
        { clock: rig.clock, random: () => 0.5 },
        retry({ delay: 10, maxAttempts: 3 }),
        rig.breaker,
      )
      const down = new Error('down')
      const answer = retried.execute(() => Promise.reject(down)).catch((error: unknown) => error)
      await rig.clock.advance(1000)
      const error = (await answer) as SwitchgearError
      assert.equal(error.code, 'SG_CIRCUIT_OPEN')
      if (sharedError) assert.deepEqual(error.cause, digestOf(down))
      else assert.equal(error.cause, down)
    }
  })
})

/** The cause that refused callers are told after a failure by `error`. */
function causeAfter(error: unknown): unknown {
  const rig = new Rig(options)
  rig.begin().end('failure', error)
  return rig.refused().cause
}

describe('the cause', () => {
  it('keeps name, message, code and status of the failure that opened it, and nothing else', () => {
    const socket = { bytes: 'x'.repeat(1000) }
    const error = Object.assign(new TypeError('refused'), { code: 'ECONNREFUSED', status: 503, socket, cause: socket })
    assert.deepEqual(causeAfter(error), { name: 'TypeError', message: 'refused', code: 'ECONNREFUSED', status: 503 })
  })

  const shapes: readonly (readonly [thrown: unknown, digest: unknown])[] = [
    ['down', { name: 'string', message: 'down', code: undefined, status: undefined }],
    [42, { name: 'number', message: '42', code: undefined, status: undefined }],
    [null, { name: 'object', message: 'null', code: undefined, status: undefined }],
    [Symbol('s'), { name: 'symbol', message: 'Symbol(s)', code: undefined, status: undefined }],
    [{}, { name: 'Error', message: '', code: undefined, status: undefined }],
    [Object.create(null), { name: 'Error', message: '', code: undefined, status: undefined }],
    [
      { code: 7, status: '503' },
      { name: 'Error', message: '', code: 7, status: undefined },
    ],
    [
      { name: {}, message: [], code: {} },
      { name: 'Error', message: '', code: undefined, status: undefined },
    ],
  ]
  for (const [thrown, digest] of shapes) {
    it(`is a digest of whatever was thrown: ${String(JSON.stringify(thrown) ?? String(thrown))}`, () => {
      assert.deepEqual(causeAfter(thrown), digest)
    })
  }

  it('is undefined where nothing was thrown: a value can be a failure too', () => {
    assert.equal(causeAfter(undefined), undefined)
  })

  it('does not keep the failure alive', async () => {
    let rig = new Rig(options)
    const fail = (): WeakRef<Error> => {
      rig = new Rig(options)
      const error = new Error('down')
      rig.begin().end('failure', error)
      return new WeakRef(error)
    }
    assert.ok(await becomesGarbage(fail))
    assert.equal((rig.refused().cause as Error).message, 'down')
  })

  it('is that of the last opening', () => {
    const rig = new Rig(options)
    rig.begin().end('failure', new Error('first'))
    rig.play('+30s')
    rig.begin().end('failure', new Error('second'))
    assert.equal((rig.refused().cause as Error).message, 'second')
  })

  it('is told while probing, too', () => {
    const rig = new Rig(options)
    rig.begin().end('failure', new Error('first'))
    rig.play('+30s, begin a')
    assert.equal((rig.refused().cause as Error).message, 'first')
  })

  it('is not a failure of an earlier generation, even when its arrival is what notices that the open time is over', () => {
    const rig = new Rig(options)
    const stale = rig.begin()
    rig.begin().end('failure', new Error('opened it'))
    rig.play('+30s')
    stale.end('failure', new Error('came late'))
    rig.play('begin a')
    assert.equal((rig.refused().cause as Error).message, 'opened it')
  })

  it('is not a failure that opened nothing, even when its arrival is what notices that the ramp is over', () => {
    const rig = new Rig({ ...options, consecutiveFailures: 2, rampFor: '10s' })
    rig.chance = 0
    rig.play('failure x2, +30s, success')
    const late = rig.begin()
    rig.play('+10s')
    late.end('failure', new Error('opened nothing'))
    assert.equal(rig.state, 'closed')
    rig.play('isolate')
    assert.equal(rig.refused().cause, undefined)
  })

  it('is forgotten when it closes', () => {
    const rig = opened().play('+30s, success, isolate')
    assert.equal(rig.refused().cause, undefined)
  })

  it('is one object for many callers, so none of them can write to it', () => {
    const rig = opened()
    const write = (): unknown => Object.assign(rig.refused().cause as object, { message: 'mine' })
    assert.throws(write, TypeError)
    assert.equal((rig.refused().cause as Error).message, 'down')
  })

  it('survives an error whose properties throw: the caller gets it, and no permit is lost', async () => {
    const hostile = {
      get message(): string {
        throw new Error('from the getter')
      },
    }
    const rig = new Rig(options)
    const slots = bulkhead({ maxInFlight: 1 })
    const guarded = pipeline({ clock: rig.clock }, slots, rig.breaker)
    await assert.rejects(
      guarded.execute(() => Promise.reject(hostile)),
      (error) => error === hostile,
    )
    assert.equal((slots.snapshot() as { inFlight: number }).inFlight, 0)
    assert.equal(rig.state, 'open')
  })
})
