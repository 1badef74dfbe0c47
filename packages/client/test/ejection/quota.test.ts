import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { mostEjected, panics } from '../../src/ejection/quota.ts'
import { Rig } from './rig.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)

/** From how many ejected ones on there is panic. */
function panicFrom(count: number, threshold: number): number | undefined {
  return Array.from({ length: count + 1 }, (_, ejected) => ejected).find((ejected) => panics(count, ejected, threshold))
}

/** count, at most with 0.5, at most with 1, panic from */
const table: readonly (readonly [number, number, number, number | undefined])[] = [
  [1, 0, 0, undefined],
  [2, 1, 1, undefined],
  [3, 1, 2, 2],
  [4, 2, 3, 3],
  [5, 2, 4, 3],
  [6, 3, 5, 4],
  [7, 3, 6, 4],
  [8, 4, 7, 5],
  [9, 4, 8, 5],
  [10, 5, 9, 6],
]

for (const [count, half, all, panic] of table) {
  test(`${count} endpoints: the quota and the panic of the table, by the rules and by the machine`, () => {
    assert.equal(mostEjected(count, 0.5), half)
    assert.equal(mostEjected(count, 1), all)
    // Of 2 and fewer it would take both, which the quota never lets happen.
    assert.equal(count < 3 ? undefined : panicFrom(count, 0.5), panic)
    for (const [maxShare, most] of [
      [0.5, half],
      [1, all],
    ] as const) {
      const rig = new Rig(count, { maxShare, panicThreshold: 0.5 })
      const panicked: number[] = []
      for (let index = 0; index < count; index++) {
        rig.calls(index, 'failure', 5)
        if (rig.ejector.isPanicking) panicked.push(rig.out.length)
      }
      assert.equal(rig.out.length, most)
      assert.equal(panicked[0], panic !== undefined && panic <= most ? panic : undefined)
    }
  })
}

test('the table in the source says the same', async () => {
  const source = await readFile(new URL('../../src/ejection/quota.ts', import.meta.url), 'utf8')
  const rows = [...source.matchAll(/^\/\/ \| +(\d+) \| (\d+) \| (\d+) \| (\w+) \|$/gm)].map(([, ...row]) => row)
  assert.deepEqual(
    rows,
    table.map(([count, half, all, panic]) => [count, half, all, panic ?? 'never'].map(String)),
  )
})

test('a share of 0 still lets one of two go, and the bound is inclusive', () => {
  assert.equal(mostEjected(2, 0), 1)
  assert.equal(mostEjected(100, 0.29), 29)
  assert.equal(mostEjected(3, 2 / 3), 2)
  assert.equal(mostEjected(0, 1), 0)
})

test('property: one may go where there are two, one always stays, and the share holds otherwise', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1000 }), share, share, (count, maxShare, threshold) => {
      const most = mostEjected(count, maxShare)
      assert.ok(Number.isInteger(most))
      if (count < 2) return assert.equal(most, 0)
      assert.ok(most >= 1 && most < count)
      if (most > 1) assert.ok(most / count <= maxShare)
      if (most < count - 1) assert.ok((most + 1) / count > maxShare)
      assert.equal(panics(count, 1, threshold), false)
    }),
    { seed, numRuns: 500 },
  )
})
