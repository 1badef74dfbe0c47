// Handing spans to `take` with a deadline. A taker cannot be called back: what it answers too late is not believed any more,
// because its sender has been told to send the same spans again.
import type { SpanData } from '../trace/span-data.ts'
import type { Take, TakeResult } from './receiver-options.ts'

/** Calls `take` now; a throw becomes a rejection. */
export async function beginTake(take: Take, spans: readonly SpanData[]): Promise<TakeResult | undefined> {
  return (await take(spans)) ?? undefined
}

/** What `taking` resolves to. Rejects when that is later than `ms`; a later error of its own then belongs to nobody. */
export function within<T>(taking: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`take did not finish within ${ms} ms`)), ms)
    timer.unref()
    taking.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
