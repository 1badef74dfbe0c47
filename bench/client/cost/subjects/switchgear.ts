// Ours: under undici's `request`, at the level of dispatchers, and as a service's own fetch; everywhere with the standard policies,
// ejection and the default balancer. It proves that the policies saw every call.
import { type Client, createClient } from '../../../../packages/client/src/index.ts'
import { type Caller, checkOrder, keepInFlight, order, path, type Subjects, type SubjectTask } from '../work.ts'
import { driveDispatch } from './dispatching.ts'
import { requesting } from './undici.ts'

const origin = 'http://orders'

export const subjects: Subjects = {
  request(task) {
    const client = clientFor(task)
    const target = { url: origin + path, dispatcher: client.dispatcher }
    return guarded(
      client,
      requesting(task, () => target),
    )
  },
  dispatch(task) {
    const client = clientFor(task)
    const place = { origin, dispatcher: client.dispatcher }
    return guarded(
      client,
      driveDispatch(task.method, () => place),
    )
  },
  service(task) {
    const client = clientFor(task)
    const orders = client.service('orders')
    const get = async (): Promise<void> => {
      const response = await orders.fetch(path)
      checkOrder(await response.json())
    }
    const post = async (): Promise<void> => {
      const headers = { 'content-type': 'application/json' }
      const response = await orders.fetch(path, { method: 'POST', headers, body: JSON.stringify(order) })
      checkOrder(await response.json())
    }
    return guarded(client, { drive: (calls) => keepInFlight(calls, task.method === 'GET' ? get : post) })
  },
}

/** A client as an application makes it. */
export function clientFor({ ports }: SubjectTask): Client {
  return createClient({ services: { orders: { endpoints: ports.map((port) => `http://127.0.0.1:${port}`) } } })
}

/** A caller that proves that its calls went through the breaker, and nothing else did. */
export function guarded(client: Client, caller: Caller): Caller {
  return {
    ...caller,
    close: () => client.close(),
    prove(calls) {
      const { policies } = client.service('orders').pipeline.snapshot()
      const breaker = policies.find(({ policy }) => policy === 'circuitBreaker')
      const seen = (breaker as { readonly totals?: { readonly successes?: number } } | undefined)?.totals?.successes
      if (seen !== calls) throw new Error(`the breaker saw ${seen} of ${calls} calls: ${JSON.stringify(breaker)}`)
    },
  }
}
