// Recommendations: the articles that sell best, by the inventory's numbers. In the protected shop the last good answer is
// kept and given, marked, while the inventory is away.
import { classifyHttp, fallback, pipeline } from '@switchgear/core'
import { runChild } from '../child.ts'
import { openOutbound, type Outbound } from '../outbound.ts'
import { Service, type Answer, type Incoming } from '../service.ts'

interface StockLine {
  readonly article: string
  readonly pieces: number
}

const shown = 3

function recommend(outbound: Outbound): (incoming: Incoming) => Promise<Answer> {
  let lastGood: Answer | undefined
  /** Nothing cached yet: the error stands, and the gateway has its own bestsellers. */
  const cached = (error: unknown): Answer => {
    if (lastGood === undefined) throw error
    return { ...lastGood, headers: { 'switchgear-fallback': 'cached' } }
  }
  const ask = async ({ signal, traceparent }: Incoming): Promise<Answer> => {
    const response = await outbound.call('inventory', '/stock', { method: 'GET', signal, traceparent })
    if (!response.ok) {
      await response.body?.cancel()
      return { status: response.status, body: { error: `the inventory answered ${response.status}` } }
    }
    const stock = (await response.json()) as readonly StockLine[]
    const best = stock.toSorted((a, b) => a.pieces - b.pieces).slice(0, shown)
    lastGood = { status: 200, body: best.map(({ article }) => article) }
    return lastGood
  }
  if (!outbound.guarded) return ask
  const remembered = pipeline({ name: 'recommendations', classify: classifyHttp }, fallback(cached))
  return (incoming) => remembered.execute(() => ask(incoming), { signal: incoming.signal })
}

runChild(async (order, tell) => {
  const outbound = await openOutbound(order, tell)
  const service = new Service({ 'GET /recommendations': recommend(outbound) })
  const origin = await service.listen(order.port, order.mayMove)
  const stop = async (): Promise<void> => {
    await service.stop()
    await outbound.close()
  }
  return { origin, fault: (mode) => service.faults.set(mode), stop }
})
