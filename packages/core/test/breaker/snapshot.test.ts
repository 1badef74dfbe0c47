// A snapshot is a plain copy that survives JSON, and `restore` continues from it in another process, later, honestly.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CircuitBreakerOptions, CircuitBreakerSnapshot } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Rig } from './rig.ts'

const options: CircuitBreakerOptions = {
  consecutiveFailures: 3,
  openFor: '30s',
  openForFactor: 2,
  halfOpenCalls: 2,
  successesToClose: 2,
  probeTimeout: '10s',
}

/** Takes a snapshot through JSON into a breaker of a new process, `passedMs` of wall time later. */
function move(from: Rig, passedMs = 0, differing?: CircuitBreakerOptions): Rig {
  const text = JSON.stringify(from.snapshot)
  // The new process has a monotonic clock of its own; only wall time connects the two.
  const now = 1_000_000
  const clock = new VirtualClock({ now, wallOffset: from.clock.wallNow() + passedMs - now })
  const to = new Rig({ ...options, ...differing }, clock)
  to.breaker.restore(JSON.parse(text) as CircuitBreakerSnapshot)
  return to
}

describe('a snapshot', () => {
  it('tells everything of a fresh breaker', () => {
    const rig = new Rig({ ...options, name: 'charges' })
    assert.deepEqual(rig.snapshot, {
      policy: 'circuitBreaker',
      version: 1,
      name: 'charges',
      state: 'closed',
      reopenings: 0,
      openRemainingMs: 0,
      takenAt: rig.clock.wallNow(),
      reason: 'new',
      mode: 'protect',
      consecutiveFailures: 0,
      window: { calls: 0, failures: 0, slow: 0 },
      probesInFlight: 0,
      slowFromMs: undefined,
      usualMs: undefined,
      totals: { successes: 0, failures: 0, ignored: 0, slow: 0, rejections: 0, transitions: 0, fleetErrors: 0 },
    })
  })

  it('applies what time has changed before it tells', () => {
    const rig = new Rig(options).play('failure x3, +12s')
    assert.deepEqual([rig.snapshot.state, rig.snapshot.openRemainingMs], ['open', 18_000])
    rig.play('+18s')
    assert.deepEqual([rig.snapshot.state, rig.snapshot.openRemainingMs], ['half-open', 0])
  })

  it('shows an idle hour: the time window is empty', () => {
    const rig = new Rig({ failureRatio: 0.5, window: '10s' }).play('success x3, failure x2')
    assert.deepEqual(rig.snapshot.window, { calls: 5, failures: 2, slow: 0 })
    rig.play('+1h')
    assert.deepEqual(rig.snapshot.window, { calls: 0, failures: 0, slow: 0 })
  })

  it('keeps a window of a count over an idle hour', () => {
    const rig = new Rig({ failureRatio: 0.5, window: 20 }).play('success x3, failure x2, +1h')
    assert.deepEqual(rig.snapshot.window, { calls: 5, failures: 2, slow: 0 })
  })

  it('counts probes in flight until they exit', () => {
    const rig = new Rig(options).play('failure x3, +30s')
    const [one, two] = [rig.begin(), rig.begin()]
    assert.equal(rig.snapshot.probesInFlight, 2)
    one.settle('success')
    assert.equal(rig.snapshot.probesInFlight, 2)
    one.exit()
    assert.equal(rig.snapshot.probesInFlight, 1)
    two.end('ignored')
    assert.equal(rig.snapshot.probesInFlight, 0)
  })

  it('totals only grow, over transitions, isolation and restore', () => {
    const rig = new Rig({ ...options, slowCallRatio: 1, slowCallDuration: 100 })
    rig.play('success x2, ignored, slow success, slow ignored, failure x3, refused x4, +30s, failure, isolate, refused')
    const expected = { successes: 3, failures: 4, ignored: 2, slow: 2, rejections: 5, transitions: 4, fleetErrors: 0 }
    assert.deepEqual(rig.snapshot.totals, expected)
    rig.breaker.restore(new Rig().snapshot)
    assert.deepEqual(rig.snapshot.totals, { ...expected, transitions: 5 })
  })

  it('counts a probe that did not end as a failure, once', () => {
    const rig = new Rig(options).play('failure x3, +30s, begin a, begin b, +10s')
    assert.deepEqual([rig.state, rig.snapshot.totals.failures], ['open', 4])
  })

  it('is a copy: later changes do not reach it', () => {
    const rig = new Rig(options)
    const { snapshot } = rig
    const before = structuredClone(snapshot)
    rig.play('success, failure x3')
    assert.deepEqual(snapshot, before)
  })

  it('says why, in words', () => {
    const reasons = (['failure x3', 'failure x3, +30s', 'isolate', 'isolate, release'] as const).map(
      (script) => new Rig(options).play(script).snapshot.reason,
    )
    assert.deepEqual(reasons, [
      '3 failures in a row',
      'the open time is over',
      'maintenance',
      'released by an operator',
    ])
  })
})

