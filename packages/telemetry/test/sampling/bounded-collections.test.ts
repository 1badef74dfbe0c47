// The line of waiting traces and the cache of decisions, against simple models.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@switchgear/core/testing'
import { DecisionCache } from '../../src/sampling/decision-cache.ts'
import type { TailDecision } from '../../src/sampling/tail-sampler.ts'
import { WaitingLine } from '../../src/sampling/waiting-line.ts'
import { seed } from './spans.ts'

test('a line answers like a list, whatever leaves it and when', () => {
  const random = seededRandom(seed)
  const line = new WaitingLine()
  const list: string[] = []
  let made = 0
  for (let step = 0; step < 20_000; step++) {
    const kind = random()
    // In turns it grows and empties.
    if (kind < (step % 2000 < 1000 ? 0.6 : 0.3)) {
      const id = `t${made++}`
      line.add({ id, spans: [], bytes: 0, dueMs: 0 })
      list.push(id)
    } else if (list.length > 0) {
      const index = kind < 0.8 ? 0 : Math.floor(random() * list.length)
      const [id = ''] = list.splice(index, 1)
      assert.equal(line.delete(id), true)
      assert.equal(line.delete(id), false)
    }
    if (random() < 0.7) assert.equal(line.first?.id, list[0])
    assert.equal(line.size, list.length)
  }
})

test('a cache holds at most its bound and always the latest half', () => {
  const random = seededRandom(seed)
  for (const max of [2, 3, 10]) {
    const cache = new DecisionCache(max)
    const decisions = new Map<string, TailDecision>()
    let latest: string[] = []
    for (let step = 0; step < 5000; step++) {
      const id = `t${Math.floor(random() * 20)}`
      const wasLate = latest.includes(id)
      const found = cache.get(id)
      if (wasLate) assert.notEqual(found, undefined)
      if (found === undefined) {
        const decision: TailDecision = { keep: true, reason: 'error', ratio: 1, threshold: undefined }
        decisions.set(id, decision)
        cache.set(id, decision)
      } else assert.equal(found, decisions.get(id))
      latest = [id, ...latest.filter((other) => other !== id)].slice(0, Math.floor(max / 2))
      assert.ok(cache.size <= max)
    }
    cache.clear()
    assert.equal(cache.size, 0)
  }
})
