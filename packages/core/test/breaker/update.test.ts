// `update` reconfigures a breaker in place: what runs keeps its ticket, what is decided is decided, the rest obeys at once.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CircuitBreakerOptions, pipeline } from '../../src/index.ts'
import { Rig } from './rig.ts'

const options: CircuitBreakerOptions = {
  consecutiveFailures: 3,
  openFor: '30s',
  halfOpenCalls: 2,
  successesToClose: 2,
  probeTimeout: '10s',
}

/** Before, the update, afterwards, and the state then. */
type Row = readonly [what: string, before: string, update: CircuitBreakerOptions, after: string, state: string]

const rows: readonly Row[] = [
  ['a lower threshold does not act by itself', 'failure x2', { consecutiveFailures: 1 }, '', 'closed'],
  ['a lower threshold does not act at a success', 'failure x2', { consecutiveFailures: 1 }, 'success', 'closed'],
  ['a lower threshold acts at the next failure', 'failure x2', { consecutiveFailures: 2 }, 'failure', 'open'],
  ['a lower threshold far below acts at the next failure', 'failure x2', { consecutiveFailures: 1 }, 'failure', 'open'],
  ['a higher threshold holds at once', 'failure x2', { consecutiveFailures: 5 }, 'failure x2', 'closed'],
  ['a higher threshold keeps the row', 'failure x2', { consecutiveFailures: 5 }, 'failure x3', 'open'],
  ['an open circuit keeps its time', 'failure x3, +10s', { openFor: '1s' }, '+19999ms, refused, +1ms', 'half-open'],
  ['an open circuit is not prolonged', 'failure x3, +10s', { openFor: '2m' }, '+20s', 'half-open'],
  [
    'a new open time holds from the next opening on',
    'failure x3, +30s',
    { openFor: '1s' },
    'failure, +1s',
    'half-open',
  ],
  [
    'what fell due before it happened by the old options',
    'failure x3, +30s, begin a, +10s',
    { probeTimeout: '1h' },
    '',
    'open',
  ],
  [
    'a shorter probe timeout holds for probes in flight',
    'failure x3, +30s, begin a, +5s',
    { probeTimeout: '5s' },
    '',
    'open',
  ],
  [
    'a longer probe timeout holds for probes in flight',
    'failure x3, +30s, begin a, +5s',
    { probeTimeout: '1m' },
    '+50s',
    'half-open',
  ],
  [
    'more probes are let in',
    'failure x3, +30s, begin a, begin b',
    { halfOpenCalls: 3 },
    'begin c, refused',
    'half-open',
  ],
  ['fewer probes are let in', 'failure x3, +30s, begin a', { halfOpenCalls: 1 }, 'refused', 'half-open'],
  ['fewer successes close at the next one', 'failure x3, +30s, success', { successesToClose: 1 }, 'success', 'closed'],
  [
    'fewer successes do not close at an ignored probe',
    'failure x3, +30s, success',
    { successesToClose: 1 },
    'ignored',
    'half-open',
  ],
  ['more successes are waited for', 'failure x3, +30s, success', { successesToClose: 3 }, 'success', 'half-open'],
  ['a ramp is added', 'failure x3, +30s, success', { rampFor: '10s' }, 'success, +9999ms', 'half-open'],
  ['an isolated circuit stays isolated', 'isolate', { consecutiveFailures: 1 }, 'refused', 'isolated'],
  ['a disabled circuit stays disabled', 'disable', { consecutiveFailures: 1 }, 'failure x5', 'disabled'],
  ['observing admits at once', 'failure x3, refused', { mode: 'observe' }, 'admitted', 'open'],
]

