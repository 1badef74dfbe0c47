import assert from 'node:assert/strict'
import { test } from 'node:test'
import { table } from '../src/table.ts'

test('the first column stands left, the others right, and no line ends in spaces', () => {
  const lines = table([['', 'ours', 'theirs'], ['requests', '1400', '9'], ['a', '', ''], ['short row']])
  assert.deepEqual(lines, ['            ours   theirs', 'requests    1400        9', 'a', 'short row'])
})
