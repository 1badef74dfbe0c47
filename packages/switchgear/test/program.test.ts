// The program without a process: what becomes of what is thrown, and when progress is shown.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Progress } from '../src/progress.ts'
import { run } from '../src/index.ts'
import { recorder } from './recorder.ts'

test('an error that nobody foresaw is shown with its stack and is exit code 1', async () => {
  const terminal = recorder(() => {
    throw new Error('boom')
  })
  assert.equal(await run(['explain'], terminal), 1)
  assert.match(terminal.errors.join('\n'), /^unexpected: Error: boom\n\s+at /)
})

test('a program that runs twice in one process is new each time', async () => {
  const terminal = recorder()
  assert.equal(await run(['explain', 'nothing'], terminal), 2)
  assert.equal(await run(['explain', 'SG_TIMEOUT'], terminal), 0)
  assert.match(terminal.out.join('\n'), /^SG_TIMEOUT\n/)
})

test('progress is quiet for a second, then shown ten times a second at most, and taken away', () => {
  const terminal = recorder()
  let now = 0
  const progress = new Progress(terminal, () => now)
  let asked = 0
  for (; now < 2000; now++) {
    progress.report(() => {
      asked++
      return `at ${now}`
    })
  }
  assert.equal(terminal.shown[0], 'at 1000')
  assert.equal(terminal.shown.length, 10)
  assert.equal(asked, 10)
  progress.end()
  progress.end()
  assert.deepEqual(terminal.shown.slice(10), [''])
})

test('what is quick leaves no trace', () => {
  const terminal = recorder()
  const progress = new Progress(terminal, () => 0)
  progress.report(() => 'never seen')
  progress.end()
  assert.deepEqual(terminal.shown, [])
})
