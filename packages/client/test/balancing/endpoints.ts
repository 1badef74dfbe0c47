// Endpoints for the tests of balancers: what a balancer may know of one, set by hand or kept by a `Load`, and traffic over them on a
// virtual clock with seeded chance, so that every run is the same.
import type { Outcome, Random } from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import type { Balancer, BalancerName, Candidate } from '../../src/balancing/index.ts'
import { createBalancer, Load, type LoadOptions, loadSettings } from '../../src/balancing/index.ts'

/** The same sequences every time; another seed finds others. */
export const seed: number = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

export const names: readonly BalancerName[] = ['peakEwma', 'leastRequest', 'roundRobin', 'weighted', 'random', 'maglev']

/** One whose load and latency do not move by themselves. */
export class Fixed implements Candidate {
  readonly id: string
  readonly zone: string | undefined
  fullWeight: number
  calls = 0
  loadNow = 0
  latencyNow = 0

  constructor(id: string, weight = 1, zone?: string) {
    this.id = id
    this.fullWeight = weight
    this.zone = zone
  }

  weight(): number {
    return this.fullWeight
  }

  load(): number {
    return this.loadNow
  }

  latencyMs(): number {
    return this.latencyNow
  }
}

/** `count` of them: e0, e1, ... */
export function fixed(count: number, weight: (index: number) => number = () => 1, zone?: string): Fixed[] {
  return Array.from({ length: count }, (_, index) => new Fixed(`e${index}`, weight(index), zone))
}

/** Picks once and counts it. */
export function pickFrom<C extends Candidate & { calls: number }>(
  balancer: Balancer<C>,
  { key, tried = [], now = 0 }: { key?: string; tried?: readonly C[]; now?: number } = {},
): C | undefined {
  const picked = balancer.pick({ now, key, tried })
  if (picked !== undefined) picked.calls++
  return picked
}

/** What a call to a server comes to. */
export interface Answer {
  readonly tookMs: number
  readonly outcome: Outcome
}

/** How a server behaves. */
export type Answering = (random: Random) => Answer

/** An endpoint with a server behind it. */
export class Server implements Candidate {
  readonly id: string
  readonly zone = undefined
  readonly account: Load
  answer: Answering
  calls = 0

  constructor(id: string, answer: Answering, { weight = 1, since = -Infinity, load }: ServerOptions = {}) {
    this.id = id
    this.answer = answer
    this.account = new Load(loadSettings(load), weight, since)
  }

  weight(now: number): number {
    return this.account.weight(now)
  }

  load(now: number): number {
    return this.account.load(now)
  }

  latencyMs(now: number): number {
    return this.account.latencyMs(now)
  }
}

/** How a server's account begins. */
export interface ServerOptions {
  readonly weight?: number
  readonly since?: number
  readonly load?: LoadOptions
}

/** Answers well, in `meanMs` on average: half of it always, the rest by chance. */
export function good(meanMs: number): Answering {
  return (random) => ({ tookMs: meanMs * (0.5 - Math.log(1 - random()) / 2), outcome: 'success' })
}

/** Fails after `tookMs`. */
export function failing(tookMs: number): Answering {
  return () => ({ tookMs, outcome: 'failure' })
}

/** Calls that arrive by chance, `perSecond` on average, and go where the balancer says. */
export class Traffic {
  readonly clock: VirtualClock = new VirtualClock()
  readonly balancer: Balancer<Server>
  readonly #random: Random
  readonly #perSecond: number
  /** Of all calls that have ended, in the order of their end. */
  tookMs: number[] = []

  constructor(name: BalancerName, servers: readonly Server[], perSecond: number) {
    this.#random = seededRandom(seed)
    this.balancer = createBalancer<Server>(name, { random: this.#random })
    this.balancer.update(servers)
    this.#perSecond = perSecond
    this.#arrive()
  }

  /** Lets time pass, and forgets what was counted before. */
  warm(ms: number, servers: readonly Server[]): void {
    this.clock.advanceSync(ms)
    this.tookMs = []
    for (const server of servers) server.calls = 0
  }

  /** What so many of a hundred calls took at most. */
  percentile(share: number): number {
    const sorted = this.tookMs.toSorted((a, b) => a - b)
    return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
  }

  #arrive(): void {
    this.clock.setTimer(
      () => {
        this.#call()
        this.#arrive()
      },
      (-Math.log(1 - this.#random()) * 1000) / this.#perSecond,
    )
  }

  #call(): void {
    const startedAt = this.clock.now()
    const server = pickFrom(this.balancer, { now: startedAt })
    if (server === undefined) return
    const { account } = server
    const { tookMs, outcome } = server.answer(this.#random)
    account.enter(startedAt)
    this.clock.setTimer(() => {
      account.settle(outcome, tookMs, this.clock.now())
      account.exit()
      this.tookMs.push(tookMs)
    }, tookMs)
  }
}

/** A server's part of all calls. */
export function shareOf(server: { readonly calls: number }, all: readonly { readonly calls: number }[]): number {
  return server.calls / all.reduce((sum, { calls }) => sum + calls, 0)
}
