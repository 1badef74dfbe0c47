// Moleculer's remote call: `broker.call` from this node over its TCP transporter to nodes of another process.
import { setTimeout as sleep } from 'node:timers/promises'
import { brokerOf } from '../broker.ts'
import { type Caller, checkOrder, keepInFlight, order, type Subjects, type SubjectTask } from '../work.ts'

export const subjects: Subjects = {
  call: (task) => calling(task, false),
  guarded: (task) => calling(task, true),
}

async function calling({ method, ports }: SubjectTask, guarded: boolean): Promise<Caller> {
  const others = ports.map((port, index) => `tcp://127.0.0.1:${port}/orders-${index}`)
  const broker = brokerOf(`caller-${process.pid}`, others, guarded)
  await broker.start()
  await broker.waitForServices('orders', 10_000)
  await known(broker, ports.length)
  const action = method === 'GET' ? 'orders.get' : 'orders.put'
  const params = (): object => (method === 'GET' ? { id: order.id } : order)
  return { drive: (calls) => keepInFlight(calls, async () => checkOrder(await broker.call(action, params()))) }
}

/** Nodes hear of each other by gossip, one after the other. */
async function known(broker: ReturnType<typeof brokerOf>, nodes: number): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 100) {
    const list = (await broker.call('$node.actions', { onlyAvailable: true, withEndpoints: true })) as {
      name: string
      endpoints?: unknown[]
    }[]
    if (list.find(({ name }) => name === 'orders.get')?.endpoints?.length === nodes) return
    await sleep(100)
  }
  throw new Error(`not all ${nodes} nodes were found`)
}
