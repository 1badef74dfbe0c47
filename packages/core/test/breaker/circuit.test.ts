// The law, one table per state: how the circuit got there, what happens, and the state in which it is then.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CircuitBreakerOptions } from '../../src/index.ts'
import { Rig, slowMs } from './rig.ts'

const options: CircuitBreakerOptions = {
  consecutiveFailures: 3,
  slowCallRatio: 0.5,
  slowCallDuration: slowMs,
  window: '10s',
  minimumThroughput: 4,
  openFor: '30s',
  halfOpenCalls: 2,
  successesToClose: 2,
  probeTimeout: '10s',
  rampFor: '10s',
}

/** What happens (a test's name), how (a script), the state afterwards, and options that differ. */
type Row = readonly [what: string, script: string, state: string, differing?: CircuitBreakerOptions]

const arrive = {
  closed: '',
  open: 'failure x3',
  probing: 'failure x3, +30s',
  ramp: 'failure x3, +30s, success x2',
  isolated: 'isolate',
  disabled: 'disable',
} as const

const tables: Readonly<Record<keyof typeof arrive, readonly Row[]>> = {
  closed: [
    ['stays closed below the threshold', 'failure x2', 'closed'],
    ['opens at the threshold: it is inclusive', 'failure x3', 'open'],
    ['starts the row again after a success', 'failure x2, success, failure x2', 'closed'],
    [
      'starts the row again after a success where no call is timed',
      'failure x2, success, failure x2',
      'closed',
      { slowCallRatio: undefined },
    ],
    [
      'starts the row again after a success where only failures have a window',
      'failure x2, success, failure x2',
      'closed',
      { slowCallRatio: undefined, failureRatio: 1 },
    ],
    ['keeps the row over an ignored call', 'failure x2, ignored, failure', 'open'],
    ['keeps the row over any time', 'failure x2, +1h, failure', 'open'],
    ['opens at the first failure where the threshold is 1', 'failure', 'open', { consecutiveFailures: 1 }],
    ['never opens by failures where that trigger is off', 'failure x50', 'closed', { consecutiveFailures: false }],
    ['opens at the share of slow calls: it is inclusive', 'success x2, slow success x2', 'open'],
    ['stays closed below the share', 'success x3, slow success x2', 'closed'],
    ['stays closed below the minimum throughput', 'slow success x3', 'closed'],
    ['opens at the minimum throughput: it is inclusive', 'slow success x4', 'open'],
    ['is not opened by a fast success that completes the throughput', 'slow success x3, success x9', 'closed'],
    ['is opened by the next slow call after that', 'slow success x3, success, slow success', 'open'],
    ['is opened by the next failure after that', 'slow success x3, success, failure', 'open'],
    ['takes no throughput from ignored calls', 'slow success x3, ignored x50', 'closed'],
    ['counts an abort that came late as slow', 'slow success x3, slow ignored', 'open'],
    ['counts a failure that came late as slow', 'slow success x3, slow failure', 'open'],
    [
      'counts slowCallDuration as slow: it is inclusive',
      'begin a, +100ms, end a success',
      'open',
      { minimumThroughput: 1 },
    ],
    ['does not count less as slow', 'begin a, +99ms, end a success', 'closed', { minimumThroughput: 1 }],
    ['times no call where slow calls are no trigger', 'slow success x50', 'closed', { slowCallRatio: undefined }],
    ['is not opened by ignored calls', 'ignored x50', 'closed'],
    [
      'is not opened by a late abort where slow calls are no trigger',
      'slow ignored x50',
      'closed',
      { slowCallRatio: undefined },
    ],
    ['forgets slow calls that left the window', 'slow success x3, +10s, slow success', 'closed'],
    ['is not changed by time', '+24h', 'closed'],
    ['can be isolated', 'isolate, refused', 'isolated'],
    ['can be disabled', 'disable, admitted', 'disabled'],
    ['is not changed by a release', 'release, release open, admitted', 'closed'],
    ['keeps its row over a release', 'failure x2, release closed, failure', 'open'],
  ],
  open: [
    ['refuses everybody', 'refused x50', 'open'],
    ['refuses until just before openFor', '+29999ms, refused', 'open'],
    ['is half-open at exactly openFor: it is inclusive', '+30s', 'half-open'],
    ['is half-open however late one looks', '+24h', 'half-open'],
    ['admits the call that comes at exactly openFor', '+30s, admitted', 'half-open'],
    ['is not prolonged by the calls that it refuses', '+15s, refused x50, +15s, admitted', 'half-open'],
    ['can be isolated, and time does not end that', 'isolate, +24h, refused', 'isolated'],
    ['can be disabled, and time does not end that', 'disable, +24h, admitted', 'disabled'],
    ['is not changed by a release', 'release, release closed, refused', 'open'],
  ],
  probing: [
    ['admits halfOpenCalls and refuses the rest', 'begin a, begin b, refused x50', 'half-open'],
    ['gives a slot back at the exit', 'begin a, begin b, end a success, begin c, refused', 'half-open'],
    [
      'keeps a slot until the exit, not until the result',
      'begin a, begin b, settle a success, refused, exit a, begin c',
      'half-open',
    ],
    ['gives the slot of an ignored probe back', 'begin a, begin b, end a ignored, begin c, refused', 'half-open'],
    ['waits for as long as nobody calls', '+24h', 'half-open'],
    ['is re-opened by the first failure', 'failure', 'open'],
    ['is re-opened by a failure after a success', 'success, failure', 'open'],
    ['is re-opened by a failure although others are in flight', 'begin a, begin b, end b failure, refused', 'open'],
    ['is re-opened by a failure that came late', 'slow failure', 'open'],
    ['is re-opened by a slow success', 'slow success', 'open'],
    ['is re-opened by an abort that came late', 'slow ignored', 'open'],
    [
      'is not re-opened by a slow success where slow calls are no trigger',
      'slow success',
      'half-open',
      { slowCallRatio: undefined },
    ],
    ['learns nothing from ignored probes', 'ignored x50', 'half-open'],
    ['closes at successesToClose', 'success x2', 'closed', { rampFor: 0 }],
    ['does not close before', 'success, ignored x50', 'half-open', { rampFor: 0 }],
    [
      'closes by more successes than slots',
      'success x5',
      'closed',
      { rampFor: 0, halfOpenCalls: 1, successesToClose: 5 },
    ],
    ['begins the ramp where there is one', 'success x2, +10s', 'closed'],
    ['waits for a probe until just before probeTimeout', 'begin a, +9999ms', 'half-open'],
    ['is re-opened by a probe that has not settled at probeTimeout', 'begin a, +10s', 'open'],
    ['takes the time out of the oldest probe', 'begin a, +6s, begin b, +4s', 'open'],
    ['does not time a probe out that has settled and is still read', 'begin a, settle a success, +15s', 'half-open'],
    [
      'times the second probe out after the first has ended',
      'begin a, +6s, begin b, end a ignored, +9999ms, look, +1ms',
      'open',
    ],
    ['stays re-opened until just before openFor after the time out', 'begin a, +39999ms', 'open'],
    ['is half-open again openFor after the time out', 'begin a, +40s', 'half-open'],
    [
      'learns nothing from a probe after its time out',
      'begin a, +40s, end a success, success',
      'half-open',
      { rampFor: 0 },
    ],
    ['takes a broken body after a success as a failure', 'begin a, settle a success, settle a failure', 'open'],
    ['can be isolated', 'begin a, isolate, end a success, refused', 'isolated'],
    ['can be disabled', 'begin a, disable, end a failure, admitted', 'disabled'],
    ['is not changed by a release', 'release closed', 'half-open'],
  ],
  ramp: [
    ['lasts until just before rampFor', '+9999ms', 'half-open'],
    ['closes at exactly rampFor: it is inclusive', '+10s', 'closed'],
    ['closes however late one looks', '+24h', 'closed'],
    ['is not re-opened by a single failure: the triggers of closed decide', 'failure x2', 'half-open'],
    ['is re-opened at the threshold', 'failure x3', 'open'],
    ['is re-opened by the share of slow calls', 'slow success x4', 'open'],
    ['is not re-opened below the minimum throughput', 'slow success x3', 'half-open'],
    ['is not closed by successes', 'success x50', 'half-open'],
    ['has no limit of calls in flight', 'begin a, begin b, begin c, begin d, begin e', 'half-open'],
    ['has no probe timeout', 'begin a, +9999ms', 'half-open', { probeTimeout: '1s' }],
    ['can be isolated', 'isolate, +24h, refused', 'isolated'],
    ['can be disabled', 'disable, +24h, admitted', 'disabled'],
  ],
  isolated: [
    ['refuses everybody', 'refused x50', 'isolated'],
    ['is not changed by time', '+24h, refused', 'isolated'],
    ['can be isolated again', 'isolate, refused', 'isolated'],
    ['can be disabled', 'disable, admitted', 'disabled'],
    ['is released to half-open by default', 'release, begin a, begin b, refused', 'half-open'],
    ['is released to half-open', 'release half-open, failure', 'open'],
    ['is released to closed', 'release closed, failure x2', 'closed'],
    ['is released to open, for openFor', 'release open, refused, +29999ms, refused', 'open'],
    ['is released to open, which ends', 'release open, +30s', 'half-open'],
  ],
  disabled: [
    ['admits everybody', 'admitted x50', 'disabled'],
    ['is not opened by failures', 'failure x50', 'disabled'],
    ['is not opened by slow calls', 'slow success x50', 'disabled'],
    ['is not changed by time', 'begin a, +24h, end a failure', 'disabled'],
    ['can be isolated', 'isolate, refused', 'isolated'],
    ['is released to half-open by default', 'failure x50, release, begin a, begin b, refused', 'half-open'],
    ['is released to closed, with nothing on record', 'failure x50, release closed, failure x2', 'closed'],
    ['is released to open', 'release open, refused', 'open'],
  ],
}

