// The queue that bulkhead and adaptive limit share: order, displacement, and that whoever leaves is gone at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type CallOptions, CallRecord } from '../src/call.ts'
import { classify, Judge } from '../src/classify.ts'
import type { Priority } from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { WaitQueue } from '../src/wait-queue.ts'
import { turns, watch, type Watched } from './watch.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const environment = { name: '', clock: new VirtualClock(), random: seededRandom(seed), judge: new Judge(classify) }
const callOf = (options: CallOptions): CallRecord => new CallRecord(() => undefined, environment, options, undefined)

test('the most important goes on first, and of equals the one that came first', async () => {
  const queue = new WaitQueue(4)
  const priorities: Priority[] = [3, 1, 0, 2, 1, 0, 3, 2]
  const waiters = priorities.map((priority) => watch(queue.wait(callOf({ priority }))))
  assert.equal(queue.size, 8)
  for (let ticket = 1; ticket <= 9; ticket++) queue.admit(ticket)
  await turns()
  assert.deepEqual(
    waiters.map(({ result }) => result),
    [7, 3, 1, 5, 4, 2, 8, 6],
  )
  assert.deepEqual([queue.size, queue.waited], [0, 8])
})

test('a queue of one lane knows no importance, and a priority that is none is the least important', async () => {
  const fifo = new WaitQueue(1)
  const first = watch(fifo.wait(callOf({ priority: 3 })))
  const second = watch(fifo.wait(callOf({ priority: 0 })))
  assert.equal(fifo.yields(callOf({ priority: 0 })), false)
  fifo.admit(1)
  fifo.admit(2)
  const strange = new WaitQueue(4)
  const odd = [7, -1, Number.NaN, 1.5].map((priority) =>
    watch(strange.wait(callOf({ priority: priority as Priority }))),
  )
  assert.equal(strange.displace(callOf({ priority: 2 }), -3)?.priority, 1.5)
  for (let ticket = 1; ticket <= 3; ticket++) strange.admit(ticket)
  await turns()
  assert.deepEqual([first.result, second.result, ...odd.map(({ result }) => result)], [1, 2, 1, 2, 3, -3])
})

test('an aborted call is not queued at all, and one that aborts leaves no listener', async () => {
  const queue = new WaitQueue(4)
  const gone = callOf({})
  gone.cut(null, 'ignored', 'too late')
  const refused = watch(queue.wait(gone))
  const [stays, leaves] = [callOf({}), callOf({})]
  let listeners = 0
  for (const { signal } of [stays, leaves]) {
    const { addEventListener: add, removeEventListener: remove } = signal
    signal.addEventListener = (...words: unknown[]) => (listeners++, Reflect.apply(add, signal, words))
    signal.removeEventListener = (...words: unknown[]) => (listeners--, Reflect.apply(remove, signal, words))
  }
  const answers = [watch(queue.wait(stays)), watch(queue.wait(leaves))]
  assert.deepEqual([queue.size, queue.waited, listeners], [2, 2, 2])
  leaves.cut(null, 'ignored', 'enough')
  queue.admit(5)
  // It has its ticket: to abort now is too late for the queue.
  stays.cut(null, 'ignored', 'late')
  await turns()
  assert.deepEqual([refused.result, answers[0]?.result, answers[1]?.result], ['too late', 5, 'enough'])
  assert.deepEqual([queue.size, listeners], [0, 0])
})

interface Modelled {
  readonly call: CallRecord
  readonly watched: Watched
  readonly priority: Priority
}

test('over random stories it does what a sorted list does', async () => {
  const step = fc.record({
    kind: fc.constantFrom('wait', 'wait', 'wait', 'admit', 'displace', 'abort'),
    priority: fc.constantFrom<Priority>(0, 1, 2, 3),
    pick: fc.nat(100),
  })
  const seen = new Map<string, number>()
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const queue = new WaitQueue(4)
    let model: Modelled[] = []
    const expected: [Watched, unknown][] = []
    const leave = (who: Modelled | undefined, result: unknown, what: string): void => {
      if (who === undefined) return
      seen.set(what, (seen.get(what) ?? 0) + 1)
      model = model.filter((other) => other !== who)
      expected.push([who.watched, result])
    }
    for (const [number, { kind, priority, pick }] of steps.entries()) {
      if (kind === 'wait') {
        const call = callOf({ priority })
        const after = model.findIndex((other) => other.priority > priority)
        const watched = watch(queue.wait(call))
        model.splice(after < 0 ? model.length : after, 0, { call, watched, priority })
      } else if (kind === 'admit') {
        queue.admit(number)
        leave(model[0], number, kind)
      } else if (kind === 'displace') {
        const last = model.findLast((other) => other.priority > priority)
        const call = callOf({ priority })
        assert.equal(queue.yields(call), last !== undefined)
        assert.equal(queue.displace(call, -number), last?.call)
        leave(last, -number, kind)
      } else {
        const who = model[pick % Math.max(1, model.length)]
        who?.call.cut(null, 'ignored', `abort ${number}`)
        leave(who, `abort ${number}`, kind)
      }
      assert.equal(queue.size, model.length)
    }
    await turns(5)
    for (const [watched, result] of expected) assert.equal(watched.result, result)
    for (const { watched } of model) assert.equal(watched.state, 'pending')
  })
  await fc.assert(property, { seed, numRuns: 500 })
  for (const what of ['admit', 'displace', 'abort']) assert.ok((seen.get(what) ?? 0) > 50, `${what}: ${seen.get(what)}`)
})
