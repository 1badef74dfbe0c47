import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Backlog, type Payment } from '../src/backlog.ts'

const payment = (orderId: string): Payment => ({ orderId, amount: 20 })

test('payments wait while charging fails and are made, oldest first, once it works', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let broken = true
  const charged: string[] = []
  const backlog = new Backlog({
    max: 10,
    charge: async ({ orderId }) => {
      if (broken) throw new Error('refused')
      charged.push(orderId)
      return true
    },
  })
  for (const id of ['a', 'b', 'c']) assert.ok(backlog.add(payment(id)))
  t.mock.timers.tick(250)
  await turn()
  assert.deepEqual(backlog.state, { waiting: 3, queued: 3, settled: 0 })
  broken = false
  t.mock.timers.tick(250)
  await turn()
  assert.deepEqual(charged, ['a', 'b', 'c'])
  assert.deepEqual(backlog.state, { waiting: 0, queued: 3, settled: 3 })
})

test('a round ends at the first payment that cannot be made', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let asked = 0
  const backlog = new Backlog({
    max: 10,
    charge: async () => {
      asked++
      return false
    },
  })
  for (const id of ['a', 'b', 'c']) backlog.add(payment(id))
  t.mock.timers.tick(250)
  await turn()
  assert.equal(asked, 1)
  backlog.stop()
})

test('it is bounded, and refuses what it cannot hold', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const backlog = new Backlog({ max: 2, charge: async () => true })
  assert.deepEqual(
    [backlog.add(payment('a')), backlog.add(payment('b')), backlog.add(payment('c'))],
    [true, true, false],
  )
  assert.equal(backlog.state.waiting, 2)
  backlog.stop()
})

test('a round begins with one payment and goes on with a few at a time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let running = 0
  const together: number[] = []
  const backlog = new Backlog({
    max: 100,
    charge: async () => {
      running++
      await turn()
      if (running > 0) together.push(running)
      running = 0
      return true
    },
  })
  for (let count = 0; count < 10; count++) backlog.add(payment(String(count)))
  t.mock.timers.tick(250)
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.deepEqual(together, [1, 4, 4, 1])
  assert.deepEqual(backlog.state, { waiting: 0, queued: 10, settled: 10 })
})

test('of payments charged together only those that failed go on waiting', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const charged: string[] = []
  const backlog = new Backlog({
    max: 100,
    charge: async ({ orderId }) => {
      if (orderId === 'c') return false
      charged.push(orderId)
      return true
    },
  })
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) backlog.add(payment(id))
  t.mock.timers.tick(250)
  for (let turns = 0; turns < 5; turns++) await turn()
  assert.deepEqual(charged, ['a', 'b', 'd', 'e'])
  assert.deepEqual(backlog.state, { waiting: 2, queued: 6, settled: 4 })
  backlog.stop()
})

test('stopped, it charges nothing more', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let charged = 0
  const backlog = new Backlog({
    max: 10,
    charge: async () => {
      charged++
      return true
    },
  })
  backlog.add(payment('a'))
  backlog.stop()
  t.mock.timers.tick(1000)
  await turn()
  assert.equal(charged, 0)
  assert.equal(backlog.add(payment('b')), false)
})

test('a round belongs to no request, not even to the one that began the waiting', async () => {
  const request = new AsyncLocalStorage<string>()
  const { promise: charged, resolve } = Promise.withResolvers<string | undefined>()
  const backlog = new Backlog({
    max: 1,
    charge: async () => {
      resolve(request.getStore())
      return true
    },
  })
  request.run('a checkout', () => backlog.add({ orderId: 'order-1', amount: 1 }))
  assert.equal(await charged, undefined)
  backlog.stop()
})
