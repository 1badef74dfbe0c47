// What a throttle takes over from a snapshot: the counts, by priority, as old as they are by now; and nothing from
// garbage.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pipeline } from '../src/index.ts'
import type { ThrottleSnapshot } from '../src/snapshot.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { throttle } from '../src/throttle.ts'
import { Rig } from './throttle-rig.ts'
import { codeOf } from './watch.ts'

test('a restart takes over the counts with their age, by priority', () => {
  const rig = new Rig({ window: '10s' })
  rig.calls(20, 'failure', 3)
  rig.clock.advanceSync(5000)
  rig.calls(20, 'failure', 3)
  rig.calls(20, 'success', 0)
  const snapshot = JSON.parse(JSON.stringify(rig.gate.snapshot())) as ThrottleSnapshot
  for (const [passedMs, requests] of [
    [0, 60],
    [4000, 60],
    [5000, 40],
    [9000, 40],
    [10_000, 0],
    [3_600_000, 0],
    [-3_600_000, 60],
  ] as const) {
    const clock = new VirtualClock({ now: 77_000, wallOffset: rig.clock.wallNow() + passedMs - 77_000 })
    const gate = throttle({ window: '10s' })
    pipeline({ clock }, gate)
    gate.restore(snapshot)
    assert.equal(gate.snapshot().requests, requests, `${passedMs} ms later`)
    if (passedMs !== 0) continue
    assert.deepEqual(gate.snapshot().priorities, snapshot.priorities)
    assert.deepEqual([gate.snapshot().refusalChance, gate.snapshot().totals.admitted], [40 / 41, 0])
    clock.advanceSync(5000)
    assert.equal(gate.snapshot().requests, 40)
  }
})

test('what was restored before the first pipeline keeps its age on its clock', () => {
  const gate = throttle({ window: '10m' })
  const rig = new Rig({ window: '10m' })
  rig.calls(50, 'failure')
  gate.restore({ ...rig.gate.snapshot(), takenAt: 1e15 })
  const clock = new VirtualClock({ now: 123_456_789 })
  pipeline({ clock }, gate)
  assert.equal(gate.snapshot().requests, 50)
  clock.advanceSync(300_000)
  assert.equal(gate.snapshot().requests, 50)
  clock.advanceSync(400_000)
  assert.equal(gate.snapshot().requests, 0)
})

const sound: ThrottleSnapshot = throttle().snapshot()
const counts = (count: unknown): unknown => ({ ...sound, priorities: [[count], [], [], []] })
const garbage: unknown[] = [
  undefined,
  null,
  'text',
  {},
  { ...sound, version: 2 },
  { ...sound, policy: 'shed' },
  { ...sound, takenAt: 'now' },
  { ...sound, priorities: undefined },
  { ...sound, priorities: [[], [], []] },
  { ...sound, priorities: [[], [], [], 5] },
  counts(null),
  counts([0, 5]),
  counts([-1, 5, 5]),
  counts([0, 5, 6]),
  counts([0, 0.5, 0]),
  counts([0, Number.NaN, 0]),
  counts([0, Infinity, 0]),
]
for (const [index, snapshot] of garbage.entries()) {
  test(`garbage ${index} is not restored and changes nothing`, () => {
    const rig = new Rig()
    rig.calls(15, 'failure')
    assert.throws(
      () => rig.gate.restore(snapshot as ThrottleSnapshot),
      (error) => codeOf(error) === 'SG_BAD_OPTIONS',
    )
    assert.equal(rig.gate.snapshot().requests, 15)
  })
}
