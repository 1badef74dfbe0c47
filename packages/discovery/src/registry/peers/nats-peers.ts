// Registries behind one NATS KV bucket. It connects, shares, and begins anew whenever in doubt: each connection hears the whole
// bucket, so that nothing depends on what was missed. Invariant: it tries for ever, with waits that grow to a bound; after
// `close` no connection and no timer is left.
import { type Clock, type Random, systemClock, systemRandom, type Timer } from '@switchgear/core'
import { check, checkCount, checkKeys } from '@switchgear/core/options'
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { registryError } from '../errors.ts'
import { Bucket, type BucketParts } from './bucket.ts'
import type { Peers, PeersBooks } from './peers.ts'
import { Session } from './session.ts'

/** Where the peers meet. */
export interface NatsPeersOptions {
  /** `host:port` of one or several servers. */
  readonly servers: string | readonly string[]
  /** The same for all registries that share. Default `switchgear-registry`. It is made where it is missing. */
  readonly bucket?: string
  /** Copies that the NATS cluster keeps when it makes the bucket: 1, 3 or 5. Default 1. */
  readonly replicas?: number
  /** Credentials and TLS, as `@nats-io/transport-node` takes them. */
  readonly connection?: Pick<ConnectionOptions, 'user' | 'pass' | 'token' | 'authenticator' | 'tls'>
  /** For connecting and each request, ms. Default 5000. */
  readonly timeoutMs?: number
  /** How often the way to the bucket and back is tried out, ms. Default 10 000. */
  readonly echoMs?: number
  readonly clock?: Clock
  readonly random?: Random
}

const keys = ['servers', 'bucket', 'replicas', 'connection', 'timeoutMs', 'echoMs', 'clock', 'random']
const shortestWaitMs = 200
const longestWaitMs = 2000
/** For hearing everything that a bucket holds. */
const longestSyncMs = 60_000
/** How long `close` waits for what is to be written. */
const farewellMs = 1000

/**
 * Peers of a catalog that share a NATS KV bucket (JetStream, NATS 2.9 or later).
 *
 * @example
 * const catalog = await openCatalog({ path: 'registry.db', peers: natsPeers({ servers: 'nats-1:4222' }) })
 */
export function natsPeers(options: NatsPeersOptions): Peers {
  return new NatsPeers(options)
}

class NatsPeers implements Peers {
  readonly #options: NatsPeersOptions
  readonly #parts: BucketParts
  readonly #clock: Clock
  readonly #random: Random
  readonly #echoMs: number
  #books: PeersBooks | undefined
  #connection: NatsConnection | undefined
  #session: Session | undefined
  #running: Promise<void> = Promise.resolve()
  #closed = false
  /** Ends the waits that are under way. */
  readonly #waits: Set<() => void> = new Set()
  #failures = 0

  constructor(options: NatsPeersOptions) {
    checkKeys(options, keys, 'natsPeers')
    const { servers, bucket = 'switchgear-registry', replicas = 1, timeoutMs = 5000, echoMs = 10_000 } = options
    const named = typeof servers === 'string' ? servers !== '' : Array.isArray(servers) && servers.length > 0
    check(named, 'natsPeers.servers', 'a server or a list of servers', servers)
    check(/^[0-9A-Za-z_-]{1,128}$/.test(bucket), 'natsPeers.bucket', 'letters, digits, _ and -', bucket)
    check([1, 3, 5].includes(replicas), 'natsPeers.replicas', '1, 3 or 5', replicas)
    this.#parts = { bucket, replicas, timeoutMs: checkCount(timeoutMs, 'natsPeers.timeoutMs', 100) }
    this.#echoMs = checkCount(echoMs, 'natsPeers.echoMs', 100)
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
  }

