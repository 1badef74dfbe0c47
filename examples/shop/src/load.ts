// Customers: an open loop that sends at a fixed rate whether or not anybody answers, the same requests to every shop at
// the same time. The mix comes from a seed. Bounded: customers have patience, and there are only so many of them.
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import type { Random } from '@switchgear/core'
import type { Scoreboard, Verdict } from './scoreboard.ts'

/** One kind of request, its share of the load, and whether it can be done without payments. */
export interface Kind {
  readonly route: string
  readonly share: number
  readonly needsPayments: boolean
}

/** The mix. `POST /pay` has no fallback: it shows what an honest refusal looks like. */
export const kinds: readonly Kind[] = [
  { route: 'GET /orders', share: 0.3, needsPayments: false },
  { route: 'GET /recommendations', share: 0.25, needsPayments: false },
  { route: 'POST /checkout', share: 0.35, needsPayments: true },
  { route: 'POST /pay', share: 0.1, needsPayments: true },
]

/** The share of the load that needs payments. */
export const paymentShare: number = kinds.reduce((sum, kind) => sum + (kind.needsPayments ? kind.share : 0), 0)

/** A shop as the load sees it. */
export interface Target {
  /** Where a route is served: 'GET /orders' to a whole URL. */
  urlOf(route: string): string
  readonly score: Scoreboard
}

/** What became of one request: the verdict, and its status or error code. */
export interface Result {
  readonly verdict: Verdict
  readonly why: string
}

/** How long a customer waits for an answer. */
export const patienceMs = 30_000

const tickMs = 5
/** More than this behind (a sleeping laptop) is not caught up with. */
const backlogMs = 1000
/** Per shop. Above it nothing more is sent until somebody is answered or gives up. */
const unansweredAtMost = 5000

/** Draws the kind of the next request. */
export function drawKind(random: Random): Kind {
  let left = random()
  for (const kind of kinds) {
    left -= kind.share
    if (left < 0) return kind
  }
  // Shares may sum to a hair below 1.
  return kinds.at(-1) as Kind
}

/**
 * The load on some shops.
 *
 * @example
 * const load = new Load({ perSecond: 40, random: seededRandom(1), targets })
 * load.start()
 * await load.stop(2000)
 */
export class Load {
  readonly #perSecond: number
  readonly #random: Random
  readonly #targets: readonly Target[]
  readonly #open = new Set<AbortController>()
  #timer: NodeJS.Timeout | undefined
  #begunAt = 0
  #count = 0

  constructor(options: { readonly perSecond: number; readonly random: Random; readonly targets: readonly Target[] }) {
    this.#perSecond = options.perSecond
    this.#random = options.random
    this.#targets = options.targets
  }

  start(): void {
    this.#begunAt = performance.now()
    this.#count = 0
    this.#timer = setInterval(() => this.#tick(), tickMs)
  }

  /** Sends nothing more, waits up to `graceMs` for answers, and gives up on the rest. */
  async stop(graceMs: number): Promise<void> {
    clearInterval(this.#timer)
    const until = performance.now() + graceMs
    while (this.#open.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20))
    for (const controller of this.#open) controller.abort(new Error('the load ended'))
    // Each aborted request still takes a turn or two to be entered in the books.
    while (this.#open.size > 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }

  #tick(): void {
    const behindMs = performance.now() - this.#begunAt - (this.#count * 1000) / this.#perSecond
    if (behindMs > backlogMs) this.#begunAt += behindMs - backlogMs
    for (let due = Math.floor((Math.min(behindMs, backlogMs) * this.#perSecond) / 1000); due > 0; due--) {
      this.#count++
      const { route } = drawKind(this.#random)
      const body = bodyOf(route, this.#count)
      for (const target of this.#targets) {
        if (target.score.inFlight < unansweredAtMost) void this.#send(target, route, body)
      }
    }
  }

  /** One request from its first byte to its last. Never throws: whatever happens is a verdict. */
  async #send(target: Target, route: string, body: string | undefined): Promise<void> {
    const controller = new AbortController()
    const patience = setTimeout(() => controller.abort(new Error('out of patience')), patienceMs)
    this.#open.add(controller)
    target.score.sent()
    const begunAt = performance.now()
    const result = await ask(target.urlOf(route), route, body, controller.signal)
    clearTimeout(patience)
    this.#open.delete(controller)
    target.score.done({ route, begunAt, tookMs: performance.now() - begunAt, ...result })
  }
}

/** As many connections as there are customers waiting: a queue for connections would hide what the load is to show. */
const agent = new Agent({ keepAlive: true })

/** One request, to its last byte. Never rejects: whatever happens is a verdict. It uses node:http, because a load must be cheap. */
export function ask(url: string, route: string, body: string | undefined, signal: AbortSignal): Promise<Result> {
  const method = route.split(' ', 1)[0] ?? 'GET'
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise((resolve) => {
    const fail = ({ code }: NodeJS.ErrnoException): void =>
      resolve({ verdict: 'failed', why: signal.aborted ? 'no answer' : (code ?? 'connection error') })
    const outgoing = request(url, { method, headers, agent, signal }, (response) => {
      const { statusCode = 0 } = response
      response.once('end', () => resolve({ verdict: verdictOf(statusCode, response.headers), why: String(statusCode) }))
      response.on('error', fail).resume()
    })
    outgoing.on('error', fail).end(body)
  })
}

/** What an answer is worth to the customer. */
export function verdictOf(status: number, headers: IncomingHttpHeaders): Verdict {
  if (status >= 200 && status < 300) return headers['switchgear-fallback'] === undefined ? 'full' : 'fallback'
  return status === 503 && headers['retry-after'] !== undefined ? 'refused' : 'failed'
}

const articles = ['lamp', 'kettle', 'chair', 'radio', 'clock', 'teapot']

/** What the `count`-th request to `route` carries. */
export function bodyOf(route: string, count: number): string | undefined {
  if (route === 'POST /checkout') return JSON.stringify({ article: articles[count % articles.length], amount: 20 })
  return route === 'POST /pay' ? JSON.stringify({ amount: 5 }) : undefined
}
