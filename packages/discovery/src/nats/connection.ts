// The one connection of all watches of a source. Invariant: the client's own reconnecting is off, because it would go on for ever
// behind our back: a connection that is gone is gone, every watch hears of it, and the next question makes a new one.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { discoveryError, reasonOf, sourceFailed } from '../directory-errors.ts'
import type { NatsSettings } from './options.ts'

/** How soon a connection that is dead without a word is noticed: two pings without an answer. */
const pingMs = 10_000

/**
 * Connects when asked, once for all who ask.
 *
 * @example
 * const connection = await shared.get()
 */
export class SharedConnection {
  readonly #settings: NatsSettings
  #current: Promise<NatsConnection> | undefined = undefined
  #isClosed = false

  constructor(settings: NatsSettings) {
    this.#settings = settings
  }

  /** The connection. Rejects with `SG_SOURCE_FAILED` where none comes about; the next call tries again. */
  get(): Promise<NatsConnection> {
    if (this.#isClosed) return Promise.reject(discoveryError(sourceFailed, 'nats: the source was closed'))
    this.#current ??= this.#connect()
    return this.#current
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const current = this.#current
    this.#current = undefined
    // Who failed to connect has nothing to close.
    const connection = await current?.catch(() => undefined)
    await connection?.close()
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, credentials, timeoutMs } = this.#settings
    try {
      const connection = await connect({
        ...credentials,
        servers: [...servers],
        name: 'switchgear discovery',
        timeout: timeoutMs,
        reconnect: false,
        pingInterval: pingMs,
        maxPingOut: 2,
      })
      void connection.closed().finally(() => (this.#current = undefined))
      return connection
    } catch (error) {
      this.#current = undefined
      throw discoveryError(sourceFailed, `nats: ${servers.join(', ')}: ${reasonOf(error)}`, error)
    }
  }
}
