// A registry as a process in which instances come, move and go all the time, by the seed it is told. Nobody is behind them but a few
// servers whose ports they share: what is asked is what becomes of those who follow.
import type { AddressInfo } from 'node:net'
import { seededRandom } from '@switchgear/core/testing'
import { createRegistryServer, openCatalog, type Registration } from '@switchgear/discovery'
import { ready, settings } from './parent.ts'

/** How it is started. */
export interface ChurningSettings {
  readonly seed: number
  readonly instances: number
  /** Changes a second. */
  readonly perSecond: number
  /** Of the servers. */
  readonly ports: readonly number[]
}

/** What it has done. */
export interface ChurningNews {
  readonly came: number
  readonly moved: number
}

const tickMs = 50
const { seed, instances, perSecond, ports } = settings<ChurningSettings>()
const random = seededRandom(seed)
const catalog = await openCatalog({ bounds: { maxInstancesPerService: instances + 10 } })
const server = createRegistryServer({ catalog, port: 0, heartbeat: '500ms' })
await server.start()

const secrets: { readonly id: string; readonly secret: string }[] = []
let came = 0
let moved = 0

function register(id: string): void {
  const port = ports[Math.floor(random() * ports.length)] as number
  // A lease that outlasts the scenario, because nobody sends heartbeats.
  const registration: Registration = {
    service: 'orders',
    id,
    endpoint: { address: '127.0.0.1', port },
    leaseMs: 300_000,
  }
  secrets.push({ id, secret: catalog.register(registration).secret })
}

/** Most go and another one comes; some only appear at another place under their name. */
function change(): void {
  const [one] = secrets.splice(Math.floor(random() * secrets.length), 1)
  if (one === undefined) return
  if (random() < 0.3) {
    moved++
    return register(one.id)
  }
  catalog.deregister('orders', one.id, one.secret)
  register(`orders-${++came}`)
}

while (secrets.length < instances) register(`orders-${++came}`)
let timer: NodeJS.Timeout | undefined
const news = (): ChurningNews => ({ came, moved })
ready(
  { port: (server.server.address() as AddressInfo).port },
  {
    begin() {
      let owed = 0
      timer ??= setInterval(() => {
        for (owed += (perSecond * tickMs) / 1000; owed >= 1; owed--) change()
      }, tickMs)
    },
    end() {
      clearInterval(timer)
      timer = undefined
      return news()
    },
    news,
  },
)
