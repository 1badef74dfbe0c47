// Orders: takes an order, reserves the goods, charges the customer. When the payment cannot be made now, the protected
// shop keeps the order and charges later (202, marked): the customer is told the truth and the sale is not lost.
import { classifyHttp, fallback, pipeline, SwitchgearError, type Call } from '@switchgear/core'
import { Backlog } from '../backlog.ts'
import { runChild, type Tell } from '../child.ts'
import { openOutbound, type Outbound, type OutboundCall } from '../outbound.ts'
import { BadRequest, Service, type Answer, type Incoming } from '../service.ts'

interface Order {
  readonly id: string
  readonly article: string
  readonly amount: number
  state: 'being paid' | 'paid' | 'payment failed' | 'payment queued'
}

const ordersKept = 1000
const ordersListed = 10
const paymentsQueuedAtMost = 5000

/** The orders of this process and how they are paid. */
class Orders {
  readonly #orders = new Map<string, Order>()
  readonly #outbound: Outbound
  readonly #backlog: Backlog
  #count = 0
  readonly #charge: (order: Order, incoming: Incoming) => Promise<Answer>

  constructor(outbound: Outbound, tell: Tell) {
    this.#outbound = outbound
    this.#backlog = new Backlog({
      max: paymentsQueuedAtMost,
      charge: async ({ orderId, amount }) => this.#chargeLater(orderId, amount),
      onChange: (state) => tell({ type: 'backlog', ...state }),
    })
    this.#charge = outbound.guarded ? this.#queueing() : (order, incoming) => this.#chargeNow(order, incoming)
  }

  list(): Answer {
    return { status: 200, body: [...this.#orders.values()].slice(-ordersListed) }
  }

  async checkout(incoming: Incoming): Promise<Answer> {
    const { article, amount } = (incoming.body ?? {}) as { article?: unknown; amount?: unknown }
    if (typeof article !== 'string') throw new BadRequest('article must be a string')
    if (typeof amount !== 'number' || !(amount > 0)) throw new BadRequest('amount must be a number above 0')
    const order: Order = { id: `order-${++this.#count}`, article, amount, state: 'being paid' }
    const reserved = await this.#post('inventory', '/reserve', { article }, order.id, incoming)
    if (reserved.status !== 200) return reserved
    this.#keep(order)
    try {
      return await this.#charge(order, incoming)
    } finally {
      if (order.state === 'being paid') order.state = 'payment failed'
    }
  }

  stop(): void {
    this.#backlog.stop()
  }

  /** `#chargeNow` behind the declared fallback. */
  #queueing(): (order: Order, incoming: Incoming) => Promise<Answer> {
    const queueForLater = (error: unknown, call: Call): Answer => {
      const order = this.#orders.get(call.key ?? '')
      if (order === undefined || !this.#backlog.add({ orderId: order.id, amount: order.amount })) throw error
      order.state = 'payment queued'
      return { status: 202, body: order, headers: { 'switchgear-fallback': 'queueForLater' } }
    }
    const checkout = pipeline(
      { name: 'checkout', classify: classifyHttp },
      fallback(queueForLater, { name: 'queueForLater' }),
    )
    return (order, incoming) =>
      checkout.execute(() => this.#chargeNow(order, incoming), { key: order.id, signal: incoming.signal })
  }

  async #chargeNow(order: Order, incoming: Incoming): Promise<Answer> {
    const paid = await this.#post('payments', '/charge', { amount: order.amount }, order.id, incoming)
    if (paid.status !== 200) return paid
    order.state = 'paid'
    return { status: 201, body: order }
  }

  async #chargeLater(orderId: string, amount: number): Promise<boolean> {
    const call: OutboundCall = { method: 'POST', body: { amount }, idempotencyKey: orderId }
    const response = await this.#outbound.call('payments', '/charge', call)
    await response.body?.cancel()
    // A refusal of the card is final as well; only the service's own trouble leaves the payment waiting.
    if (response.status >= 500) return false
    const order = this.#orders.get(orderId)
    if (order !== undefined) order.state = response.ok ? 'paid' : 'payment failed'
    return true
  }

  async #post(service: string, path: string, body: unknown, key: string, incoming: Incoming): Promise<Answer> {
    const call: OutboundCall = { method: 'POST', body, idempotencyKey: key, signal: incoming.signal }
    const response = await this.#outbound.call(service, path, call)
    if (response.status < 500) return { status: response.status, body: await response.json() }
    await response.body?.cancel()
    return { status: 502, body: { error: `${service} answered ${response.status}` } }
  }

  #keep(order: Order): void {
    this.#orders.set(order.id, order)
    const [oldest] = this.#orders.keys()
    if (this.#orders.size > ordersKept && oldest !== undefined) this.#orders.delete(oldest)
  }
}

/** A refusal by a policy is a 503 that says when to come back, a timeout a 504, a broken connection a 502. */
async function explained(checkout: Promise<Answer>): Promise<Answer> {
  try {
    return await checkout
  } catch (error) {
    if (error instanceof BadRequest) throw error
    const message = error instanceof Error ? error.message : String(error)
    if (!(error instanceof SwitchgearError)) return { status: 502, body: { error: message } }
    if (!error.refusal)
      return { status: error.code === 'SG_TIMEOUT' ? 504 : 502, body: { error: message, code: error.code } }
    const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000))
    return { status: 503, body: { error: message, code: error.code }, headers: { 'retry-after': String(seconds) } }
  }
}

runChild(async (beginning) => {
  const { order, tell, accessLog } = beginning
  const outbound = await openOutbound(beginning)
  const orders = new Orders(outbound, tell)
  const routes = {
    'GET /orders': () => orders.list(),
    'POST /checkout': (incoming: Incoming) => explained(orders.checkout(incoming)),
  }
  const service = new Service(routes, accessLog)
  const origin = await service.listen(order.port, order.mayMove)
  const stop = async (): Promise<void> => {
    orders.stop()
    await service.stop()
    await outbound.close()
  }
  return { origin, fault: (mode) => service.faults.set(mode), stop }
})
