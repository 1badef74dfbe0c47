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
  it('opens when half of at least 10 calls failed', () => {
    const rig = new Rig(recommended()).play('success x5, failure x4')
    assert.equal(rig.state, 'closed')
    rig.play('failure')
    assert.equal(rig.state, 'open')
  })

  it('opens when half of at least 10 calls were slow', () => {
    const rig = new Rig({ ...recommended(), slowCallDuration: '100ms' }).play('success x5, slow success x4')
    assert.equal(rig.state, 'closed')
    rig.play('slow success')
    assert.equal(rig.state, 'open')
  })

  it('knows no row of failures', () => {
    assert.equal(new Rig(recommended()).play('failure x9').state, 'closed')
  })

  it('comes back in a ramp of 10 s', () => {
    const rig = new Rig(recommended())
    rig.chance = 0
    rig.play('failure x10, +30s, success x3, +9999ms')
    assert.equal(rig.state, 'half-open')
    rig.play('+1ms')
    assert.equal(rig.state, 'closed')
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
