// The HTTP JSON gateway of an etcd cluster: questions, open watches, the token of a user, and which member is spoken to. Invariant: a
// question is tried once on each member before it fails; nothing of a connection keeps the process alive; no credential stands in
// a message. Source: "Using the HTTP JSON gateway" in etcd's documentation of version 3.4.
import type { Socket } from 'node:net'
import { buildConnector, Pool } from 'undici'
import { discoveryError, reasonOf, sourceFailed } from '../directory-errors.ts'
import { Deadline } from '../polling/deadline.ts'
import { type Answer, boundedText } from '../polling/origin.ts'
import { excerpt } from '../polling/source-error.ts'
import type { EtcdSettings, EtcdUser } from './options.ts'

/** etcd's own limit of a message is 1.5 MiB for requests; a page of keys is asked for so that it stays below this. */
const mostBytes = 32 * 1024 ** 2

/** What etcd answered that it will not do; asking another member would change nothing. */
class Refusal extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/**
 * A cluster.
 *
 * @example
 * const answer = await gateway.ask('/v3/kv/range', { key: toBase64('a') }, signal)
 */
export class EtcdGateway {
  readonly #settings: EtcdSettings
  readonly #pools: readonly Pool[]
  #member = 0
  #token: string | undefined = undefined

  constructor(settings: EtcdSettings) {
    this.#settings = settings
    const connector = buildConnector({ ...settings.tls, allowH2: false, timeout: settings.timeoutMs })
    const connect: buildConnector.connector = (options, callback) =>
      connector(options, (...result) => {
        // A connection that did not come about has an error and nothing else.
        const [, socket] = result as readonly [Error | null, Socket | null | undefined]
        if (socket) release(socket)
        callback(...result)
      })
    // Time limits are ours: a watch that is silent for minutes is as it should be.
    this.#pools = settings.urls.map(
      (url) => new Pool(url.origin, { allowH2: false, headersTimeout: 0, bodyTimeout: 0, connect }),
    )
  }

  /** One question, to each member until one answers. Rejects with `SG_SOURCE_FAILED`, or with the reason of `signal`. */
  async ask(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const first = this.#member
    for (let tried = 0; ; tried++) {
      const member = (first + tried) % this.#pools.length
      try {
        const answer = await this.#asUser(member, signal, () => this.#once(member, path, body, signal))
        this.#member = member
        return answer
      } catch (error) {
        if (signal.aborted || error instanceof Refusal || tried + 1 === this.#pools.length)
          throw this.#failure(member, error)
      }
    }
  }

  /** Opens a stream of answers on the member that answered last. Its head has arrived; the body must be read or destroyed. */
  async open(path: string, body: unknown, deadline: Deadline, signal: AbortSignal): Promise<Answer['body']> {
    const member = this.#member
    try {
      const answer = await this.#asUser(member, signal, () => this.#send(member, path, body, deadline))
      return answer.body
    } catch (error) {
      throw this.#failure(member, error)
    }
  }

  /** The token is no longer good. */
  forget(): void {
    this.#token = undefined
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()))
  }

  /** Runs with a token, with a new one where etcd does not know it any more: it has restarted, or the token was too old. */
  async #asUser<T>(member: number, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const { user } = this.#settings
    if (user === undefined) return run()
    const hadToken = this.#token !== undefined
    if (!hadToken) await this.#authenticate(member, user, signal)
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401 || !hadToken) throw error
      await this.#authenticate(member, user, signal)
      return run()
    }
  }

  async #authenticate(member: number, user: EtcdUser, signal: AbortSignal): Promise<void> {
    this.#token = undefined
    const answer = (await this.#once(member, '/v3/auth/authenticate', user, signal)) as { readonly token?: unknown }
    if (typeof answer.token !== 'string' || !/^[\x21-\x7e]{1,8192}$/.test(answer.token))
      throw new Error('it gave no token')
    this.#token = answer.token
  }

  async #once(member: number, path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const { clock, timeoutMs } = this.#settings
    const deadline = new Deadline(clock, signal, timeoutMs, () => new Error(`no answer within ${timeoutMs} ms`))
    try {
      const answer = await this.#send(member, path, body, deadline)
      const text = await boundedText(answer.body, mostBytes, () => new Error(`more than ${mostBytes} bytes`))
      return JSON.parse(text) as unknown
    } finally {
      deadline.end()
    }
  }

  async #send(member: number, path: string, body: unknown, deadline: Deadline): Promise<Answer> {
    const pool = this.#pools[member]
    if (pool === undefined) throw new Error('no member')
    const answer = await pool.request({
      path,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'switchgear',
        ...(this.#token === undefined ? {} : { authorization: this.#token }),
      },
      body: JSON.stringify(body),
      signal: deadline.signal,
    })
    // Whoever reads the body hears of its errors; one that nobody reads to its end must not end the process.
    answer.body.on('error', () => undefined)
    if (answer.statusCode === 200) return answer
    const text = await boundedText(answer.body, 65_536, () => new Error('a long error'))
    const { statusCode } = answer
    const message = `it answered ${statusCode}: ${excerpt(text, this.#settings.user?.password)}`
    // 401 and 403 are about us, 400 and 404 about what is asked; 503 and the like about this member.
    throw statusCode < 500 ? new Refusal(message, statusCode) : new Error(message)
  }

  #failure(member: number, error: unknown): Error {
    const { urls } = this.#settings
    return discoveryError(sourceFailed, `etcd: ${urls[member]?.origin}: ${reasonOf(error)}`, error)
  }
}

/** Lets the process end although the socket is in use: undici holds it by `ref` for each request, which is no work of its user. */
function release(socket: Socket): void {
  socket.unref()
  socket.ref = () => socket
}