for (const [from, rows] of Object.entries(tables)) {
  describe(`a circuit that is ${from}`, () => {
    for (const [what, script, state, differing] of rows) {
      it(what, () => {
        const rig = new Rig({ ...options, ...differing })
        rig.chance = 0
        rig.play(arrive[from as keyof typeof arrive]).play(script)
        assert.equal(rig.state, state)
      })
    }
  })
}

describe('a result of an earlier generation', () => {
  // `a` begins first; then the circuit moves on; then `a` ends and must change nothing.
  const rows: readonly Row[] = [
    [
      'failure opens nothing after the ramp was complete',
      'success x2, begin a, +10s, failure x2, end a failure',
      'closed',
    ],
    ['failure re-opens nothing in the next phase', 'begin a, success x2, failure x2, end a failure', 'half-open'],
    [
      'success closes nothing after a re-opening',
      'begin a, failure, end a success, +30s, success',
      'half-open',
      { rampFor: 0 },
    ],
    [
      'success counts not for the next probing',
      'begin a, failure, +30s, end a success, success',
      'half-open',
      { rampFor: 0 },
    ],
    ['failure re-opens not the next probing', 'begin a, failure, +30s, end a failure', 'half-open'],
    [
      'success breaks no row after closing',
      'begin a, success x2, failure x2, end a success, failure',
      'open',
      { rampFor: 0 },
    ],
    [
      'failure lengthens no row after closing',
      'begin a, success x2, failure x2, end a failure',
      'closed',
      { rampFor: 0 },
    ],
    ['failure re-opens nothing after isolate and release', 'begin a, isolate, release, end a failure', 'half-open'],
    [
      'success closes nothing after isolate and release',
      'begin a, isolate, release, success, end a success',
      'half-open',
      { rampFor: 0 },
    ],
    [
      'failure counts not after isolate and release to closed',
      'begin a, isolate, release closed, failure x2, end a failure',
      'closed',
    ],
    [
      'failure counts not after disable and release to closed',
      'disable, begin a, release closed, failure x2, end a failure',
      'closed',
    ],
    ['failure changes an isolated circuit not', 'begin a, isolate, end a failure', 'isolated'],
    [
      'late success is not slow for the next generation',
      'begin a, +9s, success x2, +9s, end a success',
      'half-open',
      { minimumThroughput: 1, slowCallRatio: 1 },
    ],
    [
      'exit frees no slot of the next probing',
      'begin a, failure, +30s, begin b, begin c, end a ignored, refused',
      'half-open',
    ],
  ]
  for (const [what, script, state, differing] of rows) {
    it(what, () => {
      const rig = new Rig({ ...options, ...differing })
      rig.chance = 0
      rig.play(arrive.probing).play(script)
      assert.equal(rig.state, state)
    })
  }

  it('changes nothing that a snapshot shows but the totals, whatever has happened since', () => {
    for (const since of [
      '',
      'success',
      'success x2',
      'success x2, +1s',
      'success x2, +10s',
      'failure',
      'isolate',
      'disable',
    ]) {
      for (const outcome of ['success', 'failure', 'ignored'] as const) {
        const rig = new Rig(options)
        rig.chance = 0
        const stale = rig.begin()
        rig.play(`${arrive.probing}, +1s, ${since}`)
        const { totals: _before, ...before } = rig.snapshot
        stale.end(outcome)
        const { totals: _after, ...after } = rig.snapshot
        assert.deepEqual(after, before, `${outcome} after '${since}'`)
      }
    }
  })
})

