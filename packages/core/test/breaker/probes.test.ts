// The slots of probes: never more than the limit, never one twice, and the oldest that still owes a result.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Probes } from '../../src/breaker/probes.ts'
import { seededRandom } from '../../src/testing/index.ts'

describe('probes', () => {
  it('take slots from 1 up to the limit, and none beyond', () => {
    const probes = new Probes()
    assert.deepEqual(
      [1, 2, 3, 4].map((now) => probes.take(now, 3)),
      [1, 2, 3, 0],
    )
    assert.equal(probes.inFlight, 3)
  })

  it('take a freed slot again', () => {
    const probes = new Probes()
    for (const now of [1, 2, 3]) probes.take(now, 3)
    probes.release(2)
    assert.deepEqual([probes.inFlight, probes.take(4, 3), probes.take(5, 3)], [2, 2, 0])
  })

  it('refuse beyond a limit that was lowered meanwhile, until enough have ended', () => {
    const probes = new Probes()
    for (const now of [1, 2, 3]) probes.take(now, 3)
    probes.release(1)
    assert.equal(probes.take(4, 1), 0)
    probes.release(2)
    assert.equal(probes.take(4, 1), 0)
    probes.release(3)
    assert.equal(probes.take(4, 1), 1)
  })

  it('tell the oldest that has not settled', () => {
    const probes = new Probes()
    assert.equal(probes.oldest(), Infinity)
    for (const now of [10, 20, 30]) probes.take(now, 3)
    assert.equal(probes.oldest(), 10)
    probes.settle(1)
    assert.equal(probes.oldest(), 20)
    probes.release(2)
    assert.equal(probes.oldest(), 30)
    probes.settle(3)
    assert.equal(probes.oldest(), Infinity)
  })

  it('hold the slot of a settled probe until it is released', () => {
    const probes = new Probes()
    const slot = probes.take(1, 1)
    probes.settle(slot)
    assert.equal(probes.take(2, 1), 0)
    probes.release(slot)
    assert.equal(probes.take(3, 1), 1)
    assert.equal(probes.oldest(), 3)
  })

  it('do not give the slot of a settled probe to another one', () => {
    const probes = new Probes()
    const slot = probes.take(1, 3)
    probes.settle(slot)
    assert.deepEqual([probes.take(2, 3), probes.take(3, 3)], [2, 3])
    assert.equal(probes.oldest(), 2)
  })

  it('never give one slot to two, in any order of 20 000 takes and releases', () => {
    const random = seededRandom(7)
    const probes = new Probes()
    const held = new Map<number, number>()
    let refused = 0
    for (let now = 0; now < 20_000; now++) {
      if (random() < 0.55) {
        const slot = probes.take(now, 1000)
        assert.ok(slot === 0 ? held.size === 1000 : !held.has(slot) && slot <= 1000)
        if (slot > 0) held.set(slot, now)
        else refused++
      } else if (held.size > 0) {
        const slot = [...held.keys()][Math.floor(random() * held.size)] as number
        probes.release(slot)
        held.delete(slot)
      }
      assert.equal(probes.inFlight, held.size)
      if (now % 500 === 0) assert.equal(probes.oldest(), Math.min(Infinity, ...held.values()))
    }
    assert.ok(refused > 0, 'the limit was reached')
  })
})
