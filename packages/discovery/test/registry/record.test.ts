// Records of two registries become one: the laws of the join, and what beats what.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type CatalogRecord, compareLives, join, stateOf } from '../../src/registry/record.ts'
import { hashOf } from '../../src/registry/secret.ts'
import { decodeRecord, encodeRecord, mostCounters } from '../../src/registry/wire.ts'
import { anyRecord, facts, seed } from './samples.ts'

const runs = { seed, numRuns: 2000 }

/** A vector without the zeros that mean the same as nothing, and in one order. */
function plain(record: CatalogRecord): unknown {
  const tidy = (beats: CatalogRecord['beats']): unknown => Object.entries(beats).toSorted()
  return { ...record, beats: tidy(record.beats), expiry: record.expiry === undefined ? undefined : tidy(record.expiry) }
}

function same(a: CatalogRecord, b: CatalogRecord): void {
  // Equal in everything that a record says: zeros in a vector say nothing.
  const dropZeros = (record: CatalogRecord): CatalogRecord => ({
    ...record,
    beats: Object.fromEntries(Object.entries(record.beats).filter(([, count]) => count > 0)),
    expiry:
      record.expiry === undefined
        ? undefined
        : Object.fromEntries(Object.entries(record.expiry).filter(([, count]) => count > 0)),
  })
  assert.deepEqual(plain(dropZeros(a)), plain(dropZeros(b)))
}

describe('the join of records', () => {
  test('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, anyRecord, (a, b, c) => {
        same(join(a, b), join(b, a))
        same(join(join(a, b), c), join(a, join(b, c)))
        assert.equal(join(a, a), a)
        const ab = join(a, b)
        assert.equal(join(ab, b), ab, 'what is in it adds nothing')
        assert.equal(join(ab, a), ab)
      }),
      runs,
    )
  })

  test('never lets a later incarnation lose, nor a deregistration within one', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, (a, b) => {
        const ab = join(a, b)
        assert.equal(ab.incarnation, Math.max(a.incarnation, b.incarnation))
        assert.ok(compareLives(ab, a) >= 0 && compareLives(ab, b) >= 0)
        for (const one of [a, b]) if (one.left && one.incarnation === ab.incarnation) assert.equal(stateOf(ab), 'left')
      }),
      runs,
    )
  })

  const base: CatalogRecord = {
    service: 'orders',
    id: 'a',
    incarnation: 1,
    edition: 0,
    secretHash: hashOf('x'),
    facts: facts(),
    beats: { r1: 5 },
    expiry: undefined,
    left: false,
    ready: true,
    turn: 0,
  }

  test('an expiry does not beat a heartbeat that its registry did not know of, whatever the counts', () => {
    const expired = { ...base, expiry: base.beats }
    assert.equal(stateOf(expired), 'expired')
    assert.equal(stateOf(join(expired, { ...base, beats: { r1: 5, r2: 1 } })), 'alive')
    assert.equal(stateOf(join(expired, { ...base, beats: { r1: 6 } })), 'alive')
    assert.equal(stateOf(join(expired, { ...base, beats: { r1: 4 } })), 'expired')
  })

  test('the later word on readiness holds, and of two at once the careful one', () => {
    const unready = { ...base, ready: false, turn: 1 }
    assert.equal(join(base, unready).ready, false)
    assert.equal(join(unready, { ...base, ready: true, turn: 2 }).ready, true)
    assert.equal(join({ ...base, turn: 1 }, unready).ready, false)
  })
})

describe('a record on the wire', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        assert.deepEqual(decodeRecord(encodeRecord(record)), record)
      }),
      { seed, numRuns: 300 },
    )
  })

  test('is refused with a word on what is wrong, whatever it is', () => {
    const good = JSON.parse(encodeRecord(fc.sample(anyRecord, { seed, numRuns: 1 })[0] as CatalogRecord)) as object
    const crowd = Object.fromEntries(Array.from({ length: mostCounters + 1 }, (_, n) => [`r${n}`, 1]))
    const wrong: [object, RegExp][] = [
      [{ version: 2 }, /record\.version/],
      [{ incarnation: -1 }, /record\.incarnation/],
      [{ beats: { r1: 0.5 } }, /record\.beats\.r1/],
      [{ beats: crowd }, /record\.beats/],
      [{ beats: undefined }, /record\.beats/],
      [{ secretHash: 'abc' }, /record\.secretHash/],
      [{ facts: null }, /record\.facts/],
      [{ service: '../x' }, /registration\.service/],
      [{ left: 1 }, /record\.left/],
    ]
    for (const [change, message] of wrong)
      assert.throws(() => decodeRecord(JSON.stringify({ ...good, ...change })), message)
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.throws(() => decodeRecord(text), Error)
      }),
      { seed, numRuns: 300 },
    )
  })
})
