// The breaker as a gate in a pipeline: laziness and true times, concurrency, what counts as a result, totals, modes,
// operators and listeners. When it opens and closes is in `circuit.test.ts`.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  bulkhead,
  circuitBreaker,
  type CircuitBreakerOptions,
  type CircuitState,
  type PolicyEvent,
  pipeline,
  timeout,
} from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { callAt, Rig } from './rig.ts'

const options: CircuitBreakerOptions = {
  consecutiveFailures: 2,
  openFor: '10s',
  halfOpenCalls: 2,
  successesToClose: 2,
  probeTimeout: '3s',
}
const fail = (): Promise<never> => Promise.reject(new Error('down'))
const mustNotRun = (): never => assert.fail('it ran')

describe('what time alone changes', () => {
  const looks: Readonly<Record<string, (rig: Rig) => unknown>> = {
    'an enter': (rig) => rig.enter(),
    'a state read': (rig) => rig.state,
    'a snapshot': (rig) => rig.snapshot,
    'an update': (rig) => rig.breaker.update({}),
  }

  for (const [what, look] of Object.entries(looks)) {
    it(`is applied in one look, as if it had happened on time: ${what}`, () => {
      const rig = new Rig(options).play('failure x2, +11s, begin a, begin b, +1h')
      assert.deepEqual(rig.transitions, ['closed > open @0', 'open > half-open @10000'], 'nobody has looked yet')
      look(rig)
      // The probes began at 11 s and hung until 14 s; the circuit re-opened then, for 10 s.
      assert.deepEqual(rig.transitions.slice(2), ['half-open > open @14000', 'open > half-open @24000'])
      assert.deepEqual([rig.state, rig.snapshot.totals.failures, rig.clock.pending], ['half-open', 3, 0])
    })
  }

  it('is applied before a result is: the settle of a hung probe finds the next generation', () => {
    for (const outcome of ['success', 'failure', 'ignored'] as const) {
      const rig = new Rig(options).play(`failure x2, +11s, begin a, +1h, end a ${outcome}`)
      assert.deepEqual(rig.transitions.slice(2), ['half-open > open @14000', 'open > half-open @24000'])
      rig.play('begin b, begin c, refused')
    }
  })

  it('is applied before an operator acts', () => {
    const rig = new Rig(options).play('failure x2, +11s, begin a, +5s, isolate')
    assert.deepEqual(rig.transitions.slice(2), ['half-open > open @14000', 'open > isolated @16000'])
  })

  it('is applied to a ramp in the same look as what follows it', () => {
    const rig = new Rig({ ...options, rampFor: '5s' })
    rig.play('failure x2, +10s, success x2, +1h, failure')
    assert.deepEqual(rig.transitions.slice(2), ['half-open > half-open @10000', 'half-open > closed @15000'])
    assert.equal(rig.snapshot.consecutiveFailures, 1)
  })

  it('does not depend on how often one looks', () => {
    const script = 'failure x2, +11s, begin a, +25s, begin b, +15s, success'
    const [seldom, often] = [new Rig(options).play(script), new Rig(options)]
    often.play(
      script.replaceAll(/\+(\d+)s/g, (_, seconds) => `+100ms, look, `.repeat(Number(seconds) * 10).slice(0, -2)),
    )
    assert.deepEqual(often.snapshot, seldom.snapshot)
    assert.deepEqual(often.transitions, seldom.transitions)
  })

  it('needs no timer, in any state', () => {
    const rig = new Rig({ ...options, rampFor: '5s' })
    for (const script of ['failure x2', '+10s, begin a', 'success x2', '+5s', 'isolate', 'disable', 'release']) {
      rig.play(script)
      assert.equal(rig.clock.pending, 0, script)
    }
  })

  it('is not looked for while closed: a default breaker then reads no clock', () => {
    class CountingClock extends VirtualClock {
      reads = 0
      override now(): number {
        this.reads++
        return super.now()
      }
    }
    const clock = new CountingClock()
    const rig = new Rig(undefined, clock)
    const call = callAt(0)
    clock.reads = 0
    for (let index = 0; index < 100; index++) {
      const ticket = rig.breaker.enter(call)
      rig.breaker.settle(call, ticket, 'success')
      rig.breaker.exit(call, ticket)
    }
    assert.equal(clock.reads, 0)
    assert.equal(rig.snapshot.totals.successes, 100)
  })
})