describe('update', () => {
  for (const [what, before, update, after, state] of rows) {
    it(what, () => {
      const rig = new Rig(options).play(before)
      rig.breaker.update(update)
      assert.equal(rig.play(after).state, state)
    })
  }

  it('keeps every ticket valid, with and without a probe', () => {
    const rig = new Rig(options).play('failure x2')
    const running = rig.begin()
    rig.breaker.update({ openFor: '5s', window: '1m' })
    running.end('failure', new Error('down'))
    assert.deepEqual([rig.state, rig.snapshot.openRemainingMs], ['open', 5000])

    rig.play('+5s')
    const [one, two] = [rig.begin(), rig.begin()]
    rig.breaker.update({ openFor: '7s' })
    rig.refused()
    one.end('success')
    two.end('success')
    assert.equal(rig.state, 'closed')
  })

  it('is no transition and no generation', () => {
    const rig = new Rig(options).play('failure x2')
    rig.breaker.update({ consecutiveFailures: 4, halfOpenCalls: 9, mode: 'observe' })
    assert.deepEqual([rig.events, rig.snapshot.consecutiveFailures, rig.snapshot.totals.transitions], [[], 2, 0])
    assert.equal(rig.snapshot.mode, 'observe')
  })

  it('keeps options that it does not name', () => {
    const rig = new Rig(options)
    rig.breaker.update({ openFor: '5s' })
    rig.breaker.update({ successesToClose: 1 })
    rig.play('failure x3, +5s, success')
    assert.equal(rig.state, 'closed')
  })

  it('brings a default back with undefined', () => {
    const rig = new Rig(options)
    rig.breaker.update({ consecutiveFailures: undefined })
    assert.equal(rig.play('failure x4').state, 'closed')
    assert.equal(rig.play('failure').state, 'open')
  })

  it('switches triggers: a ratio alone ends the default row, as at construction', () => {
    const rig = new Rig()
    rig.breaker.update({ failureRatio: 1, minimumThroughput: 8 })
    assert.equal(rig.play('failure x7').state, 'closed')
    assert.equal(rig.play('failure').state, 'open')
  })

  it('a lower ratio acts at the next failure, with the window it has', () => {
    const rig = new Rig({ failureRatio: 0.9, window: 100 }).play('success x10, failure x10')
    rig.breaker.update({ failureRatio: 0.5 })
    rig.play('success')
    assert.equal(rig.state, 'closed')
    assert.equal(rig.play('failure').state, 'open')
  })

  it('a changed window starts empty, an unchanged one goes on', () => {
    const rig = new Rig({ failureRatio: 1, window: '10s' }).play('failure x9')
    rig.breaker.update({ window: '10000ms', minimumThroughput: 11 })
    assert.equal(rig.snapshot.window.calls, 9)
    rig.breaker.update({ window: '20s' })
    assert.equal(rig.snapshot.window.calls, 0)
    assert.equal(rig.play('failure x10').state, 'closed')
    rig.breaker.update({ window: 50 })
    assert.equal(rig.play('failure x10').state, 'closed')
    assert.equal(rig.play('failure').state, 'open')
  })

  it('a ratio that was off for a while looks at nothing from before that', () => {
    const rig = new Rig({ failureRatio: 0.5, window: 4, minimumThroughput: 4 }).play('failure x2')
    rig.breaker.update({ failureRatio: undefined, consecutiveFailures: 50 })
    rig.play('success x100')
    rig.breaker.update({ failureRatio: 0.5 })
    rig.play('success, failure')
    assert.equal(rig.state, 'closed', 'only one of the last four calls failed')
  })

  it('a call is slow by its own time, whatever was switched meanwhile', async () => {
    const rig = new Rig({ failureRatio: 1, minimumThroughput: 1 })
    const slowCalls: CircuitBreakerOptions = { slowCallRatio: 1, slowCallDuration: 100 }
    const run = (): (() => Promise<void>) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const answer = rig.payments.execute(() => promise)
      return () => {
        resolve()
        return answer
      }
    }
    const first = run()
    rig.breaker.update(slowCalls)
    await first()
    rig.breaker.update({ slowCallRatio: undefined })
    rig.play('+10s')
    const second = run()
    rig.breaker.update(slowCalls)
    await second()
    assert.deepEqual([rig.snapshot.totals.slow, rig.state], [0, 'closed'])
  })

  const bad: readonly CircuitBreakerOptions[] = [
    { failureRatio: 50 },
    { openFor: '10m', openForMax: '1m' },
    { consecutiveFailures: false },
    { window: '1ms' },
    { failureRate: 0.5 } as CircuitBreakerOptions,
  ]
  for (const update of bad) {
    it(`refuses ${JSON.stringify(update)} and then changes nothing`, () => {
      const rig = new Rig(options).play('failure x2')
      const before = rig.snapshot
      assert.throws(() => rig.breaker.update({ ...update, successesToClose: 1 }), { code: 'SG_BAD_OPTIONS' })
      assert.deepEqual(rig.snapshot, before)
      rig.play('failure, +30s, success')
      assert.equal(rig.state, 'half-open', 'successesToClose is still 2')
      rig.breaker.update({ successesToClose: 2 })
    })
  }

  it('holds for every pipeline that has the breaker', async () => {
    const rig = new Rig(options)
    const refunds = pipeline({ name: 'refunds', clock: rig.clock }, rig.breaker)
    rig.breaker.update({ consecutiveFailures: 1 })
    await assert.rejects(refunds.execute(() => Promise.reject(new Error('down'))))
    await assert.rejects(
      rig.payments.execute(() => assert.fail('it ran')),
      { code: 'SG_CIRCUIT_OPEN' },
    )
  })
})
