// What hedge, cache, coalesce and chaos have in common: an abort in any turn harms nothing, and what only a whole process
// shows: when it ends, what keeps it alive, what it reports.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cache } from '../src/cache/cache.ts'
import { chaos } from '../src/chaos.ts'
import { coalesce } from '../src/coalesce/coalesce.ts'
import { hedge } from '../src/hedge/hedge.ts'
import { type Layer, pipeline } from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { runFixture } from './program.ts'
import { Recorder } from './recorder.ts'
import { Task, turns, watch } from './watch.ts'

const layers: [string, () => Layer][] = [
  ['a hedge', () => hedge({ delay: 10 })],
  ['a cache', () => cache()],
  ['a coalescing layer', () => coalesce()],
  ['chaos', () => chaos({ for: '1h', latency: { rate: 1, delay: 5 } })],
]
for (const [name, make] of layers) {
  test(`an abort in any turn on the way of an answer through ${name} settles and frees every gate once`, async () => {
    for (let count = 0; count < 16; count++) {
      for (const fails of [false, true]) {
        const clock = new VirtualClock()
        const [outside, inside] = [new Recorder('outside'), new Recorder('inside')]
        const task = new Task()
        const controller = new AbortController()
        const guarded = pipeline({ clock }, outside, make(), inside)
        const answer = watch(guarded.execute(task.run, { key: 'a', signal: controller.signal }))
        await clock.advance(5)
        if (fails) task.reject(0, new Error('down'))
        else task.resolve(0, 'good')
        await turns(count)
        controller.abort('enough')
        await clock.advance(100)
        assert.notEqual(answer.state, 'pending')
        assert.deepEqual([outside.journal.problems, inside.journal.problems], [[], []])
        assert.deepEqual([outside.inFlight, inside.inFlight, clock.pending], [0, 0, 0], `${count} turns`)
      }
    }
  })
}

const stories: [string, string, string][] = [
  ['idle layers keep no process alive, although delays and times of an hour were set', 'idle', 'ended\n'],
  ['a call that waits for its hedge, or is held up, keeps the process alive', 'waiting', 'hedged\nheld up\n'],
  [
    'a promise that the caller ignores still reports its rejection, once for each caller',
    'ignored',
    ['hedge', '!', 'cache', '!', 'two of one flight', '!', '!', 'chaos', '!']
      .map((word) => `${word === '!' ? 'unhandled told to fail' : word}\n`)
      .join(''),
  ],
  ['what fails after the answer, or in the background, is not reported', 'late', '1\nhedged\nrejected rejected\n'],
]

test('processes', { concurrency: 2 }, async (t) => {
  await Promise.all(
    stories.map(([title, story, said]) =>
      t.test(title, async () => {
        const { code, stdout, stderr } = await runFixture('layers.ts', story)
        assert.deepEqual([code, stdout, stderr], [0, said, ''])
      }),
    ),
  )
})
