// What core weighs in a user's bundle. A size does not depend on the machine, so it is held without slack: by its budget, or
// where that is missed (docs/adr/0003 says why) by what it weighs today.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundles, weigh } from '../../../bench/core/bundles.ts'

for (const { label, source, budget, ceiling } of bundles) {
  if (budget === undefined) continue
  const most = ceiling ?? budget
  test(`${label} weighs at most ${most} bytes of gzip (budget ${budget})`, async (t) => {
    const { gzip, minified, files } = await weigh(source)
    const breakdown = files.map(({ file, bytes }) => `${String(bytes).padStart(6)}  ${file}`).join('\n')
    t.diagnostic(`${gzip} bytes of gzip, ${minified} minified`)
    assert.ok(minified > 1000, `the bundle holds only ${minified} bytes: its exports were not found`)
    assert.ok(gzip <= most, `${gzip} bytes of gzip, ${gzip - most} too many; minified bytes by file:\n${breakdown}`)
  })
}

test('no module of core brings a dependency or a Node module into the bundle', async () => {
  const { files, external } = await weigh(`export * from '@switchgear/core'`)
  const foreign = files.filter(({ file }) => file !== '<stdin>' && !file.startsWith('packages/core/src/'))
  assert.deepEqual([foreign, external], [[], []])
})
