// The way to a collector: one HTTP request and its answer. Owns the connections. Invariant: every request ends, by its
// answer, by its deadline or by `close`, and leaves no timer and no listener behind. It must not follow redirects, nor read
// more of an answer than allowed.
import http from 'node:http'
import https from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { type HttpAnswer, judge, shownText, type Verdict } from './answer.ts'
import { type CompleteOptions, withoutCredentials } from './otlp-options.ts'

/** Where a request goes and what stands above its body. It holds secrets. */
export interface Envelope {
  readonly url: string
  readonly headers: http.OutgoingHttpHeaders
  readonly tls: CompleteOptions['tls']
}

/** A collector's HTTP endpoint. */
export class Collector {
  readonly #options: CompleteOptions
  readonly #agent: http.Agent
  readonly #request: http.RequestOptions
  readonly #secure: boolean
  readonly #secrets: readonly string[]
  readonly #closed = new AbortController()
  /** Where requests go, without credentials. */
  readonly address: string

  constructor(options: CompleteOptions) {
    const { endpoint, concurrency, tls } = options
    this.#options = options
    this.#secure = endpoint.protocol === 'https:'
    const pool = { keepAlive: true, maxSockets: concurrency, maxFreeSockets: concurrency }
    this.#agent = this.#secure ? new https.Agent({ ...pool, ...tls }) : new http.Agent(pool)
    this.#request = { ...urlToHttpOptions(endpoint), agent: this.#agent, method: 'POST' }
    this.#secrets = Object.values(options.headers).flatMap((value) => [value, ...value.split(/\s+/)])
    this.address = withoutCredentials(endpoint.href)
  }

  /** Sends a body. Never rejects: whatever goes wrong is a verdict. */
  async post(body: Uint8Array, gzipped: boolean): Promise<Verdict> {
    try {
      const verdict = judge(await this.#exchange(body, gzipped), this.#options.clock.wallNow())
      return { ...verdict, message: this.#withoutSecrets(verdict.message) }
    } catch (error) {
      if (error instanceof OversizeAnswer) return { kind: 'refused', message: error.message }
      const atOnce = error instanceof StaleConnection
      const { code, message } = error as NodeJS.ErrnoException
      // Some errors of node:net (several addresses tried) have a code and no message.
      const shown = shownText(message === '' ? (code ?? 'no connection') : message)
      return { kind: 'again', message: this.#withoutSecrets(shown), waitMs: undefined, atOnce }
    }
  }

  /** What a request to it looks like, for whoever has to send one in another way. */
  get envelope(): Envelope {
    const { endpoint, tls } = this.#options
    return { url: endpoint.href, headers: this.#headers(undefined, false), tls }
  }

  /** Ends what is under way and all connections. */
  close(): void {
    this.#closed.abort()
    this.#agent.destroy()
  }

  #exchange(body: Uint8Array, gzipped: boolean): Promise<HttpAnswer> {
    const { clock, timeoutMs } = this.#options
    const { signal } = this.#closed
    return new Promise((resolve, reject) => {
      const open = this.#secure ? https.request : http.request
      const request = open({ ...this.#request, headers: this.#headers(body.length, gzipped) })
      let cause: Error | undefined
      let answered = false
      // Once an answer has begun, node:http tells of a destroyed request as "aborted" only; the cause is kept here.
      const cut = (why: string): void => {
        cause ??= new Error(why)
        request.destroy(cause)
      }
      const onClose = (): void => cut('the exporter was closed')
      const timer = clock.setTimer(() => cut(`no complete answer within ${timeoutMs} ms`), timeoutMs)
      // A request under way is a socket, which keeps the process alive long enough; its deadline need not.
      timer.hold?.(false)
      const end = (settle: () => void): void => {
        timer.cancel()
        signal.removeEventListener('abort', onClose)
        settle()
      }
      const fail = (error: Error): void => {
        const stale = cause === undefined && request.reusedSocket && isReset(error)
        end(() => reject(cause ?? (stale ? new StaleConnection(error) : error)))
      }
      signal.addEventListener('abort', onClose)
      request.on('error', fail)
      // Without an answer there is an error, except after an unasked-for upgrade.
      request.on('close', () => answered || fail(new Error('the connection was closed without an answer')))
      request.on('response', (response) => {
        answered = true
        this.#read(response).then(
          (answer) => end(() => resolve(answer)),
          (error: Error) => {
            request.destroy()
            fail(error)
          },
        )
      })
      if (signal.aborted) onClose()
      else request.end(body)
    })
  }

  async #read(response: http.IncomingMessage): Promise<HttpAnswer> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > this.#options.maxResponseBytes) throw new OversizeAnswer(this.#options.maxResponseBytes)
      chunks.push(chunk)
    }
    const { statusCode = 0, headers } = response
    return {
      status: statusCode,
      contentType: (headers['content-type'] ?? '').toLowerCase(),
      retryAfter: headers['retry-after'],
      body: Buffer.concat(chunks),
    }
  }

  #headers(length: number | undefined, gzipped: boolean): http.OutgoingHttpHeaders {
    return {
      'user-agent': `Switchgear-OTLP-Exporter-JavaScript (node ${process.version})`,
      ...this.#options.headers,
      'content-type': this.#options.json ? 'application/json' : 'application/x-protobuf',
      ...(length === undefined ? {} : { 'content-length': length }),
      ...(gzipped ? { 'content-encoding': 'gzip' } : {}),
    }
  }

  /** A collector may repeat what it was sent. */
  #withoutSecrets(message: string): string {
    let text = message
    for (const secret of this.#secrets) if (secret.length >= 4) text = text.replaceAll(secret, '***')
    return text
  }
}

/** The collector had closed an idle connection just when it was used again: that says nothing about its health. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super('an idle connection was closed', { cause })
  }
}

class OversizeAnswer extends Error {
  constructor(mostBytes: number) {
    super(`the answer is longer than ${mostBytes} bytes`)
  }
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}
