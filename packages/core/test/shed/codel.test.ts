// CoDel's rule by itself: when a level is added, when one is taken back, and what is no overload.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { Codel } from '../../src/shed/codel.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const rules = { targetMs: 20, intervalMs: 100, most: 3 }

/** Tells of a delay every 5 ms and answers when the level changed, rounded up to those 5 ms. */
class Watched {
  now = 0
  readonly codel: Codel = new Codel(rules)
  for(ms: number, delayMs: number): string {
    const changes: string[] = []
    for (const until = this.now + ms; this.now < until;) {
      this.now += 5
      const before = this.codel.level
      this.codel.observe(delayMs, this.now)
      if (this.codel.level !== before) changes.push(`${this.codel.level} at ${this.now}`)
    }
    return changes.join(', ')
  }
}

describe('a delay that stays too long', () => {
  it('adds a level after an interval, then after interval / sqrt(n)', () => {
    // First seen at 5; 100 ms later, then 70.7, then 57.7.
    assert.equal(new Watched().for(500, 20), '1 at 105, 2 at 180, 3 at 240')
  })

  it('adds none while it falls below the target within every interval, however long it is otherwise', () => {
    const watched = new Watched()
    for (let time = 0; time < 50; time++) assert.equal(watched.for(95, 5000) + watched.for(5, 19.9), '')
  })

  it('adds none for one single long delay', () => {
    const codel = new Codel(rules)
    codel.observe(3000, 5000)
    codel.observe(0, 5010)
    codel.observe(3000, 9000)
    assert.equal(codel.level, 0)
  })

  it('is not the same when nothing was known in between', () => {
    const codel = new Codel(rules)
    for (let now = 1000; now < 20_000; now += 1000) codel.observe(50, now)
    assert.equal(codel.level, 0)
    // But a loop that stands still for so long each time is known to be late all along.
    const blocked = new Codel(rules)
    for (let now = 1000; now < 4000; now += 1000) blocked.observe(990, now)
    assert.equal(blocked.level, 2)
  })
})

describe('a delay below the target', () => {
  it('takes a level back at once, the others one per interval', () => {
    const watched = new Watched()
    watched.for(500, 50)
    assert.equal(watched.for(500, 5), '2 at 505, 1 at 605, 0 at 705')
  })

  it('takes none back twice within an interval, when the delay goes up and down', () => {
    const watched = new Watched()
    watched.for(500, 50)
    let taken = ''
    for (let time = 0; time < 9; time++) taken += watched.for(5, 5) + watched.for(5, 50)
    assert.equal(taken, '2 at 505')
  })

  it('is followed by a quicker level if it was no end, and by a whole interval after long calm', () => {
    const watched = new Watched()
    watched.for(500, 50)
    const steps = [watched.for(5, 5), watched.for(100, 50)]
    // Six steps were taken before: 100 / sqrt(7 or more) < 38 ms.
    assert.deepEqual(steps, ['2 at 505', '3 at 545'])
    watched.for(500 + 1700, 0)
    const begun = watched.now
    assert.equal(watched.for(110, 50), `1 at ${begun + 105}`)
  })

  it('is what silence means, after an interval of it', () => {
    const watched = new Watched()
    watched.for(500, 50)
    const levels: number[] = []
    for (let ms = 0; ms <= 400; ms += 50) {
      watched.codel.silent(500 + ms)
      levels.push(watched.codel.level)
    }
    assert.deepEqual(levels, [3, 3, 2, 2, 1, 1, 0, 0, 0])
    assert.equal(watched.codel.delayMs, 0)
  })
})

it('over random delays it is never wrong about the simple things', () => {
  const seen = { risen: 0, fallen: 0 }
  const delay = fc.record({
    pauseMs: fc.nat(150),
    delayMs: fc.constantFrom(0, 10, 19, 20, 25, 80, 400),
    often: fc.nat(12),
  })
  const property = fc.property(fc.array(delay, { maxLength: 60, size: 'max' }), (delays) => {
    const codel = new Codel(rules)
    let now = 0
    let lateSince: number | undefined
    for (const { pauseMs, delayMs, often } of delays) {
      for (let time = 0; time <= often; time++) {
        now += pauseMs
        const before = codel.level
        codel.observe(delayMs, now)
        if (delayMs < 20) lateSince = undefined
        else lateSince ??= now
        assert.ok(codel.level >= 0 && codel.level <= 3 && Math.abs(codel.level - before) <= 1)
        if (codel.level > before) {
          seen.risen++
          // Not before a quarter of the interval, which is the shortest spacing, without one timely delay.
          assert.ok(lateSince !== undefined && now - lateSince >= 100 / Math.sqrt(17))
        }
        if (codel.level < before) {
          seen.fallen++
          assert.ok(delayMs < 20)
        }
      }
    }
    for (let calm = 0; calm < 5; calm++) codel.observe(0, (now += 100))
    assert.equal(codel.level, 0)
  })
  fc.assert(property, { seed, numRuns: 2000 })
  assert.ok(seen.risen > 1000 && seen.fallen > 1000, JSON.stringify(seen))
})
