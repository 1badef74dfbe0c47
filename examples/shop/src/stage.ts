// Both shops under the same load, with what they tell entered in one journal. Owns the processes and the load; ends them
// in `close`, whatever happened before.
import type { Config } from '@switchgear/config'
import { seededRandom } from '@switchgear/core/testing'
import { Journal, type Fault, type Transition } from './journal.ts'
import { Load } from './load.ts'
import type { FaultMode, News } from './messages.ts'
import { Processes } from './processes.ts'
import { Scoreboard } from './scoreboard.ts'
import { openShop, serviceNames, type ServiceName, type Shop } from './shop.ts'

export interface StageOptions {
  readonly config: Config
  readonly configPath: string
  readonly gatewayPort: number
  readonly seed: number
  readonly perSecond: number
  readonly onTransition: (transition: Transition) => void
  readonly onFault: (fault: Fault) => void
  /** A process ended by itself. */
  readonly onLost: (name: string, why: string) => void
}

const answersWithinMs = 2000

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
  readonly #processes: Processes
  #shops: readonly Shop[] = []
  #load: Load | undefined

  constructor(options: StageOptions) {
    this.#options = options
    this.#processes = new Processes((name, news) => this.#hear(name, news), options.onLost)
  }

  /** Protected first. Empty until open. */
  get shops(): readonly Shop[] {
    return this.#shops
  }

  /** Starts every process and resolves when all are ready. Throws a StartError. */
  async open(): Promise<void> {
    const { config, configPath, gatewayPort } = this.#options
    const ports = Object.fromEntries(serviceNames.map((name) => [name, portOf(config, name)]))
    const [ours, theirs] = await Promise.all([
      openShop(this.#processes, { side: 'protected', configPath, gatewayPort, ports }),
      openShop(this.#processes, { side: 'unprotected', configPath, gatewayPort: 0, ports: {} }),
    ])
    this.#shops = [ours, theirs]
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

  /** Ends the load and every process. */
  async close(): Promise<void> {
    await this.#load?.stop(0)
    await this.#processes.end()
  }

  #hear(name: string, news: News): void {
    if (news.type === 'transition') {
      this.#options.onTransition(this.journal.transition(name, news, performance.now()))
    } else if (news.type === 'backlog') this.journal.backlog = news
  }
}

/** The port of a service's first endpoint in the config; 0 when it has none. */
function portOf(config: Config, name: string): number {
  const endpoint = config.services[name]?.endpoints[0]
  return endpoint === undefined ? 0 : Number(new URL(endpoint).port)
}
