// The HTTP server of a source: one pool of connections of its own, apart from all other traffic. Invariant: a question under way does
// not keep the process alive, no answer is larger than its bound, and undici's own time limits are off, because a question that is
// kept for minutes on purpose would run into them; whoever asks brings a signal. Redirects are not followed: a token stays here.
import { Socket } from 'node:net'
import { buildConnector, Pool } from 'undici'
import type { Deadline } from './deadline.ts'

/** The head of an answer and its body, which must be read or destroyed. */
export type Answer = Awaited<ReturnType<Pool['request']>>

/** Where the server is. */
export interface OriginSettings {
  /** http or https, may have a path that stands before every path asked for. */
  readonly url: URL
  /** Certificates to trust instead of the system's, as PEM. */
  readonly ca: string | undefined
  /** Milliseconds for a connection to come about, TLS included. */
  readonly connectMs: number
}

/**
 * A server to ask.
 *
 * @example
 * const origin = new Origin({ url: new URL('http://127.0.0.1:8500'), ca: undefined, connectMs: 10_000 })
 * const answer = await origin.get('/v1/status/leader', {}, deadline)
 * const text = await boundedText(answer.body, 1024, () => new Error('too large'))
 */
export class Origin {
  readonly #pool: Pool
  readonly #prefix: string
  readonly #connectMs: number
  #ca: string | undefined
  #connector: buildConnector.connector

  constructor({ url, ca, connectMs }: OriginSettings) {
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#connectMs = connectMs
    this.#ca = ca
    this.#connector = this.#built()
    this.#pool = new Pool(url.origin, {
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => this.#connect(options, callback),
    })
  }

  /** Trusts these certificates from the next connection on; those under way go on. */
  trust(ca: string | undefined): void {
    if (ca === this.#ca) return
    this.#ca = ca
    this.#connector = this.#built()
  }

  /** Asks. Rejects with the reason of the deadline's signal, or with an error of the connection. */
  async get(path: string, headers: Readonly<Record<string, string>>, deadline: Deadline): Promise<Answer> {
    const answer = await this.#pool.request({
      path: this.#prefix + path,
      method: 'GET',
      headers: { accept: 'application/json', 'user-agent': 'switchgear', ...headers },
      signal: deadline.signal,
    })
    // A body that nobody reads to its end may still fail; whoever reads it hears of that, and nobody else needs to.
    answer.body.on('error', () => undefined)
    return answer
  }

  /** Ends all connections at once, and what is asked on them. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  #built(): buildConnector.connector {
    const trusted = this.#ca === undefined ? {} : { ca: this.#ca }
    return buildConnector({ allowH2: false, timeout: this.#connectMs, ...trusted })
  }

  #connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    // The connector answers the socket on its way, which its type does not say. It is released before it is connected, too.
    const socket: unknown = this.#connector(options, callback)
    if (socket instanceof Socket) release(socket)
  }
}

/** Lets the process end although the socket is in use. undici holds it by `ref` for each request, which is no work of its user. */
function release(socket: Socket): void {
  socket.unref()
  socket.ref = () => socket
}

/** A whole body as text. Rejects with `tooLarge()` as soon as it exceeds `most` bytes, which also ends the connection. */
export async function boundedText(body: Answer['body'], most: number, tooLarge: () => Error): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.byteLength
    if (size > most) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A header that came once; the first where it came more often. */
export function header(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name]
  return Array.isArray(value) ? value[0] : value
}
