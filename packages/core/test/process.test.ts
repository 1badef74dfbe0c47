// What only a whole process shows: that it ends when nothing is going on, that a waiting call keeps it alive, and that a
// rejection which nobody handles is reported by the host as any other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runFixture } from './program.ts'

test('processes', { concurrency: 2 }, async (t) => {
  const play = (title: string, story: string, said: string): Promise<void> =>
    t.test(title, async () => {
      const { code, stdout, stderr } = await runFixture('process.ts', story)
      assert.deepEqual([code, stdout, stderr], [0, said, ''])
    })
  const answers = ['after a backoff', 'SG_DEADLINE_EXCEEDED', 'SG_TIMEOUT', 'SG_TIMEOUT', 'SG_DEADLINE_EXCEEDED']
  const ignored = {
    breaker: 'told to fail',
    stack: 'told to fail',
    'sync throw': 'told to fail',
    retry: 'told to fail',
    'timed out': 'told to fail: no answer within 20 ms',
    'aborted before': 'told to fail',
    refused: 'circuitBreaker: the circuit is isolated (told to fail)',
    'substitute fails': 'told to fail',
  }
  const reports = Object.entries(ignored).map(([name, message]) => `${name}\nunhandled ${message}\n`)
  await Promise.all([
    play('an idle pipeline keeps no process alive, although a timeout of an hour was used', 'idle', 'ended\n'),
    play(
      'a call that waits (backoff, deadline, timeout, queue) keeps the process alive until it is answered',
      'waiting',
      answers.map((answer) => `answered ${answer}\n`).join(''),
    ),
    play('a promise that the caller ignores still reports its rejection, once', 'ignored', reports.join('')),
    play(
      'what comes after an answer is swallowed: no unhandled rejection follows',
      'late',
      'rejected rejected rejected rejected\n',
    ),
  ])
})
