// The counter-proof of the story: without policies the same shop dies of the same outage, and the verdict says so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { start } from './program.ts'

const noPolicies = fileURLToPath(new URL('./fixtures/no-policies.yaml', import.meta.url))

test('a shop without policies does not survive, and the verdict says why', { timeout: 90_000 }, async (t) => {
  const words = ['--once', '--port', '0', '--config', noPolicies]
  const program = start(t, [...words, '--calm', '1s', '--outage', '5s', '--recovery', '1s'])
  assert.equal(await program.ended, 1)
  assert.match(program.stdout(), /did not survive\. Failed: .*circuit orders -> payments opens/)
  assert.match(program.stdout(), /FAIL requests in flight stay bounded/)
  assert.doesNotMatch(program.stdout() + program.stderr(), /^\s+at /m)
})
