// Recommendations: the articles that sell best, by the inventory's numbers. It holds no policy of its own: what is answered
// while the inventory is away, or while this service itself is, stands as cached fallbacks in switchgear.yaml.
import { runChild } from '../child.ts'
import { openOutbound, type Outbound } from '../outbound.ts'
import { Service, type Answer, type Incoming } from '../service.ts'

interface StockLine {
  readonly article: string
  readonly pieces: number
}

const shown = 3
const fallbackMark = 'switchgear-fallback'

async function recommend(outbound: Outbound, { signal }: Incoming): Promise<Answer> {
  const response = await outbound.call('inventory', '/stock', { method: 'GET', signal })
  if (!response.ok) {
    await response.body?.cancel()
    return { status: 502, body: { error: `the inventory answered ${response.status}` } }
  }
  const stock = (await response.json()) as readonly StockLine[]
  const best = stock.toSorted((a, b) => a.pieces - b.pieces).slice(0, shown)
  // Whoever answers from a fallback's answer says so as well.
  const mark = response.headers.get(fallbackMark)
  return {
    status: 200,
    body: best.map(({ article }) => article),
    ...(mark === null ? {} : { headers: { [fallbackMark]: mark } }),
  }
}

runChild(async (beginning) => {
  const { order, accessLog } = beginning
  const outbound = await openOutbound(beginning)
  const routes = { 'GET /recommendations': (incoming: Incoming) => recommend(outbound, incoming) }
  const service = new Service(routes, accessLog)
  const origin = await service.listen(order.port, order.mayMove)
  const stop = async (): Promise<void> => {
    await service.stop()
    await outbound.close()
  }
  return { origin, fault: (mode) => service.faults.set(mode), stop }
})
