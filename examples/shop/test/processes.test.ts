import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { StartOrder } from '../src/messages.ts'
import { Processes, StartError } from '../src/processes.ts'
import { runs, until } from './program.ts'

const order: StartOrder = {
  type: 'start',
  side: 'unprotected',
  configPath: '',
  port: 0,
  mayMove: false,
  origins: {},
  telemetry: undefined,
  log: undefined,
}

function open(t: TestContext): { processes: Processes; lost: string[] } {
  const lost: string[] = []
  const processes = new Processes(
    () => {},
    (name, why) => lost.push(`${name}: ${why}`),
  )
  t.after(() => processes.end())
  return { processes, lost }
}

const charge = (origin: string): Promise<Response> =>
  fetch(`${origin}/charge`, { method: 'POST', body: '{"amount":1}', headers: { 'idempotency-key': 'order-1' } })

test('a child serves, does what it is told, and ends with its parent', async (t) => {
  const { processes, lost } = open(t)
  const payments = await processes.start('payments', 'payments', order)
  const first = await charge(payments.origin)
  assert.equal(first.status, 200)
  assert.deepEqual(await (await charge(payments.origin)).json(), await first.json(), 'one key, one charge')
  payments.fault('fail')
  let status = 200
  for (const end = performance.now() + 5000; status === 200 && performance.now() < end;) {
    status = (await charge(payments.origin)).status
  }
  assert.equal(status, 500)
  await processes.end()
  assert.equal(runs(payments.pid), false)
  assert.deepEqual(lost, [], 'what was ended on purpose is not lost')
})

test('a child that dies is reported once', async (t) => {
  const { processes, lost } = open(t)
  const { pid } = await processes.start('inventory', 'inventory', order)
  process.kill(pid, 'SIGKILL')
  await until(() => lost.length > 0, 'the loss is told')
  assert.deepEqual(lost, ['inventory: signal SIGKILL'])
  await processes.end()
})

test('a taken port is a StartError that names it, unless the child may move', async (t) => {
  const { processes } = open(t)
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  t.after(() => squatter.close())
  const { port } = squatter.address() as AddressInfo
  await assert.rejects(
    processes.start('payments', 'payments', { ...order, port }),
    (error) => error instanceof StartError && error.busyPort === port,
  )
  const moved = await processes.start('payments', 'payments', { ...order, port, mayMove: true })
  assert.notEqual(new URL(moved.origin).port, String(port))
})
