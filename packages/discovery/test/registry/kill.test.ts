// A registry that is killed at any moment has on its file what it has answered. Longer: registry.long.ts.
import { test } from 'node:test'
import { seed } from './samples.ts'
import { survivesKills } from './kills.ts'

test('what was answered outlives a kill at any moment', async () => {
  await survivesKills(2, seed)
})
