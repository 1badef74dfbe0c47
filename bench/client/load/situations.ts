// What is played: how the endpoints are, how many calls come, and who calls.
import type { EndpointSpec } from './messages.ts'
import { balancers } from './ways.ts'

/** One situation; all ways go through it at the same time, each with endpoints of its own. */
export interface Situation {
  readonly id: string
  readonly title: string
  readonly endpoints: readonly EndpointSpec[]
  readonly perSecond: number
  readonly method: 'GET' | 'POST'
  readonly ways: readonly string[]
  /** The endpoint that is slow, fails or dies. */
  readonly odd: number
  /** It dies half a second into the measured time. */
  readonly dies?: boolean
}

const good: EndpointSpec = { meanMs: 20, workers: 2, status: 200 }
const slow: EndpointSpec = { ...good, meanMs: 200 }
const failing: EndpointSpec = { ...good, meanMs: 1, status: 503 }
const odd = 3
const tenWith = (one: EndpointSpec): EndpointSpec[] =>
  Array.from({ length: 10 }, (_, index) => (index === odd ? one : good))

const alone = [...balancers.map((balancer) => `alone-${balancer}`), 'balanced-pool']
const shipped = [...balancers.map((balancer) => `shipped-${balancer}`), 'balanced-pool']

const loads = [100, 250, 500]

export const balancing: readonly Situation[] = [
  ...loads.map((perSecond): Situation => {
    const title = `one of ten is slow, ${perSecond} calls a second, the choice alone`
    return { id: `slow-${perSecond}`, title, endpoints: tenWith(slow), perSecond, method: 'GET', ways: alone, odd }
  }),
  {
    ...{ id: 'slow-shipped', title: 'one of ten is slow, 250 calls a second, as it comes' },
    ...{ endpoints: tenWith(slow), perSecond: 250, method: 'GET' as const, ways: shipped, odd },
  },
  {
    ...{ id: 'failing', title: 'one of ten answers 503 in 1 ms, 250 calls a second, the choice alone' },
    ...{ endpoints: tenWith(failing), perSecond: 250, method: 'GET' as const, ways: alone, odd },
  },
  {
    ...{ id: 'failing-shipped', title: 'one of ten answers 503 in 1 ms, 250 calls a second, as it comes' },
    ...{ endpoints: tenWith(failing), perSecond: 250, method: 'GET' as const, ways: shipped, odd },
  },
  {
    ...{ id: 'healthy', title: 'all ten are well, 250 calls a second, the choice alone' },
    ...{ endpoints: tenWith(good), perSecond: 250, method: 'GET' as const, ways: alone, odd },
  },
]

const callers = ['ours', 'balanced-pool', 'balanced-pool-retry', 'got', 'got-elsewhere']
const three = Array.from({ length: 3 }, (): EndpointSpec => ({ meanMs: 5, workers: 100, status: 200 }))

export const dying: readonly Situation[] = (['GET', 'POST'] as const).map((method) => ({
  id: `dead-${method.toLowerCase()}`,
  title: `one of three dies, ${method}, 200 calls a second`,
  ...{ endpoints: three, perSecond: 200, method, ways: callers, odd: 1, dies: true },
}))
