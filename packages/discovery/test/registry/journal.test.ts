// What watchers are told, and the heap of what falls due.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Deadlines } from '../../src/registry/deadlines.ts'
import { Journal } from '../../src/registry/journal.ts'
import { seed } from './samples.ts'

test('each watcher hears of each change of its service once and in order, also when others fail or end within', () => {
  const journal = new Journal({ maxChanges: 100, maxWatchers: 4 })
  const heard: string[] = []
  journal.watch('a', () => {
    throw new Error('a bad listener')
  })
  const end = journal.watch('a', (change) => {
    heard.push(`x${change?.index}`)
    if (change?.index === 3) end()
  })
  journal.watch('a', (change) => heard.push(`y${change?.index}`))
  journal.watch('b', (change) => heard.push(`b${change?.index}`))
  assert.throws(() => journal.watch('c', () => {}), { code: 'SG_REGISTRY_WATCHERS_FULL' })
  for (const service of ['a', 'b', 'a', 'a']) journal.add(service, 'i', 'put', undefined)
  journal.completeness()
  assert.deepEqual(heard, ['x1', 'y1', 'b2', 'x3', 'y3', 'y4', 'yundefined', 'bundefined'])
  end()
  assert.equal(journal.watching, 3)
  journal.close()
  journal.add('a', 'i', 'put', undefined)
  assert.equal(heard.length, 8)
})

test('deadlines come in the order of time, each key once, at its last time', () => {
  const op = fc.record({ key: fc.nat({ max: 30 }), at: fc.nat({ max: 1000 }), drop: fc.boolean() })
  fc.assert(
    fc.property(fc.array(op, { maxLength: 300, size: 'max' }), fc.nat({ max: 1000 }), (ops, now) => {
      const deadlines = new Deadlines()
      const model = new Map<string, number>()
      for (const { key, at, drop } of ops) {
        if (drop) {
          deadlines.delete(String(key))
          model.delete(String(key))
        } else {
          deadlines.set(String(key), at)
          model.set(String(key), at)
        }
      }
      assert.equal(deadlines.size, model.size)
      const due: [string, number][] = []
      for (let key = deadlines.take(now); key !== undefined; key = deadlines.take(now))
        due.push([key, model.get(key) ?? NaN])
      const expected = [...model].filter(([, at]) => at <= now)
      assert.deepEqual(due.map(([key]) => key).toSorted(), expected.map(([key]) => key).toSorted())
      assert.ok(due.every(([, at], n) => n === 0 || at >= (due[n - 1]?.[1] ?? 0)))
      const later = [...model.values()].filter((at) => at > now)
      assert.equal(deadlines.next, later.length === 0 ? undefined : Math.min(...later))
    }),
    { seed, numRuns: 300 },
  )
})
