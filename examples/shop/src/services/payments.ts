// The payment service: the one that dies in the story. A charge is made once per idempotency key, so whoever is in doubt
// whether a charge arrived may safely send it again.
import { setTimeout as sleep } from 'node:timers/promises'
import { runChild } from '../child.ts'
import { BadRequest, Service, type Answer, type Incoming } from '../service.ts'

const bankTakesMs = 8
const keysRemembered = 10_000

const charges = new Map<string, Answer>()
let receipts = 0

async function charge(incoming: Incoming): Promise<Answer> {
  const amount = (incoming.body as { amount?: unknown } | null | undefined)?.amount
  if (typeof amount !== 'number' || !(amount > 0)) throw new BadRequest('amount must be a number above 0')
  const key = incoming.idempotencyKey
  const earlier = key === undefined ? undefined : charges.get(key)
  if (earlier !== undefined) return earlier
  await sleep(bankTakesMs)
  const answer: Answer = { status: 200, body: { receipt: `receipt-${++receipts}`, amount } }
  if (key !== undefined) remember(key, answer)
  return answer
}

/** Maps keep their order, so the first key is the oldest. */
function remember(key: string, answer: Answer): void {
  charges.set(key, answer)
  const [oldest] = charges.keys()
  if (charges.size > keysRemembered && oldest !== undefined) charges.delete(oldest)
}

runChild(async ({ order, accessLog }) => {
  const service = new Service({ 'POST /charge': charge, 'POST /pay': charge }, accessLog)
  const origin = await service.listen(order.port, order.mayMove)
  return { origin, fault: (mode) => service.faults.set(mode), stop: () => service.stop() }
})
