import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playStory, type Breakable } from '../src/story.ts'

function recorder(): { stage: Breakable; acts: string[] } {
  const acts: string[] = []
  const stage: Breakable = {
    fault: (service, mode) => {
      acts.push(`${service} ${mode}`)
      return performance.now()
    },
  }
  return { stage, acts }
}

test('payments hang after the calm and are healed after the outage', async () => {
  const { stage, acts } = recorder()
  const begun = performance.now()
  const outage = await playStory(stage, { calmMs: 40, outageMs: 60, recoveryMs: 20 }, new AbortController().signal)
  assert.deepEqual(acts, ['payments hang', 'payments none'])
  assert.ok(outage.brokenAt - begun >= 39)
  assert.ok(outage.healedAt - outage.brokenAt >= 59)
  assert.ok(performance.now() - outage.healedAt >= 19)
})

test('interrupted, it changes nothing more', async () => {
  const { stage, acts } = recorder()
  const interrupt = AbortSignal.timeout(60)
  await assert.rejects(playStory(stage, { calmMs: 10, outageMs: 10_000, recoveryMs: 10 }, interrupt), {
    name: 'AbortError',
  })
  assert.deepEqual(acts, ['payments hang'])
})
