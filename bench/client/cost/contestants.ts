// Who is measured, and against whom.

/** One way to call. */
export interface Contestant {
  readonly id: string
  readonly label: string
  readonly module: string
  readonly variant: string
  /** Whom it is compared with beside `reference`: the same without ours. */
  readonly counterpart?: string
  /** A server of its own kind. */
  readonly server?: 'nodes'
  /** Calls of a block as a share of the plan's: who costs several times as much makes fewer, so that the blocks take equally long. */
  readonly share: number
}

/** The id of the one all are compared with. */
export const reference = 'undici'

/** In this order; a counterpart stands right before its own. */
export const contestants: readonly Contestant[] = [
  { id: reference, label: 'undici `request`, a `Pool` per endpoint', module: 'undici', variant: 'pool', share: 1 },
  {
    ...{ id: 'ours', label: 'undici `request` over `client.dispatcher`', module: 'switchgear', variant: 'request' },
    ...{ counterpart: reference, share: 1 },
  },
  { id: 'agent', label: 'undici `request`, an `Agent`', module: 'undici', variant: 'agent', share: 1 },
  { id: 'balanced', label: 'undici `request`, a `BalancedPool`', module: 'undici', variant: 'balanced', share: 1 },
  { id: 'dispatch', label: 'undici `Pool.dispatch`, no body read', module: 'undici', variant: 'dispatch', share: 1.5 },
  {
    ...{ id: 'ours-dispatch', label: '`client.dispatcher.dispatch`, no body read', module: 'switchgear' },
    ...{ variant: 'dispatch', counterpart: 'dispatch', share: 1.5 },
  },
  { id: 'fetch', label: 'global `fetch`', module: 'fetch', variant: 'bare', share: 0.4 },
  {
    ...{ id: 'ours-fetch', label: 'global `fetch` after `client.install()`', module: 'fetch', variant: 'installed' },
    ...{ counterpart: 'fetch', share: 0.4 },
  },
  {
    ...{ id: 'service', label: "`client.service('orders').fetch`", module: 'switchgear', variant: 'service' },
    ...{ counterpart: 'fetch', share: 0.6 },
  },
  { id: 'axios', label: 'axios behind an opossum breaker', module: 'peers', variant: 'axios', share: 0.25 },
  { id: 'got', label: 'got with its retries', module: 'peers', variant: 'got', share: 0.2 },
  {
    ...{ id: 'moleculer', label: 'Moleculer `broker.call` over TCP', module: 'moleculer', variant: 'call' },
    ...{ server: 'nodes' as const, share: 0.6 },
  },
  {
    ...{ id: 'moleculer-guarded', label: 'the same with its breaker, retries and time-out', module: 'moleculer' },
    ...{ variant: 'guarded', server: 'nodes' as const, share: 0.6 },
  },
]

/** What is called. */
export interface Scenario {
  readonly id: string
  readonly title: string
  readonly method: 'GET' | 'POST'
  readonly endpoints: number
}

export const scenarios: readonly Scenario[] = [
  { id: 'get', title: 'GET, one endpoint', method: 'GET', endpoints: 1 },
  { id: 'post', title: 'POST, one endpoint', method: 'POST', endpoints: 1 },
  { id: 'get-three', title: 'GET, three endpoints', method: 'GET', endpoints: 3 },
]
