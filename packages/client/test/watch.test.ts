import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { Watch } from '../src/watch.ts'

describe('Watch', () => {
  const told: unknown[][] = []
  const cut = (...what: unknown[]): void => void told.push(what)
  const taken = (): unknown[][] => told.splice(0)

  it('cuts at the time that was set, once', async () => {
    const clock = new VirtualClock()
    const watch = new Watch(clock, undefined, new Set())
    watch.over(cut, 100, () => 'late')
    await clock.advance(99)
    assert.deepEqual(taken(), [])
    await clock.advance(1)
    assert.deepEqual(taken(), [['failure', 'late']])
    watch.stop('again')
    await clock.advance(1000)
    assert.deepEqual(taken(), [])
  })

  it('guards only what runs now', async () => {
    const clock = new VirtualClock()
    const watch = new Watch(clock, undefined, new Set())
    watch.over(
      () => assert.fail('the one before'),
      100,
      () => 'late',
    )
    watch.over(cut, 200, () => 'later')
    assert.equal(clock.pending, 1)
    await clock.advance(150)
    watch.over(cut)
    assert.equal(clock.pending, 0)
    await clock.advance(1000)
    assert.deepEqual(taken(), [])
  })

  it("passes on the caller's abort with its reason", () => {
    const controller = new AbortController()
    const clock = new VirtualClock()
    const watch = new Watch(clock, controller.signal, new Set())
    watch.over(cut, 100, () => 'late')
    controller.abort('enough')
    assert.deepEqual(taken(), [['ignored', 'enough']])
    assert.equal(clock.pending, 0)
  })

  it('leaves nothing behind', () => {
    const controller = new AbortController()
    const clock = new VirtualClock()
    const others = new Set<Watch>()
    const watch = new Watch(clock, controller.signal, others)
    watch.over(cut, 100, () => 'late')
    assert.equal(others.size, 1)
    watch.end()
    watch.end()
    assert.equal(others.size, 0)
    assert.equal(clock.pending, 0)
    controller.abort('enough')
    assert.deepEqual(taken(), [])
  })

  it('does not believe a timer that fires early', () => {
    let now = 0
    let fire: (() => void) | undefined
    const clock: Clock = {
      now: () => now,
      wallNow: () => now,
      setTimer: (run) => {
        fire = run
        return { cancel: () => undefined }
      },
    }
    const watch = new Watch(clock, undefined, new Set())
    watch.over(cut, 100, () => 'late')
    now = 99.5
    fire?.()
    assert.deepEqual(taken(), [])
    now = 100
    fire?.()
    assert.deepEqual(taken(), [['failure', 'late']])
  })
})
