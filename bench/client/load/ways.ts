// The ways to call a service of several endpoints: ours with each balancer, and those that others have.
import { Agent } from 'node:http'
import got, { type RequestError } from 'got'
import { BalancedPool, type Dispatcher, interceptors, request } from 'undici'
import { type BalancerName, createClient, type ServiceOptions } from '../../../packages/client/src/index.ts'

/** Makes a call; rejects when it was not answered well. `key` is what the call is about. */
export type MakeCall = (path: string, key: string) => Promise<void>

interface Surroundings {
  readonly ports: readonly number[]
  readonly method: 'GET' | 'POST'
}

/** A way by its id. */
export interface Way {
  readonly label: string
  make(surroundings: Surroundings): MakeCall
}

export const balancers: readonly BalancerName[] = ['peakEwma', 'leastRequest', 'roundRobin', 'random', 'maglev']

/** A try of ours takes at most this; so may one of the others. */
const tryMs = 3000

/** Nothing but the choice: no retry, no breaker, nobody is ejected. */
const alone: ServiceOptions = { policies: [{ timeout: tryMs }], ejection: false }

const originsOf = ({ ports }: Surroundings): string[] => ports.map((port) => `http://127.0.0.1:${port}`)

/** What is sent when something is. */
const order = JSON.stringify({ id: 42, items: ['tea', 'pot'] })

export const ways: Readonly<Record<string, Way>> = {
  ...Object.fromEntries(balancers.map((balancer) => [`alone-${balancer}`, ours(balancer, alone)])),
  ...Object.fromEntries(balancers.map((balancer) => [`shipped-${balancer}`, ours(balancer, {})])),
  ours: { label: 'Switchgear, as it comes', make: ours('peakEwma', {}).make },
  'balanced-pool': {
    label: 'undici `BalancedPool`',
    make: (surroundings) => requesting(surroundings, pool(surroundings)),
  },
  'balanced-pool-retry': {
    label: 'undici `BalancedPool` with its retry interceptor',
    make: (surroundings) => requesting(surroundings, pool(surroundings).compose(interceptors.retry())),
  },
  got: { label: 'got, endpoints in turn, its retries', make: (surroundings) => gotting(surroundings, false) },
  'got-elsewhere': {
    label: 'the same, a hook sends retries to the next endpoint',
    make: (surroundings) => gotting(surroundings, true),
  },
}

function ours(balancer: BalancerName, options: ServiceOptions): Way {
  return {
    label: balancer === 'peakEwma' ? `${balancer} (default)` : balancer,
    make(surroundings) {
      const client = createClient({
        services: { orders: { ...options, balancer, endpoints: originsOf(surroundings) } },
      })
      const orders = client.service('orders')
      const { method } = surroundings
      const init = method === 'POST' ? { method, body: order } : {}
      return async (path, key) => {
        const response = await orders.fetch(path, { ...init, key })
        await response.arrayBuffer()
        check(response.status)
      }
    },
  }
}

const pool = (surroundings: Surroundings): BalancedPool =>
  new BalancedPool(originsOf(surroundings), { headersTimeout: tryMs, bodyTimeout: tryMs })

function requesting(surroundings: Surroundings, dispatcher: Dispatcher): MakeCall {
  const [origin = ''] = originsOf(surroundings)
  const { method } = surroundings
  const body = method === 'POST' ? order : null
  return async (path) => {
    const answer = await request(origin + path, { dispatcher, method, body })
    await answer.body.dump()
    check(answer.statusCode)
  }
}

function gotting(surroundings: Surroundings, elsewhere: boolean): MakeCall {
  const origins = originsOf(surroundings)
  let turn = 0
  const next = (): string => origins[turn++ % origins.length] ?? ''
  const moved = ({ options }: RequestError): void => {
    const { origin, pathname } = new URL(String(options.url))
    options.url = new URL(origins[(origins.indexOf(origin) + 1) % origins.length] + pathname)
  }
  const client = got.extend({
    agent: { http: new Agent({ keepAlive: true }) },
    timeout: { request: tryMs },
    hooks: elsewhere ? { beforeRetry: [moved] } : {},
  })
  const { method } = surroundings
  const init = method === 'POST' ? { method, body: order } : { method }
  return async (path) => check((await client(next() + path, init)).statusCode)
}

function check(status: number): void {
  if (status !== 200) throw Object.assign(new Error(`answered ${status}`), { code: `HTTP ${status}` })
}
