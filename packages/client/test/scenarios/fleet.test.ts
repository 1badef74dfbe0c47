// Scenarios of whole fleets: a registry and instances as processes of their own, which are killed, stopped and replaced under load.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endpointDies } from './endpoint-dies.ts'
import { endpointHangs } from './endpoint-hangs.ts'
import { Fleet } from './fleet.ts'
import { registryDies } from './registry-dies.ts'
import { rollingRestart } from './rolling-restart.ts'

// They mostly wait.
describe('under load', { concurrency: true }, () => {
  it('the registry is killed, and instances are restarted', async (t) => {
    const fleet = await Fleet.start(t, { instances: 3, lameDuckMs: 500 })

    await t.test('it comes back with its file: no call fails, nobody is forgotten', (t) =>
      registryDies(t, fleet, { perSecond: 60, downMs: 1500, keeps: true }),
    )

    await t.test('it comes back empty: the same, and a client that starts meanwhile serves from its disk', (t) =>
      registryDies(t, fleet, { perSecond: 60, downMs: 2500, keeps: false, restarts: true }),
    )

    await t.test('a rolling restart of every instance: no caller sees an error, not even of a POST', async (t) => {
      const { gets, posts, doubled, lost } = await rollingRestart(t, fleet, { perSecond: 40, rounds: 1 })
      assert.deepEqual([...gets.failures], [], String(gets.errors[0]))
      assert.deepEqual([...posts.failures], [], String(posts.errors[0]))
      assert.ok(gets.calls > 30 && posts.calls > 30)
      assert.equal(doubled, 0, 'a POST is carried out once')
      assert.equal(lost, 0, 'and whoever was told so can rely on it')
    })
  })

  it('an endpoint of three is lost', async (t) => {
    const fleet = await Fleet.start(t, { instances: 3, leaseMs: 300_000, workMs: 20 })

    await t.test('it stands still: its calls are answered by others after a timeout, and it is ejected', (t) =>
      endpointHangs(t, fleet, {
        perSecond: 120,
        attemptTimeoutMs: 1000,
        intervalMs: 2000,
        beforeMs: 800,
        afterMs: 300,
      }),
    )

    await t.test('it is killed: no caller sees an error, and it is ejected within one interval', (t) =>
      endpointDies(t, fleet, { perSecond: 100, beforeMs: 800, afterMs: 300 }),
    )
  })
})
