// The load shedder on the host's own event loop, with wide margins, and in whole processes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextLoop, setTimeout as pause } from 'node:timers/promises'
import { pipeline } from '../../src/index.ts'
import { shed } from '../../src/shed/shed.ts'
import { runFixture } from '../program.ts'

/** Keeps the event loop busy for so long. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('a loop that is blocked 50 ms at a time sheds priority 3 and never 0, and admits all again in calm', async () => {
  const gate = shed()
  const guarded = pipeline(gate)
  const refused = [0, 0, 0, 0]
  const call = (priority: 0 | 3, ms: number): Promise<unknown> =>
    guarded
      .execute(() => pause(ms), { priority })
      .catch((error: { code?: string }) => {
        assert.equal(error.code, 'SG_SHED')
        refused[priority] = (refused[priority] ?? 0) + 1
      })
  const calls: Promise<unknown>[] = []
  const begun = performance.now()
  while ((refused[3] ?? 0) < 3 && performance.now() - begun < 10_000) {
    calls.push(call(0, 20), call(3, 20))
    block(50)
    await nextLoop()
  }
  const tookMs = performance.now() - begun
  assert.ok((refused[3] ?? 0) >= 3, `refused ${refused[3]} of priority 3 in ${Math.round(tookMs)} ms`)
  assert.equal(refused[0], 0)
  // Not before a whole interval of lateness.
  assert.ok(tookMs >= 140, `after ${tookMs} ms already`)
  await Promise.all(calls)
  for (const calm = performance.now(); gate.refusedFrom < 4 && performance.now() - calm < 10_000;) await pause(20)
  assert.equal(gate.refusedFrom, 4)
  assert.equal(await guarded.execute(() => 'admitted', { priority: 3 }), 'admitted')
})

test('processes', { concurrency: 2 }, async (t) => {
  const play = (title: string, story: string, said: string): Promise<void> =>
    t.test(title, async () => {
      const { code, stdout, stderr } = await runFixture('shed.ts', story)
      assert.deepEqual([code, stdout, stderr], [0, said, ''])
    })
  await Promise.all([
    play('an idle shedder keeps no process alive', 'idle', 'ended\n'),
    play('nor does one that refuses', 'shedding', 'refuses from 1\n'),
    play('nor does the probe of a call that itself keeps nothing alive', 'hanging', 'started\n'),
    play('handlers that never yield are seen', 'synchronous', 'refused 0 of priority 0, several of priority 3\n'),
  ])
})
