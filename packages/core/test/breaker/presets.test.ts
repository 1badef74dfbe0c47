// The presets keep the published numbers, and nobody shares an object with anybody.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  circuitBreaker,
  critical,
  database,
  flakyExternal,
  nonCritical,
  type PresetName,
  presets,
  recommended,
} from '../../src/index.ts'
import { Rig } from './rig.ts'

const published = [
  ['critical', critical, 5, 15_000],
  ['nonCritical', nonCritical, 10, 60_000],
  ['flakyExternal', flakyExternal, 3, 60_000],
  ['database', database, 5, 30_000],
] as const

for (const [name, preset, failures, openForMs] of published) {
  it(`${name} opens after ${failures} failures in a row, for ${openForMs} ms`, () => {
    const rig = new Rig(preset()).play(`failure x${failures - 1}`)
    assert.equal(rig.state, 'closed')
    rig.play('failure')
    assert.deepEqual([rig.state, rig.snapshot.openRemainingMs], ['open', openForMs])
    rig.play(`+${openForMs - 1}ms, refused, +1ms, admitted`)
  })
}

describe('recommended', () => {
  it('opens when six of at least 10 calls failed', () => {
    const rig = new Rig(recommended()).play('success x4, failure x5')
    assert.equal(rig.state, 'closed')
    rig.play('failure')
    assert.equal(rig.state, 'open')
  })

  it('stays closed while every second call fails, for half of the instances are well', () => {
    let script = ''
    for (let n = 0; n < 50; n++) script += 'success, failure, '
    assert.equal(new Rig(recommended()).play(script).state, 'closed')
  })

  it('opens after ten failures in a row, however many successes the window holds', () => {
    const rig = new Rig(recommended()).play('success x200, failure x9')
    assert.equal(rig.state, 'closed')
    rig.play('failure')
    assert.equal(rig.state, 'open')
  })

  it('opens when six of ten calls take eight times as long as usual', () => {
    const rig = new Rig(recommended()).play(`${'took 10ms success, '.repeat(30)}+11s`)
    rig.play(`${'took 10ms success, '.repeat(4)}${'took 79ms success, '.repeat(20)}+11s`)
    assert.equal(rig.state, 'closed')
    rig.play(`${'took 10ms success, '.repeat(4)}${'took 110ms success, '.repeat(5)}`)
    assert.equal(rig.state, 'closed')
    rig.play('took 110ms success')
    assert.deepEqual([rig.state, rig.snapshot.reason], ['open', '6 of 10 calls were slow'])
  })

  it('probes after half a second and comes back in a moment where all is well, in eight seconds where it is not', () => {
    for (const [took, least, most] of [
      ['10ms', 180, 260],
      ['40ms', 7900, 8100],
    ] as const) {
      const rig = new Rig(recommended()).play(`${'took 10ms success, '.repeat(300)}failure x10, +500ms`)
      rig.chance = 0
      rig.play(`took ${took} success, `.repeat(3))
      const begun = rig.clock.now()
      while (rig.state === 'half-open') rig.play(`took ${took} success, +10ms`)
      const ramp = rig.clock.now() - begun
      assert.ok(rig.state === 'closed' && ramp >= least && ramp <= most, `a ramp of ${ramp} ms at ${took}`)
    }
  })
})

describe('every preset', () => {
  it('is listed by its name', () => {
    assert.deepEqual(presets, { critical, nonCritical, flakyExternal, database, recommended })
  })

  for (const name of Object.keys(presets) as PresetName[]) {
    it(`${name} answers a fresh object that a breaker takes`, () => {
      const preset = presets[name]
      assert.notEqual(preset(), preset())
      assert.deepEqual(preset(), preset())
      assert.equal(circuitBreaker(preset()).state, 'closed')
    })
  }
})