describe('after every transition', () => {
  const transitions = [
    ['to open', 'failure x2, slow success, success, failure x3', 'open'],
    ['to probing', 'slow success, failure x3, +30s', 'half-open'],
    ['to the ramp', 'failure x3, +30s, success x2', 'half-open'],
    ['to closed by a ramp with failures', 'failure x3, +30s, success x2, slow success, failure x2, +10s', 'closed'],
    ['to isolated', 'slow success, failure x2, isolate', 'isolated'],
    ['to disabled', 'slow success, failure x2, disable', 'disabled'],
    ['to closed by a release', 'slow success, failure x2, isolate, release closed', 'closed'],
  ] as const
  for (const [what, script, state] of transitions) {
    it(`the window and the row are empty: ${what}`, () => {
      const rig = new Rig(options)
      rig.chance = 0
      rig.play(script)
      const { window, consecutiveFailures, probesInFlight } = rig.snapshot
      assert.equal(rig.state, state)
      assert.deepEqual([window, consecutiveFailures, probesInFlight], [{ calls: 0, failures: 0, slow: 0 }, 0, 0])
    })
  }

  it('slow calls from before it do not help to trip', () => {
    const rig = new Rig(options)
    rig.chance = 0
    rig.play('slow success x3, isolate, release closed, slow success x3')
    assert.equal(rig.state, 'closed')
    assert.deepEqual(rig.snapshot.window, { calls: 3, failures: 0, slow: 3 })
  })
})