describe('1000 concurrent callers', () => {
  for (const halfOpenCalls of [1, 3, 7, 1000]) {
    it(`of a half-open circuit are ${halfOpenCalls} probes and refusals`, async () => {
      const rig = new Rig({ ...options, halfOpenCalls, successesToClose: 1 }).play('failure x2, +10s')
      const { promise, resolve } = Promise.withResolvers<string>()
      let running = 0
      const answers = Array.from({ length: 1000 }, () =>
        rig.payments.execute(() => {
          running++
          return promise
        }),
      )
      assert.equal(running, halfOpenCalls)
      assert.equal(rig.snapshot.probesInFlight, halfOpenCalls)
      resolve('up')
      const settled = await Promise.allSettled(answers)
      const refused = settled.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []))
      assert.deepEqual(
        refused,
        Array.from({ length: 1000 - halfOpenCalls }, () => 'SG_CIRCUIT_OPEN'),
      )
      assert.deepEqual([rig.state, rig.snapshot.probesInFlight, running], ['closed', 0, halfOpenCalls])
    })
  }

  it('of an open circuit run nothing', async () => {
    const rig = new Rig(options).play('failure x2')
    const settled = await Promise.allSettled(Array.from({ length: 1000 }, () => rig.payments.execute(mustNotRun)))
    assert.ok(settled.every((answer) => answer.status === 'rejected' && answer.reason.code === 'SG_CIRCUIT_OPEN'))
    assert.equal(rig.snapshot.totals.rejections, 1000)
  })

  it('that fail together open it once, and the rest of them change nothing', async () => {
    const rig = new Rig({ ...options, openForFactor: 2 })
    await Promise.allSettled(Array.from({ length: 1000 }, () => rig.payments.execute(fail)))
    assert.deepEqual(rig.transitions, ['closed > open @0'])
    assert.deepEqual([rig.snapshot.openRemainingMs, rig.snapshot.totals.failures], [10_000, 1000])
  })

  it('that fail together as probes re-open it once', async () => {
    const rig = new Rig({ ...options, halfOpenCalls: 100, openForFactor: 2 }).play('failure x2, +10s')
    await Promise.allSettled(Array.from({ length: 1000 }, () => rig.payments.execute(fail)))
    assert.deepEqual(rig.transitions.slice(2), ['half-open > open @10000'])
    assert.deepEqual([rig.snapshot.openRemainingMs, rig.snapshot.reopenings], [20_000, 1])
  })
})

describe('a share of the window', () => {
  // Pairs whose product is not exact in binary: 0.07 * 100 is 7.000000000000001.
  const shares = [
    [0.07, 7, 100],
    [0.14, 7, 50],
    [0.28, 7, 25],
    [0.56, 14, 25],
    [0.1, 3, 30],
    [0.55, 55, 100],
    [0.57, 57, 100],
    [1, 10, 10],
  ] as const
  for (const [ratio, failures, calls] of shares) {
    it(`of exactly ${ratio} opens: ${failures} of ${calls}`, () => {
      const byFailures = new Rig({ failureRatio: ratio, window: calls, minimumThroughput: calls })
      assert.equal(byFailures.play(`success x${calls - failures}, failure x${failures - 1}`).state, 'closed')
      assert.equal(byFailures.play('failure').state, 'open')
      const bySlowCalls = new Rig({
        slowCallRatio: ratio,
        slowCallDuration: 100,
        window: calls,
        minimumThroughput: calls,
      })
      bySlowCalls.play(`success x${calls - failures}, slow success x${failures - 1}`)
      assert.equal(bySlowCalls.state, 'closed')
      assert.equal(bySlowCalls.play('slow success').state, 'open')
    })
  }

  it('is that of the last so many calls where the window is a count', () => {
    const rig = new Rig({ failureRatio: 0.5, window: 10 }).play('failure x4, success x10, failure x4')
    assert.deepEqual(rig.snapshot.window, { calls: 10, failures: 4, slow: 0 })
    assert.equal(rig.play('failure').state, 'open')
  })

  it('is that of the last so much time where the window is a duration', () => {
    const rig = new Rig({ failureRatio: 0.5, window: '10s' }).play('failure x9, +1h, failure x9')
    assert.deepEqual([rig.state, rig.snapshot.window], ['closed', { calls: 9, failures: 9, slow: 0 }])
    assert.equal(rig.play('failure').state, 'open')
  })

  it('holds successes and failures of the same time, later than the zero of the clock', () => {
    const rig = new Rig({ failureRatio: 0.5, window: '10s' }).play('+1h, success x6, failure x5')
    assert.deepEqual([rig.state, rig.snapshot.window], ['closed', { calls: 11, failures: 5, slow: 0 }])
    assert.equal(rig.play('failure').state, 'open')
  })

  it('holds each call of a pipeline as slow or not by its own time, also of those that run together', async () => {
    const rig = new Rig({ slowCallRatio: 1, slowCallDuration: '1s', minimumThroughput: 10 })
    const run = (ms: number): Promise<void> =>
      rig.payments.execute(() => new Promise((resolve) => void rig.clock.setTimer(resolve, ms)))
    const first = run(1500)
    await rig.clock.advance(700)
    const others = [run(200), run(999), run(1000)]
    await rig.clock.advance(2000)
    await Promise.all([first, ...others])
    assert.deepEqual(rig.snapshot.window, { calls: 4, failures: 0, slow: 2 })
  })

  it('leaves a refusal by a gate further in out', async () => {
    const rig = new Rig({ failureRatio: 0.1, minimumThroughput: 1 })
    const guarded = pipeline({ clock: rig.clock }, rig.breaker, bulkhead({ maxInFlight: 1 }))
    const { promise, resolve } = Promise.withResolvers<void>()
    const holding = guarded.execute(() => promise)
    for (let call = 0; call < 50; call++)
      await assert.rejects(guarded.execute(mustNotRun), { code: 'SG_BULKHEAD_FULL' })
    resolve()
    await holding
    const { window, totals } = rig.snapshot
    assert.deepEqual([window.calls, totals.ignored, totals.failures], [1, 50, 0])
  })
})

