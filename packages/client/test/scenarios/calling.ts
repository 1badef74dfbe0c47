// A client as a process, under load, which can say what it holds: run with --expose-gc.
import { type Clock, systemClock } from '@switchgear/core'
import { createDirectory, registryResolver } from '@switchgear/discovery'
import { createClient } from '../../src/index.ts'
import { Load } from './load.ts'
import { ready, settings } from './parent.ts'

/** How it is started. */
export interface CallingSettings {
  readonly registry: string
  readonly perSecond: number
}

/** What it holds and has done. */
export interface Holdings {
  /** What lives on the heap after it was collected, and in buffers beside it, bytes. */
  readonly heap: number
  readonly buffers: number
  /** Timers that are set, of the client and of discovery. */
  readonly timers: number
  readonly peers: number
  readonly known: number
  readonly added: number
  readonly removed: number
  readonly otherEvents: number
  readonly calls: number
  readonly succeeded: number
  readonly failures: readonly (readonly [string, number])[]
  readonly cpuSeconds: number
}

const { registry, perSecond } = settings<CallingSettings>()
let timers = 0
/** The host's time, with a count of what is set. */
const clock: Clock = {
  now: () => systemClock.now(),
  wallNow: () => systemClock.wallNow(),
  setTimer(run, ms) {
    timers++
    let isSet = true
    const over = (): void => {
      if (isSet) timers--
      isSet = false
    }
    const timer = systemClock.setTimer(() => {
      over()
      run()
    }, ms)
    return {
      hold: (holds: boolean) => timer.hold?.(holds),
      cancel() {
        over()
        timer.cancel()
      },
    }
  },
}

const directory = createDirectory({ resolver: registryResolver({ urls: registry, clock }), clock })
const events = { added: 0, removed: 0, other: 0 }
const client = createClient({
  discovery: directory,
  services: { orders: {} },
  clock,
  onPeerEvent: ({ type }) => void events[type === 'added' || type === 'removed' ? type : 'other']++,
})
const orders = client.service('orders')
const load = new Load({ after: () => undefined }, { perSecond, call: () => orders.fetch('/') })

async function holdings(): Promise<Holdings> {
  const collect = globalThis.gc as () => void
  // What is freed only by finalizers and the next turn goes with the second.
  collect()
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const { heapUsed: heap, arrayBuffers: buffers } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return {
    heap,
    buffers,
    timers,
    peers: orders.endpoints.length,
    known: directory.roster('orders').view.entries.length,
    added: events.added,
    removed: events.removed,
    otherEvents: events.other,
    calls: load.calls,
    succeeded: load.succeeded,
    failures: [...load.failures],
    cpuSeconds: (user + system) / 1e6,
  }
}

ready(
  {},
  {
    holdings,
    stop: async () => {
      await load.stop()
      return holdings()
    },
    close: async () => {
      await client.close()
      await directory.close()
      return holdings()
    },
  },
)
