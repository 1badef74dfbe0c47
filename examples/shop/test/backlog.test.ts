import assert from 'node:assert/strict'
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

test('a round makes only a few payments, so that a healed service is not flooded', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const backlog = new Backlog({ max: 100, charge: async () => true })
  for (let count = 0; count < 60; count++) backlog.add(payment(String(count)))
  const left: number[] = []
  for (let round = 0; round < 3; round++) {
    t.mock.timers.tick(250)
    await turn()
    left.push(backlog.state.waiting)
  }
  assert.deepEqual(left, [35, 10, 0])
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