describe('a caller that goes away', () => {
  it('is nobody’s failure', async () => {
    const rig = new Rig({ ...options, consecutiveFailures: 1 })
    const controller = new AbortController()
    const answer = rig.payments.execute(() => new Promise(() => {}), { signal: controller.signal })
    controller.abort(new Error('gone'))
    await assert.rejects(answer, { message: 'gone' })
    assert.deepEqual([rig.state, rig.snapshot.totals.ignored, rig.snapshot.totals.failures], ['closed', 1, 0])
  })

  it('counts as slow when it waited that long', async () => {
    const rig = new Rig({ slowCallRatio: 1, slowCallDuration: '1s', minimumThroughput: 1 })
    for (const [waitMs, state] of [
      [999, 'closed'],
      [1000, 'open'],
    ] as const) {
      const controller = new AbortController()
      const answer = rig.payments.execute(() => new Promise(() => {}), { signal: controller.signal })
      await rig.clock.advance(waitMs)
      controller.abort(new Error('gone'))
      await assert.rejects(answer, { message: 'gone' })
      assert.equal(rig.state, state)
    }
  })

  it('gives its probe back', async () => {
    const rig = new Rig({ ...options, halfOpenCalls: 1 }).play('failure x2, +10s')
    for (let turn = 0; turn < 20; turn++) {
      const controller = new AbortController()
      const answer = rig.payments.execute(() => new Promise(() => {}), { signal: controller.signal })
      assert.equal(rig.snapshot.probesInFlight, 1)
      controller.abort()
      await assert.rejects(answer, { name: 'AbortError' })
      assert.deepEqual([rig.state, rig.snapshot.probesInFlight], ['half-open', 0])
    }
  })

  it('never runs when it had gone before', async () => {
    const rig = new Rig(options)
    await assert.rejects(rig.payments.execute(mustNotRun, { signal: AbortSignal.abort() }), { name: 'AbortError' })
    assert.deepEqual(rig.snapshot, new Rig(options).snapshot)
  })
})

describe('a call that is cut by a timeout further in', () => {
  it('is a failure: a hanging dependency opens its circuit', async () => {
    const rig = new Rig(options)
    const guarded = pipeline({ clock: rig.clock }, rig.breaker, timeout(100))
    for (let call = 0; call < 2; call++) {
      const answer = assert.rejects(
        guarded.execute(() => new Promise(() => {})),
        { code: 'SG_TIMEOUT' },
      )
      await rig.clock.advance(100)
      await answer
    }
    assert.equal(rig.state, 'open')
    assert.equal((rig.refused().cause as { code: string }).code, 'SG_TIMEOUT')
    assert.equal(rig.clock.pending, 0)
  })

  it('gives its probe back', async () => {
    const rig = new Rig({ ...options, halfOpenCalls: 1 }).play('failure x2, +10s')
    const guarded = pipeline({ clock: rig.clock }, rig.breaker, timeout(100))
    const answer = assert.rejects(
      guarded.execute(() => new Promise(() => {})),
      { code: 'SG_TIMEOUT' },
    )
    await rig.clock.advance(100)
    await answer
    assert.equal(rig.state, 'open')
    rig.play('+10s, begin a, refused, end a ignored, begin b')
  })
})

