// undici as it comes: its `request` over pools and over an agent, and its dispatch with a handler that drops what it hears. With
// several endpoints pools take turns, which is the cheapest that can be written, and `BalancedPool` is undici's own.
import { Agent, BalancedPool, type Dispatcher, Pool, request } from 'undici'
import { type Caller, checkOrder, inTurn, keepInFlight, order, path, type Subjects, type SubjectTask } from '../work.ts'
import { driveDispatch, type Place } from './dispatching.ts'

// As many connections as the calls can use; ours is given no fewer.
const options = { connections: 100 }
const originsOf = ({ ports }: SubjectTask): string[] => ports.map((port) => `http://127.0.0.1:${port}`)

export const subjects: Subjects = {
  pool(task) {
    const pools = poolsOf(task)
    const targets = pools.map(({ dispatcher, origin }) => target(dispatcher, origin))
    return { ...requesting(task, inTurn(targets)), close: () => closed(pools) }
  },
  agent(task) {
    const agent = new Agent(options)
    return requesting(task, inTurn(originsOf(task).map((origin) => target(agent, origin))))
  },
  balanced: (task) => {
    const balanced = target(new BalancedPool(originsOf(task), options), originsOf(task)[0] ?? '')
    return requesting(task, () => balanced)
  },
  dispatch(task) {
    const pools = poolsOf(task)
    return { ...driveDispatch(task.method, inTurn(pools)), close: () => closed(pools) }
  },
}

const poolsOf = (task: SubjectTask): Place[] =>
  originsOf(task).map((origin) => ({ dispatcher: new Pool(origin, options), origin }))

const closed = (places: readonly Place[]): Promise<unknown> =>
  Promise.all(places.map(({ dispatcher }) => dispatcher.close()))

interface Target {
  readonly url: string
  readonly dispatcher: Dispatcher
}

const target = (dispatcher: Dispatcher, origin: string): Target => ({ dispatcher, url: origin + path })

/** Calls by `request`, each at the target that is next. */
export function requesting({ method }: SubjectTask, next: () => Target): Caller {
  const get = async (): Promise<void> => {
    const { url, dispatcher } = next()
    const { body } = await request(url, { dispatcher })
    checkOrder(await body.json())
  }
  const post = async (): Promise<void> => {
    const { url, dispatcher } = next()
    const headers = { 'content-type': 'application/json' }
    const { body } = await request(url, { dispatcher, method: 'POST', headers, body: JSON.stringify(order) })
    checkOrder(await body.json())
  }
  return { drive: (calls) => keepInFlight(calls, method === 'GET' ? get : post) }
}
