// A whole system on real sockets: a registry and instances as processes, and in this process the client that finds them there. Owns
// everything that it starts, until the test ends.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDirectory, type Directory, registryResolver, type RosterView } from '@switchgear/discovery'
import { type Client, createClient, type PeerEvent, type PeerView, type ServiceOptions } from '../../src/index.ts'
import { type Child, fixedPort, startChild } from './child.ts'
import type { InstanceSettings } from './instance.ts'
import type { RegistrySettings } from './registry.ts'

/** Of what it is made. */
export interface FleetOptions {
  readonly instances: number
  /** Default 2 s: a heartbeat comes every third of it, and the machine may be busy. */
  readonly leaseMs?: number | undefined
  readonly lameDuckMs?: number | undefined
  readonly workMs?: number | undefined
  readonly status?: number | undefined
}

/** How a client is made. */
export interface CallingOptions {
  /** Where it keeps what it knew last. Default: nowhere. */
  readonly lastKnown?: string | undefined
  readonly service?: ServiceOptions | undefined
}

/** A client with what it has told. */
export interface Calling {
  readonly client: Client
  readonly directory: Directory
  readonly events: PeerEvent[]
  /** Requests on the wire, all tries counted, and the most for one call. */
  readonly attempts: { total: number; most: number }
  readonly view: RosterView
  readonly peers: readonly PeerView[]
  close(): Promise<void>
}

const token = 'token-of-the-scenarios-0123456789'

/** See the head of this file. */
export class Fleet {
  readonly instances = new Map<string, Child>()
  registry: Child | undefined = undefined
  readonly #t: TestContext
  readonly #port: number
  readonly #folder: string
  readonly #options: FleetOptions

  private constructor(t: TestContext, port: number, folder: string, options: FleetOptions) {
    this.#t = t
    this.#port = port
    this.#folder = folder
    this.#options = options
  }

  /** Registry and instances are there, and known to each other. */
  static async start(t: TestContext, options: FleetOptions): Promise<Fleet> {
    const folder = await mkdtemp(join(tmpdir(), 'switchgear-fleet-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const fleet = new Fleet(t, await fixedPort(), folder, options)
    await fleet.startRegistry()
    const ids = Array.from({ length: options.instances }, (_, at) => `orders-${at + 1}`)
    await Promise.all(ids.map((id) => fleet.startInstance(id)))
    return fleet
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get leaseMs(): number {
    return this.#options.leaseMs ?? 2000
  }

  /** On the same port as before, with the file that it had. */
  async startRegistry(): Promise<Child> {
    const path = join(this.#folder, 'registry.db')
    const settings: RegistrySettings = { port: this.#port, path, token, longestLeaseMs: this.leaseMs }
    return (this.registry = await startChild(this.#t, 'registry.ts', settings))
  }

  /** Its next start finds nothing. */
  async loseBooks(): Promise<void> {
    for (const file of ['registry.db', 'registry.db-wal', 'registry.db-shm'])
      await rm(join(this.#folder, file), { force: true })
  }

  async killRegistry(): Promise<void> {
    assert.equal(await this.registry?.kill('SIGKILL'), 'SIGKILL')
  }

  async startInstance(id: string): Promise<Child> {
    const { lameDuckMs = 0, workMs = 5, status } = this.#options
    const { url: registry, leaseMs } = this
    const settings: InstanceSettings = { id, registry, token, leaseMs, lameDuckMs, workMs, status }
    const child = await startChild(this.#t, 'instance.ts', settings)
    this.instances.set(id, child)
    return child
  }

  /** A client that finds `orders` in the registry; ready when it knows all instances, unless the registry is down. */
  call(t: TestContext, { service = {}, lastKnown }: CallingOptions = {}): Calling {
    const onProblem = (): void => undefined
    const resolver = registryResolver({ urls: this.url })
    const directory = createDirectory({ resolver, onProblem, ...(lastKnown === undefined ? {} : { lastKnown }) })
    const events: PeerEvent[] = []
    const attempts = { total: 0, most: 0 }
    const client = createClient({
      discovery: directory,
      services: { orders: service },
      onPeerEvent: (event) => events.push(event),
      onExchange: ({ attempt }) => {
        attempts.total++
        attempts.most = Math.max(attempts.most, attempt)
      },
    })
    const close = async (): Promise<void> => {
      await client.close()
      await directory.close()
    }
    t.after(close)
    return {
      client,
      directory,
      events,
      attempts,
      get view() {
        return directory.roster('orders').view
      },
      get peers() {
        return client.service('orders').endpoints
      },
      close,
    }
  }
}

/** Waits until it holds; fails after `mostMs`, which is long because the machine may be busy. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  mostMs: number = 15_000,
): Promise<void> {
  const end = performance.now() + mostMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${mostMs} ms in vain for: ${what}`)
    await sleep(20)
  }
}
