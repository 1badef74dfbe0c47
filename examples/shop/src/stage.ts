// Both shops under the same load, with what they tell entered in one journal. Owns the processes and the load; ends them
// in `close`, whatever happened before.
import { createServer } from 'node:net'
import type { Config } from '@switchgear/config'
import { seededRandom } from '@switchgear/core/testing'
import { Journal, type Fault, type Transition } from './journal.ts'
import { ask, bodyOf, kinds, Load } from './load.ts'
import type { FaultMode, News } from './messages.ts'
import { Processes, type ServiceProcess, StartError } from './processes.ts'
import { Scoreboard } from './scoreboard.ts'
import { openShop, serviceNames, type ServiceName, type Shop } from './shop.ts'
import { type TraceReport, Tracing } from './tracing.ts'

export interface StageOptions {
  readonly config: Config
  readonly configPath: string
  readonly gatewayPort: number
  readonly seed: number
  readonly perSecond: number
  /** File for the requests that services of the protected shop failed; undefined: none. */
  readonly log: string | undefined
  readonly onTransition: (transition: Transition) => void
  readonly onFault: (fault: Fault) => void
  /** A process ended by itself; whether it will be started again: not when the shop was not open yet. */
  readonly onLost: (name: string, why: string, restarts: boolean) => void
  /** It is ready again. */
  readonly onBack: (name: string) => void
}

const answersWithinMs = 2000
/** As long as an orchestrator would take. */
const restartAfterMs = 5000
const knocks = 8
const knockWithinMs = 10_000

/**
 * The stage on which the story plays.
 *
 * @example
 * const stage = new Stage(options)
 * try {
 *   await stage.open()
 *   stage.load.start()
 * } finally {
 *   await stage.close()
 * }
 */
export class Stage {
  readonly journal: Journal = new Journal()
  readonly protected: Scoreboard = new Scoreboard()
  readonly unprotected: Scoreboard = new Scoreboard()
  readonly #options: StageOptions
  readonly tracing: Tracing
  readonly #processes: Processes
  #shops: readonly Shop[] = []
  #load: Load | undefined
  readonly #restarts = new Set<NodeJS.Timeout>()

  constructor(options: StageOptions) {
    this.#options = options
    this.tracing = new Tracing((name, why) => this.#lost(name, why))
    this.#processes = new Processes(
      (name, news) => this.#hear(name, news),
      (name, why) => this.#lost(name, why),
    )
  }

  /** What has processes: the protected shop, the unprotected one, the tracing. Empty until open. */
  get parts(): readonly (Shop | Tracing)[] {
    return this.#shops.length === 0 ? [] : [...this.#shops, this.tracing]
  }

  /** All that run; empty until open. */
  get processes(): readonly ServiceProcess[] {
    return this.parts.flatMap(({ processes }) => processes)
  }

  /** Starts every process and resolves when all are ready. Throws a StartError. */
  async open(): Promise<void> {
    const { config, configPath, gatewayPort, log } = this.#options
    // Found out here, before ten processes start, so that the answer comes at once; the gateway has the last word.
    await checkFree(config.gateway?.host ?? '127.0.0.1', gatewayPort)
    const ports = Object.fromEntries(serviceNames.map((name) => [name, portOf(config, name)]))
    const collector = this.tracing.start()
    const origin = collector.then(({ origin }) => origin)
    // The unprotected twin stays as it is: nobody shall say that watching it is what slows it down.
    const bare = { collector: undefined, log: undefined }
    const [ours, theirs] = await Promise.all([
      openShop(this.#processes, { side: 'protected', configPath, gatewayPort, ports, collector: origin, log }),
      openShop(this.#processes, { side: 'unprotected', configPath, gatewayPort: 0, ports: {}, ...bare }),
    ])
    this.#shops = [ours, theirs]
    await Promise.all(this.#shops.map(knock))
  }

  /** Lets customers in. */
  begin(): void {
    const scores = [this.protected, this.unprotected]
    const targets = this.#shops.map((shop, index) => ({ urlOf: shop.urlOf, score: scores[index] ?? new Scoreboard() }))
    const { perSecond, seed } = this.#options
    this.#load = new Load({ perSecond, random: seededRandom(seed), targets })
    this.#load.start()
  }

  /** Lets no more customers in and waits a little for those inside. */
  async finish(): Promise<void> {
    await this.#load?.stop(answersWithinMs)
  }

  /** Tells a service of both shops how to behave; answers when. */
  fault(service: ServiceName, mode: FaultMode): number {
    const fault: Fault = { service, mode, at: performance.now() }
    for (const shop of this.#shops) shop.fault(service, mode)
    this.journal.fault(fault)
    this.#options.onFault(fault)
    return fault.at
  }

  /** Ends both shops, and answers what their traces show. */
  async closeShops(): Promise<TraceReport | undefined> {
    await this.#endShops()
    return await this.tracing.report()
  }

  /** Ends the load and every process: last the collector, which receives the last spans of the others. */
  async close(): Promise<void> {
    await this.#endShops()
    await this.tracing.end()
  }

  async #endShops(): Promise<void> {
    for (const timer of this.#restarts) clearTimeout(timer)
    await this.#load?.stop(0)
    await this.#processes.end()
  }

  /** A service may be killed at any time; the shop goes on without it until it is back. */
  #lost(name: string, why: string): void {
    const part = this.parts.find(({ processes }) => processes.some((process) => process.name === name))
    this.#options.onLost(name, why, part !== undefined)
    if (part === undefined) return
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      part.restart(name)?.then(
        () => this.#options.onBack(name),
        (error: unknown) => this.#failed(name, error),
      )
    }, restartAfterMs)
    this.#restarts.add(timer)
  }

  #failed(name: string, error: unknown): void {
    // The shop is closing, and so is everything that it was just starting.
    if (!(error instanceof StartError)) throw error
    if (!this.#processes.ending) this.#lost(name, error.message)
  }

  #hear(name: string, news: News): void {
    if (news.type === 'transition') {
      this.#options.onTransition(this.journal.transition(name, news, performance.now()))
    } else if (news.type === 'sent') {
      this.tracing.sent(news)
    } else if (news.type === 'backlog') {
      const { waiting, queued, settled } = news
      this.journal.backlog = { waiting, queued, settled }
    }
  }
}

/** Throws a StartError when somebody else listens there. Any other trouble is left for the gateway to tell. */
function checkFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EADDRINUSE') reject(new StartError(`port ${port} is in use`, port))
      else resolve()
    })
    probe.listen(port, host, () => probe.close(() => resolve()))
  })
}

/**
 * Asks for every route of a shop some times, one after the other. It proves that the shop works before anything is
 * measured, and leaves it with warm code and open connections. Throws a StartError.
 */
async function knock(shop: Shop): Promise<void> {
  for (let round = 0; round < knocks; round++) {
    for (const { route } of kinds) {
      const { verdict, why } = await ask(
        shop.urlOf(route),
        route,
        bodyOf(route, round),
        AbortSignal.timeout(knockWithinMs),
      )
      if (verdict !== 'full') throw new StartError(`the ${shop.side} shop does not serve ${route}: ${why}`)
    }
  }
}

/** The port of a service's first endpoint in the config; 0 when it has none. */
function portOf(config: Config, name: string): number {
  const endpoint = config.services[name]?.endpoints?.[0]
  return endpoint === undefined ? 0 : Number(new URL(endpoint).port)
}
