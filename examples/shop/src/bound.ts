// The arithmetic of an outage. Unprotected, every request that needs the hanging service waits: rate x time. Protected,
// no more wait than the bulkheads in front of the service let in; everybody else is answered at once.
import type { ServiceOptions } from '@switchgear/client'
import { patienceMs, paymentShare } from './load.ts'

/** How many requests wait at the end of an outage where nothing protects them. */
export function pileUp(perSecond: number, outageMs: number): number {
  return Math.round((perSecond * paymentShare * Math.min(outageMs, patienceMs)) / 1000)
}

/** How long a request that waits for nobody may take on a busy machine: far longer than on a calm one. */
const passingSeconds = 2

/**
 * The most that may be in flight in the protected shop: the bulkheads of the processes that call `service`, and all
 * requests of two seconds that only pass by. Undefined when the config declares no bulkhead.
 */
export function inFlightBound(
  service: ServiceOptions | undefined,
  callers: number,
  perSecond: number,
): number | undefined {
  for (const policy of service?.policies ?? []) {
    if (!('bulkhead' in policy)) continue
    const { maxInFlight, maxQueue = 0 } = policy.bulkhead
    if (maxInFlight !== undefined) return callers * (maxInFlight + maxQueue) + passingSeconds * perSecond
  }
  return undefined
}