describe('restore', () => {
  const rows: readonly (readonly [
    what: string,
    script: string,
    passedMs: number,
    state: string,
    remainingMs: number,
  ])[] = [
    ['continues closed', 'failure x2', 0, 'closed', 0],
    ['continues open with what remains', 'failure x3, +10s', 0, 'open', 20_000],
    ['subtracts the wall time that has passed', 'failure x3, +10s', 15_000, 'open', 5000],
    ['is open until just before', 'failure x3, +10s', 19_999, 'open', 1],
    ['is half-open when just as much has passed', 'failure x3, +10s', 20_000, 'half-open', 0],
    ['is half-open however much has passed', 'failure x3, +10s', 86_400_000, 'half-open', 0],
    ['is not lengthened by a wall clock that was set back', 'failure x3, +10s', -3_600_000, 'open', 20_000],
    ['goes from half-open to half-open at once', 'failure x3, +30s, begin a, begin b', 0, 'half-open', 0],
    ['keeps isolated whatever time has passed', 'isolate', 86_400_000, 'isolated', 0],
    ['keeps disabled whatever time has passed', 'disable', 86_400_000, 'disabled', 0],
  ]
  for (const [what, script, passedMs, state, remainingMs] of rows) {
    it(what, () => {
      const rig = move(new Rig(options).play(script), passedMs)
      assert.deepEqual([rig.state, rig.snapshot.openRemainingMs, rig.clock.pending], [state, remainingMs, 0])
      // Clamped: nothing can have happened here before the restore.
      assert.deepEqual(
        rig.transitions.filter((transition) => !transition.endsWith(' @1000000')),
        [],
      )
    })
  }

  it('brings half-open back as open with nothing remaining: its probes are gone, new ones are let in', () => {
    const rig = move(new Rig(options).play('failure x3, +30s, begin a, begin b'))
    rig.play('begin a, begin b, refused, end a success, end b success')
    assert.equal(rig.state, 'closed')
    assert.deepEqual(rig.transitions, [
      'closed > open @1000000',
      'open > half-open @1000000',
      'half-open > closed @1000000',
    ])
  })

  it('brings a ramp back as open with nothing remaining', () => {
    const from = new Rig({ ...options, rampFor: '10s' }).play('failure x3, +30s, success x2, +5s')
    assert.equal(from.state, 'half-open')
    move(from, 0, { rampFor: '10s' }).play('begin a, begin b, refused')
  })

  it('keeps the growth', () => {
    const rig = move(new Rig(options).play('failure x3, +30s, failure'), 60_000).play('failure')
    assert.deepEqual([rig.snapshot.openRemainingMs, rig.snapshot.reopenings], [120_000, 2])
  })

  it('keeps the reason of an isolation', () => {
    assert.match(move(new Rig(options).play('isolate')).refused().message, /maintenance/)
  })

  it('begins with an empty window and an empty row', () => {
    const from = new Rig({ ...options, failureRatio: 0.9, window: 100 }).play('failure x2')
    const rig = move(from, 0, { failureRatio: 0.9, window: 100 }).play('failure x2')
    assert.deepEqual([rig.state, rig.snapshot.window.calls], ['closed', 2])
  })

  it('begins a generation: what ran before changes nothing', () => {
    const { snapshot } = new Rig(options)
    for (const outcome of ['success', 'failure'] as const) {
      const rig = new Rig(options).play('failure x3, +30s')
      const stale = rig.begin()
      rig.breaker.restore(snapshot)
      rig.play('failure x2')
      stale.end(outcome)
      assert.deepEqual([rig.state, rig.snapshot.consecutiveFailures], ['closed', 2], outcome)
    }
  })

  it('is one transition, told to listeners', () => {
    const rig = new Rig(options)
    rig.breaker.restore(new Rig(options).play('isolate').snapshot)
    assert.deepEqual(rig.transitions, ['closed > isolated @0'])
  })

  it('first applies what fell due before it, as every look does', () => {
    const rig = new Rig(options).play('failure x3, +45s')
    rig.breaker.restore(new Rig(options).snapshot)
    assert.deepEqual(rig.transitions, ['closed > open @0', 'open > half-open @30000', 'half-open > closed @45000'])
  })

  it('reads wall time only; a wall clock that jumps while nothing is restored changes nothing', () => {
    const rig = new Rig(options).play('failure x3, +10s')
    rig.clock.wallOffset -= 86_400_000
    assert.equal(rig.snapshot.openRemainingMs, 20_000)
    rig.play('+19999ms, refused, +1ms, begin a')
    rig.clock.wallOffset += 172_800_000
    rig.play('begin b, refused, +9999ms')
    assert.equal(rig.state, 'half-open')
    rig.play('+1ms')
    assert.equal(rig.state, 'open')
  })
})

describe('restore refuses', () => {
  const good = new Rig(options).play('failure x3').snapshot
  const garbage: readonly (readonly [string, unknown])[] = [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'open'],
    ['a list', []],
    ['an empty object', {}],
    ['a newer version', { ...good, version: 2 }],
    ['a version as text', { ...good, version: '1' }],
    ['an unknown state', { ...good, state: 'ajar' }],
    ['no state', { ...good, state: undefined }],
    ['a remaining time that is no number', { ...good, openRemainingMs: Number.NaN }],
    ['a remaining time as text', { ...good, openRemainingMs: '30000' }],
    ['an endless remaining time', { ...good, openRemainingMs: Infinity }],
    ['a negative remaining time', { ...good, openRemainingMs: -1 }],
    ['no time of its taking', { ...good, takenAt: null }],
    ['negative growth', { ...good, reopenings: -1 }],
    ['growth that is no count', { ...good, reopenings: 0.5 }],
    ['a reason that is no text', { ...good, reason: { toString: 'no' } }],
    ['a snapshot of another policy', { ...good, policy: 'bulkhead' }],
  ]
  for (const [what, snapshot] of garbage) {
    it(`${what}, and stays as it was`, () => {
      const rig = new Rig(options).play('failure x2')
      const before = rig.snapshot
      assert.throws(() => rig.breaker.restore(snapshot as CircuitBreakerSnapshot), { code: 'SG_BAD_OPTIONS' })
      assert.deepEqual(rig.snapshot, before)
      assert.deepEqual(rig.events, [])
      assert.equal(rig.play('failure').state, 'open')
    })
  }
})
