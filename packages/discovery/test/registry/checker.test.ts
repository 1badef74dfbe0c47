// When instances are looked at: phases, bounds, deadlines. On a virtual clock.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { Checker } from '../../src/registry/checks/checker.ts'
import type { Probe } from '../../src/registry/checks/probe.ts'
import { facts, seed } from './samples.ts'

const check = facts({ check: { kind: 'tcp' } }).check
assert.ok(check)
const target = { address: '127.0.0.1', tls: false, facts: check }

interface Told {
  readonly key: string
  readonly life: string
  readonly reason: string | undefined
  readonly at: number
}

function checkerOf(
  probe: Probe,
  maxConcurrent = 1000,
): { checker: Checker; clock: VirtualClock; told: Told[]; run: (ms: number) => Promise<void> } {
  const clock = new VirtualClock()
  const told: Told[] = []
  const checker = new Checker({
    clock,
    random: seededRandom(seed),
    probe,
    maxConcurrent,
    told: (key, life, passed, reason) => {
      assert.equal(passed, reason === undefined)
      told.push({ key, life, reason, at: clock.now() })
    },
  })
  const run = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 50) {
      checker.run()
      await clock.advance(50)
    }
  }
  return { checker, clock, told, run }
}

test('a thousand checks begin within a second, spread, and go on at their interval', async () => {
  const { checker, told, run } = checkerOf(async () => undefined)
  for (let n = 0; n < 1000; n++) checker.watch(`s/${n}`, 'life', target)
  await run(1050)
  assert.equal(told.length, 1000)
  const perSlot = Map.groupBy(told, ({ at }) => Math.floor(at / 100))
  for (const slot of perSlot.values()) assert.ok(slot.length < 200, `${slot.length} in a tenth of a second`)
  await run(60_000)
  const each = Map.groupBy(told, ({ key }) => key)
  for (const looks of each.values()) {
    assert.ok(looks.length >= 6 && looks.length <= 8)
    looks.forEach(({ at }, n) => {
      const gap = at - (looks[n - 1]?.at ?? at - 10_000)
      assert.ok(gap >= 8900 && gap <= 11_100, `${gap}`)
    })
  }
  assert.equal(checker.counts.passed, told.length)
  await checker.close()
})

test('no more than so many at once; one that hangs is cut off at its deadline and counts as a failure', async () => {
  let most = 0
  let now = 0
  const hanging: Probe = (_, signal) => {
    most = Math.max(most, ++now)
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        now--
        reject(signal.reason)
      })
    })
  }
  const { checker, told, run, clock } = checkerOf(hanging, 8)
  for (let n = 0; n < 20; n++) checker.watch(`s/${n}`, 'life', target)
  await run(2000)
  assert.equal(checker.counts.looking, 8)
  await run(6000)
  assert.equal(most, 8)
  assert.ok(told.length >= 20)
  assert.ok(told.every(({ reason }) => reason === 'tcp: no answer within 2000 ms'))
  await checker.close()
  assert.equal(now, 0)
  assert.equal(clock.pending, 0)
  assert.deepEqual(checker.counts, { instances: 0, looking: 0, passed: 0, failed: told.length })
})

test('nothing is told of one that is watched no longer, and another registration is looked at anew', async () => {
  const { checker, told, run } = checkerOf(async () => undefined)
  checker.watch('s/a', 'one', target)
  await run(1100)
  checker.watch('s/a', 'one', target)
  await run(1000)
  assert.equal(told.length, 1, 'the same registration keeps its times')
  checker.watch('s/a', 'two', target)
  await run(1100)
  assert.deepEqual(
    told.map(({ life }) => life),
    ['one', 'two'],
  )
  checker.unwatch('s/a')
  await run(30_000)
  assert.equal(told.length, 2)
  await checker.close()
})

test('a probe that throws is a failure with a brief reason', async () => {
  const { checker, told, run } = checkerOf(async () => {
    throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:8080'), { code: 'ECONNREFUSED' })
  })
  checker.watch('s/a', 'life', target)
  await run(1100)
  assert.equal(told[0]?.reason, 'tcp: ECONNREFUSED')
  await checker.close()
})
