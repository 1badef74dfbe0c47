// From samples and transitions to the numbers of the report. Pure. A request belongs to the outage when it was sent
// between break and heal, whenever it ended; shares are of all requests sent, not only of those that were answered.
import type { Transition } from './journal.ts'
import { percentile } from './percentile.ts'
import { isServed, type Sample, type Scoreboard, type Verdict } from './scoreboard.ts'

/** Counts of some requests by what the customer got. */
export interface Tally extends Readonly<Record<Verdict, number>> {
  readonly requests: number
  /** Answered in full or by a declared fallback, of all requests; 1 when there were none. */
  readonly shareServed: number
}

/** Milliseconds; undefined when there was nothing to measure. */
export interface Latency {
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
}

/** The numbers of one shop. */
export interface ShopMeasure {
  readonly all: Tally
  readonly outage: Tally
  readonly routes: Readonly<Record<string, Tally>>
  readonly inFlightAtMost: number
  readonly latency: Latency
  /** Of the requests that got 503 with Retry-After during the outage. */
  readonly refusal: Latency
  /** Of the requests that got a declared fallback during the outage. */
  readonly fallback: Latency
  /** Why requests failed: status or error code, and how often. */
  readonly failures: Readonly<Record<string, number>>
}

/** One process's circuit in front of one service. */
export interface CircuitMeasure {
  readonly process: string
  readonly service: string
  /** Milliseconds from the break to the first opening, and from heal to the last closing; undefined: it did not. */
  readonly openedAfterMs: number | undefined
  readonly recoveredAfterMs: number | undefined
}

/** When the service was broken and healed. */
export interface Outage {
  readonly brokenAt: number
  readonly healedAt: number
}

export function measureShop(score: Scoreboard, { brokenAt, healedAt }: Outage): ShopMeasure {
  const { samples } = score
  const outage = samples.filter(({ begunAt }) => begunAt >= brokenAt && begunAt < healedAt)
  const failures: Record<string, number> = {}
  for (const { verdict, why } of samples) if (verdict === 'failed') failures[why] = (failures[why] ?? 0) + 1
  const routes = Object.groupBy(samples, ({ route }) => route)
  return {
    all: tally(samples),
    outage: tally(outage),
    routes: Object.fromEntries(Object.entries(routes).map(([route, some = []]) => [route, tally(some)])),
    inFlightAtMost: score.inFlightAtMost,
    latency: latencyOf(samples),
    refusal: latencyOf(outage.filter(({ verdict }) => verdict === 'refused')),
    fallback: latencyOf(outage.filter(({ verdict }) => verdict === 'fallback')),
    failures,
  }
}

/** Counts `samples`. */
export function tally(samples: readonly Sample[]): Tally {
  const counts = { full: 0, fallback: 0, refused: 0, failed: 0 }
  for (const { verdict } of samples) counts[verdict]++
  const served = samples.reduce((sum, { verdict }) => sum + (isServed(verdict) ? 1 : 0), 0)
  return { requests: samples.length, ...counts, shareServed: samples.length === 0 ? 1 : served / samples.length }
}

/** How the circuit of `process` in front of `service` behaved in the outage. */
export function measureCircuit(
  transitions: readonly Transition[],
  process: string,
  service: string,
  { brokenAt, healedAt }: Outage,
): CircuitMeasure {
  const own = transitions.filter((transition) => transition.process === process && transition.service === service)
  const opened = own.find(({ to, at }) => to === 'open' && at >= brokenAt)
  const last = own.at(-1)
  // Only a circuit that opened has anything to recover from, and it has recovered only if it stayed closed.
  const recovered = opened !== undefined && last?.to === 'closed' && last.at >= healedAt
  return {
    process,
    service,
    openedAfterMs: opened === undefined ? undefined : opened.at - brokenAt,
    recoveredAfterMs: recovered ? last.at - healedAt : undefined,
  }
}

function latencyOf(samples: readonly Sample[]): Latency {
  const tookMs = samples.map((sample) => sample.tookMs)
  return { p50Ms: percentile(tookMs, 0.5), p99Ms: percentile(tookMs, 0.99) }
}