describe('the ramp', () => {
  const shares = [
    [0, 0.1],
    [2500, 0.325],
    [5000, 0.55],
    [7500, 0.775],
    [9999, 0.99991],
  ] as const
  for (const [ms, share] of shares) {
    it(`admits a share of ${share} after ${ms} ms of 10 s`, () => {
      const rig = new Rig(options)
      rig.play(`${arrive.ramp}, +${ms}ms`)
      rig.chance = share - 1e-6
      rig.play('admitted')
      rig.chance = share + 1e-6
      rig.play('refused')
      assert.equal(rig.refused().retryAfterMs, undefined)
    })
  }

  it('asks chance for each call and nothing else does where there is no jitter', () => {
    const rig = new Rig(options)
    rig.chance = 0.999
    rig.play(`${arrive.ramp}, refused x50, +10s, admitted x50`)
    assert.equal(rig.state, 'closed')
  })

  it('grows the open time when it re-opens, as probing does', () => {
    const rig = new Rig({ ...options, openForFactor: 2 })
    rig.chance = 0
    rig.play(`${arrive.ramp}, failure x3`)
    assert.equal(rig.snapshot.openRemainingMs, 60_000)
    assert.equal(rig.snapshot.reopenings, 1)
  })
})

/** The open times of `times` re-openings in a row. */
function openTimes(rig: Rig, times: number): number[] {
  const found: number[] = []
  for (let time = 0; time < times; time++) {
    rig.play('failure')
    const { openRemainingMs } = rig.snapshot
    found.push(openRemainingMs)
    rig.clock.advanceSync(openRemainingMs)
  }
  return found
}