describe('a disabled breaker', () => {
  it('admits everybody and records nothing, not even in its totals', () => {
    const rig = new Rig({ ...options, slowCallRatio: 0.1, minimumThroughput: 1, slowCallDuration: 100 })
    rig.play('success, begin a, begin b, disable')
    const before = rig.snapshot
    rig.play('success x10, failure x10, ignored x10, slow failure, slow ignored')
    assert.deepEqual({ ...rig.snapshot, takenAt: before.takenAt }, before)
  })
})

describe('mode observe', () => {
  const observing: CircuitBreakerOptions = { ...options, mode: 'observe' }

  it('never rejects, publishes wouldReject, and transitions by every rule', () => {
    const rig = new Rig(observing).play(
      'failure x2, failure x3, +10s, begin a, begin b, failure x4, end a success, end b success',
    )
    assert.equal(rig.state, 'closed')
    assert.deepEqual(rig.transitions, ['closed > open @0', 'open > half-open @10000', 'half-open > closed @10000'])
    // Three while it was open, four beside the two probes: they ran and nothing was learned from them.
    assert.deepEqual([rig.count('wouldReject'), rig.count('rejected'), rig.snapshot.totals.rejections], [7, 0, 0])
  })

  it('never rejects in the ramp or isolated either', () => {
    const rig = new Rig({ ...observing, rampFor: '10s' })
    rig.chance = 0.99
    rig.play('failure x2, +10s, success x2, failure x50')
    assert.deepEqual([rig.state, rig.count('wouldReject')], ['half-open', 50])
    rig.play('isolate, success x5')
    const codes = rig.events.flatMap((event) => (event.type === 'wouldReject' ? [event.code] : []))
    assert.deepEqual(codes.slice(-6), ['SG_CIRCUIT_OPEN', ...Array.from({ length: 5 }, () => 'SG_CIRCUIT_ISOLATED')])
  })

  it('takes the same transitions at the same times as protect', () => {
    const script = 'failure x2, +10s, begin a, +3s, +10s, failure, +10s, success x2, failure x2'
    const [protects, observes] = [new Rig(options).play(script), new Rig(observing).play(script)]
    assert.deepEqual(observes.transitions, protects.transitions)
    assert.deepEqual(observes.state, protects.state)
  })

  it('runs every function of a pipeline', async () => {
    const rig = new Rig(observing).play('failure x2')
    assert.equal(await rig.payments.execute(() => 'ran'), 'ran')
    assert.equal(rig.state, 'open')
  })

  it('a call that ran beyond the rules changes nothing when it ends after a change to protect', () => {
    const rig = new Rig(observing).play('failure x2, +10s, begin a, begin b')
    const spectator = rig.begin()
    rig.breaker.update({ mode: 'protect' })
    spectator.end('failure', new Error('down'))
    assert.equal(rig.state, 'half-open')
    rig.refused()
    assert.equal(rig.snapshot.probesInFlight, 2)
  })
})

describe('a rejection', () => {
  it('is counted and published with its code and pipeline', () => {
    const rig = new Rig({ ...options, name: 'charges' }).play('failure x2, refused, isolate, refused')
    const rejected = rig.events.filter((event) => event.type === 'rejected')
    assert.deepEqual(rejected, [
      { type: 'rejected', policy: 'charges', pipeline: 'payments', code: 'SG_CIRCUIT_OPEN', state: 'open' },
      { type: 'rejected', policy: 'charges', pipeline: 'payments', code: 'SG_CIRCUIT_ISOLATED', state: 'isolated' },
    ])
    assert.equal(rig.snapshot.totals.rejections, 2)
  })

  it('counts in no window and in no outcome', () => {
    const rig = new Rig(options).play('failure x2, refused x10')
    const { successes, failures, ignored } = rig.snapshot.totals
    assert.deepEqual([successes, failures, ignored], [0, 2, 0])
  })
})

