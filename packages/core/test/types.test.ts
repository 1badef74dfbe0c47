// The compiler reads what the types promise (fixtures/types.ts), and finds nothing to say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from './program.ts'

test('inference, admit, wrap and optional properties hold, and every mistake that must not compile does not', async () => {
  const { code, stdout } = await run([
    'node_modules/typescript/bin/tsc',
    '-p',
    'packages/core/test/fixtures/tsconfig.json',
  ])
  assert.deepEqual([stdout, code], ['', 0])
})