describe('the open time', () => {
  const growing: CircuitBreakerOptions = { consecutiveFailures: 1, openFor: '10s', openForFactor: 2, openForMax: '60s' }

  it('does not grow by default', () => {
    assert.deepEqual(openTimes(new Rig({ consecutiveFailures: 1 }), 4), [5000, 5000, 5000, 5000])
  })

  it('grows with each re-opening in a row, up to openForMax', () => {
    assert.deepEqual(openTimes(new Rig(growing), 5), [10_000, 20_000, 40_000, 60_000, 60_000])
  })

  it('stays at openForMax however often it re-opens', () => {
    const times = openTimes(new Rig({ ...growing, openForFactor: 100 }), 500)
    assert.equal(times.at(-1), 60_000)
  })

  it('grows by hung probes as by failed ones', () => {
    const rig = new Rig({ ...growing, probeTimeout: '1s' }).play('failure, +10s, begin a, +1s')
    assert.equal(rig.snapshot.openRemainingMs, 20_000)
  })

  it('starts again at openFor after it was closed', () => {
    const rig = new Rig({ ...growing, successesToClose: 1 })
    openTimes(rig, 3)
    rig.play('success, failure')
    assert.deepEqual([rig.snapshot.openRemainingMs, rig.snapshot.reopenings], [10_000, 0])
  })

  it('starts again at openFor after it was closed by a release', () => {
    const rig = new Rig(growing)
    openTimes(rig, 3)
    rig.play('isolate, release closed, failure')
    assert.equal(rig.snapshot.openRemainingMs, 10_000)
  })

  it('knows nothing of an earlier outage once it was closed', () => {
    const rig = new Rig({ ...growing, successesToClose: 1 })
    openTimes(rig, 3)
    rig.play('success')
    assert.equal(rig.snapshot.reopenings, 0)
    rig.play('isolate, release, failure')
    assert.equal(rig.snapshot.openRemainingMs, 20_000, 'the first re-opening')
  })

  it('starts again at openFor when it is opened by a release', () => {
    const rig = new Rig(growing)
    openTimes(rig, 3)
    rig.play('isolate, release open')
    assert.deepEqual([rig.snapshot.openRemainingMs, rig.snapshot.reopenings], [10_000, 0])
  })

  it('goes on growing over an isolation that is released to half-open', () => {
    const rig = new Rig(growing)
    openTimes(rig, 2)
    rig.play('isolate, release, failure')
    assert.equal(rig.snapshot.openRemainingMs, 40_000)
  })

  it('is spread by jitter around openForMax as well, downwards', () => {
    const rig = new Rig({ ...growing, jitter: 0.25 })
    rig.chance = 0
    assert.deepEqual(openTimes(rig, 5), [7500, 15_000, 30_000, 45_000, 45_000])
  })

  const jittered = [
    [0, 7500],
    [0.25, 8750],
    [0.5, 10_000],
    [0.75, 11_250],
  ] as const
  for (const [chance, ms] of jittered) {
    it(`is ${ms} ms where chance is ${chance} and a quarter of 10 s is jitter`, () => {
      const rig = new Rig({ ...growing, jitter: 0.25 })
      rig.chance = chance
      assert.deepEqual(openTimes(rig, 1), [ms])
    })
  }

  it('is never longer than openForMax, jitter or not', () => {
    const rig = new Rig({ ...growing, jitter: 1, openForMax: '15s' })
    rig.chance = 0.999
    assert.deepEqual(openTimes(rig, 3), [15_000, 15_000, 15_000])
  })

  it('is never negative, even where jitter takes all of it', () => {
    const rig = new Rig({ ...growing, jitter: 1 })
    rig.chance = 0
    rig.play('failure')
    assert.equal(rig.state, 'half-open')
    assert.deepEqual(rig.transitions, ['closed > open @0', 'open > half-open @0'])
  })
})