describe('a listener', () => {
  const script = 'failure x2, refused, +10s, failure, +10s, success x2, isolate, refused, release closed, success'

  it('that throws changes nothing, and is counted', () => {
    const [quiet, loud] = [new Rig(options), new Rig(options)]
    loud.breaker.events.subscribe(() => {
      throw new Error('listener')
    })
    quiet.play(script)
    loud.play(script)
    assert.deepEqual(loud.snapshot, quiet.snapshot)
    assert.deepEqual(loud.events, quiet.events)
    assert.equal(loud.breaker.events.listenerErrors, loud.events.length)
  })

  it('that throws is reported to onListenerError with the event, and then not counted', () => {
    const rig = new Rig(options)
    const thrown = new Error('listener')
    const reports: [unknown, PolicyEvent][] = []
    rig.breaker.events.onListenerError = (error, event) => reports.push([error, event])
    rig.breaker.events.subscribe(() => {
      throw thrown
    })
    rig.play(script)
    assert.deepEqual(
      reports,
      rig.events.map((event) => [thrown, event]),
    )
    assert.equal(rig.breaker.events.listenerErrors, 0)
  })

  it('whose reporter throws, too, is counted', () => {
    const rig = new Rig(options)
    rig.breaker.events.onListenerError = () => {
      throw new Error('reporter')
    }
    rig.breaker.events.subscribe(() => {
      throw new Error('listener')
    })
    rig.play('failure x2')
    assert.deepEqual([rig.state, rig.breaker.events.listenerErrors], ['open', 1])
  })

  it('sees the state that the event tells, already complete', () => {
    const rig = new Rig({ ...options, rampFor: '5s' })
    const seen: [CircuitState, CircuitState][] = []
    rig.breaker.events.subscribe((event) => {
      if (event.type === 'transition') seen.push([event.to, rig.breaker.state])
    })
    rig.play('failure x2, +10s, failure, +10s, success x2, +5s, look, isolate, disable, release')
    assert.equal(seen.length, 9)
    for (const [told, read] of seen) assert.equal(read, told)
  })

  it('may call back into the breaker: its word is the last', () => {
    const rig = new Rig(options)
    rig.breaker.events.subscribe((event) => {
      if (event.type === 'transition' && event.to === 'open') rig.breaker.isolate('by a listener')
    })
    rig.play('failure x2, +1h, refused')
    assert.deepEqual(rig.transitions, ['closed > open @0', 'open > isolated @0'])
  })

  it('that was removed hears nothing more', () => {
    const rig = new Rig(options)
    let heard = 0
    const stop = rig.breaker.events.subscribe(() => heard++)
    rig.play('failure x2')
    stop()
    rig.play('refused, isolate')
    assert.equal(heard, 1)
  })
})

describe('a breaker of two pipelines', () => {
  it('is one state for both', async () => {
    const clock = new VirtualClock()
    const breaker = circuitBreaker(options)
    const [charges, refunds] = ['charges', 'refunds'].map((name) => pipeline({ name, clock }, breaker))
    await assert.rejects(charges?.execute(fail) ?? mustNotRun())
    await assert.rejects(refunds?.execute(fail) ?? mustNotRun())
    await assert.rejects(charges?.execute(mustNotRun) ?? mustNotRun(), { code: 'SG_CIRCUIT_OPEN', pipeline: 'charges' })
    await assert.rejects(refunds?.execute(mustNotRun) ?? mustNotRun(), { code: 'SG_CIRCUIT_OPEN', pipeline: 'refunds' })
  })

  it('keeps the time and the chance of the first', () => {
    const rig = new Rig({ ...options, jitter: 1 })
    pipeline({ clock: new VirtualClock({ now: 1e9 }), random: () => 0 }, rig.breaker)
    rig.play('failure x2, +9999ms')
    assert.deepEqual([rig.transitions, rig.snapshot.openRemainingMs], [['closed > open @0'], 1])
  })

  it('carries what remains of an open time over to the clock of its first pipeline', () => {
    const breaker = circuitBreaker(options)
    breaker.restore({ ...new Rig(options).play('failure x2').snapshot, takenAt: Date.now() })
    pipeline({ clock: new VirtualClock({ now: 5 }) }, breaker)
    const { openRemainingMs } = breaker.snapshot()
    assert.ok(openRemainingMs > 5000 && openRemainingMs <= 10_000, `${openRemainingMs} ms remain of 10 s`)
  })
})