  start(books: PeersBooks): void {
    check(this.#books === undefined, 'openCatalog.peers', 'of one catalog only', 'peers that are in use')
    this.#books = books
    this.#running = this.#run(books)
  }

  spread(key: string): void {
    // Without a session nothing needs to be remembered: the next one compares everything.
    this.#session?.spread(key)
  }

  forget(key: string): void {
    this.#session?.forget(key)
  }

  async close(): Promise<void> {
    this.#closed = true
    const until = this.#clock.now() + farewellMs
    const session = this.#session
    const busy = (): boolean => session !== undefined && session.synced && !session.idle
    while (busy() && this.#clock.now() < until) await this.#pause(10)
    // Best effort: a mark that stays costs a few bytes.
    if (session?.synced)
      await this.#within(
        session.farewell().catch(() => undefined),
        farewellMs,
      )
    this.#wake()
    session?.close()
    await this.#connection?.close()
    await this.#running
  }

  /** Never rejects. */
  async #run(books: PeersBooks): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#meet(books)
        if (!this.#closed) books.lost(cutOff('the connection has ended', undefined))
      } catch (error) {
        if (!this.#closed) books.lost(cutOff(error instanceof Error ? error.message : String(error), error))
      }
      if (this.#closed) return
      const waitMs = Math.min(longestWaitMs, shortestWaitMs * 2 ** this.#failures++)
      await this.#pause(waitMs * (0.5 + this.#random() / 2))
    }
  }

  /** One connection, until it ends. */
  async #meet(books: PeersBooks): Promise<void> {
    const { servers, connection: credentials } = this.#options
    const { timeoutMs } = this.#parts
    const connection = await connect({
      ...credentials,
      servers: typeof servers === 'string' ? servers : [...servers],
      name: `switchgear registry ${books.name}`,
      reconnect: false,
      timeout: timeoutMs,
      pingInterval: 5000,
      maxPingOut: 2,
    })
    this.#connection = connection
    try {
      if (this.#closed) return
      await this.#share(await Bucket.open(connection, this.#parts), connection, books)
    } finally {
      this.#session?.close()
      this.#session = undefined
      this.#wake()
      this.#connection = undefined
      await connection.close()
    }
  }

  async #share(bucket: Bucket, connection: NatsConnection, books: PeersBooks): Promise<void> {
    let failed: (error: unknown) => void = () => {}
    const failure = new Promise<never>((_resolve, reject) => (failed = reject))
    const heard: PeersBooks = { ...books, synced: (fresh) => this.#met(books, fresh) }
    const session = new Session(bucket, heard, this.#random, failed)
    this.#session = session
    const ended = connection.closed().then((error) => {
      throw error instanceof Error ? error : new Error('the connection was closed')
    })
    const beating = this.#beat(session)
    const hearing = session.run()
    // Whatever ends first ends the session; the others end with it, and have nobody left who would listen.
    for (const other of [ended, failure, hearing, beating]) other.catch(() => undefined)
    await Promise.race([ended, failure, hearing, beating])
  }

  #met(books: PeersBooks, fresh: boolean): void {
    this.#failures = 0
    books.synced(fresh)
  }

  /** Tries the way there and back now and then: a connection can be open and the watch dead. */
  async #beat(session: Session): Promise<void> {
    let waitedMs = 0
    for (;;) {
      await this.#pause(this.#echoMs)
      if (this.#session !== session || this.#closed) return
      if (session.synced) {
        const inTime = await this.#within(session.echo(), this.#parts.timeoutMs)
        session.vouch()
        if (!inTime) throw new Error(`the bucket has not answered within ${this.#parts.timeoutMs} ms`)
      } else if ((waitedMs += this.#echoMs) > longestSyncMs)
        throw new Error(`the bucket was not heard to its end within ${longestSyncMs} ms`)
    }
  }

  /** Whether it resolves within `ms`. */
  async #within(promise: Promise<void>, ms: number): Promise<boolean> {
    let timer: Timer | undefined
    const late = new Promise<boolean>((resolve) => (timer = this.#clock.setTimer(() => resolve(false), ms)))
    timer?.hold?.(false)
    try {
      return await Promise.race([promise.then(() => true), late])
    } finally {
      timer?.cancel()
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waits.delete(wake)
        timer.cancel()
        resolve()
      }
      const timer = this.#clock.setTimer(wake, ms)
      timer.hold?.(false)
      this.#waits.add(wake)
    })
  }

  #wake(): void {
    for (const wake of Array.from(this.#waits)) wake()
  }
}

function cutOff(said: string, cause: unknown): ReturnType<typeof registryError> {
  return registryError('SG_REGISTRY_PEERS_FAILED', `the registry's peers cannot be heard: ${said}`, cause)
}
