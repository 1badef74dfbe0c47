// The inventory: what is in stock, and reservations of it.
import { runChild } from '../child.ts'
import { BadRequest, Service, type Answer, type Incoming } from '../service.ts'

const delivery = 500

/** Pieces in stock by article. */
const stock = new Map(['lamp', 'kettle', 'chair', 'radio', 'clock', 'teapot'].map((article) => [article, delivery]))

function list(): Answer {
  return { status: 200, body: [...stock].map(([article, pieces]) => ({ article, pieces })) }
}

function reserve(incoming: Incoming): Answer {
  const article = (incoming.body as { article?: unknown } | null | undefined)?.article
  const pieces = typeof article === 'string' ? stock.get(article) : undefined
  if (typeof article !== 'string' || pieces === undefined) throw new BadRequest(`no such article: ${String(article)}`)
  // A lorry comes when the last piece is gone: the demo never sells out.
  stock.set(article, pieces > 1 ? pieces - 1 : delivery)
  return { status: 200, body: { article, reserved: 1 } }
}

runChild(async ({ order, accessLog }) => {
  const service = new Service({ 'GET /stock': list, 'POST /reserve': reserve }, accessLog)
  const origin = await service.listen(order.port, order.mayMove)
  return { origin, fault: (mode) => service.faults.set(mode), stop: () => service.stop() }
})
