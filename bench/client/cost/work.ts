// The work that is the same for everybody: an order of 1 KiB is asked for or sent, 20 at a time over connections that are kept.
// Whoever calls begins with an object and ends with one, because Moleculer's call can do nothing else.

/** 1024 bytes as JSON. */
export const order = made()
export const orderJson: string = JSON.stringify(order)

/** GET has no body and an answer of 1 KiB; POST has 1 KiB both ways. */
export type Method = 'GET' | 'POST'
export const path = '/orders/42'
export const inFlight = 20

/** Somebody who can call, set up for one method and a number of endpoints. */
export interface Caller {
  /** Makes that many calls; rejects when one fails or is answered wrongly. */
  drive(calls: number): Promise<void>
  /** What must hold after calls were made, such as that they went through policies; throws if not. */
  prove?(calls: number): void
  /** Ends its connections, where it does not live as long as its process. */
  close?(): Promise<unknown>
}

/** A module of `subjects/` exports this: callers by their variant. */
export type Subjects = Readonly<Record<string, (task: SubjectTask) => Caller | Promise<Caller>>>

/** Whom to call, and how. */
export interface SubjectTask {
  readonly method: Method
  /** One port per endpoint, all on 127.0.0.1. */
  readonly ports: readonly number[]
}

/** Keeps `inFlight` calls under way until `calls` were made. */
export async function keepInFlight(calls: number, call: () => Promise<void>): Promise<void> {
  let left = calls
  const one = async (): Promise<void> => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, calls) }, one))
}

/** Ends the benchmark when the answer is not the order. */
export function checkOrder(answer: unknown): void {
  if ((answer as typeof order | undefined)?.id !== order.id) throw new Error(`unexpected: ${JSON.stringify(answer)}`)
}

/** One after the other, for those who know nothing of several endpoints. */
export function inTurn<T>(all: readonly T[]): () => T {
  let next = 0
  return () => {
    if (next === all.length) next = 0
    return all[next++] as T
  }
}

function made() {
  const items = Array.from({ length: 8 }, (_, index) => ({
    sku: `tea-${index}`,
    title: 'Darjeeling',
    pieces: 3,
    price: 12.5,
  }))
  const base = { id: 42, state: 'paid', customer: 'customer-17', currency: 'EUR', items, note: '' }
  return { ...base, note: '.'.repeat(1024 - JSON.stringify(base).length) }
}
