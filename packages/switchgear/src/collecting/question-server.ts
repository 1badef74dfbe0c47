// The server for questions about kept traces: loopback only, reading only, JSON only. A web page can reach loopback, so a Host that
// is not this machine's own (DNS rebinding) and a page from elsewhere are refused before anything is looked up; there is no CORS.
// Invariant: every question is answered or its connection ended within the deadlines; few are answered at a time.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SwitchgearError } from '@switchgear/core'
import { excludeServer } from '@switchgear/telemetry'

/** Answers a question; throws a `QuestionError` or an error of the store. */
export type AnswerQuestion = (path: string, query: URLSearchParams) => unknown

/** A question that cannot be answered, with the status that says why. */
export class QuestionError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const host = '127.0.0.1'
const ownNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])
const headersTimeoutMs = 5000
const drainMs = 1000
const maxConnections = 64
/** Each holds the thread for some milliseconds at a time, which receiving needs too. */
const maxAtOnce = 8
const maxHeaderBytes = 16 * 1024

/** A node:http server that answers questions. */
export class QuestionServer {
  readonly #port: number
  readonly #answer: AnswerQuestion
  readonly #server: Server
  #atOnce = 0

  constructor(port: number, answer: AnswerQuestion) {
    this.#port = port
    this.#answer = answer
    this.#server = createServer(
      // A missing Host is refused like a foreign one.
      { headersTimeout: headersTimeoutMs, requestTimeout: 0, maxHeaderSize: maxHeaderBytes, requireHostHeader: false },
      (request, response) => void this.#serve(request, response),
    )
    this.#server.maxConnections = maxConnections
    excludeServer(this.#server)
  }

  /** Undefined while it does not listen. */
  get port(): number | undefined {
    return (this.#server.address() as AddressInfo | null)?.port
  }

  /** Listens on loopback. Rejects with the system's error. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port: this.#port }, () => {
        // From now on: a connection that could not be accepted. Whoever asks sees it refused.
        this.#server.off('error', reject).on('error', () => undefined)
        resolve()
      })
    })
  }

  /** Ends idle connections now, the others with their answer or after a second. */
  stop(): Promise<void> {
    if (!this.#server.listening) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#server.closeAllConnections(), drainMs)
      this.#server.close(() => {
        clearTimeout(timer)
        resolve()
      })
      this.#server.closeIdleConnections()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Somebody who leaves early needs no answer.
    response.on('error', () => undefined)
    request.on('error', () => undefined).resume()
    try {
      screen(request)
      reply(request, response, 200, await this.#answered(request.url ?? '/'))
    } catch (error) {
      const { status, code, message } = problemOf(error)
      reply(request, response, status, { version: 1, error: { code, message } })
    }
  }

  async #answered(target: string): Promise<unknown> {
    if (this.#atOnce >= maxAtOnce) throw new QuestionError(503, 'BUSY', 'too many questions at once: ask again')
    const url = URL.parse(target, `http://${host}`)
    if (url === null) throw new QuestionError(400, 'BAD_REQUEST', 'the address cannot be read')
    this.#atOnce++
    try {
      return await this.#answer(url.pathname, url.searchParams)
    } finally {
      this.#atOnce--
    }
  }
}

function screen({ headers, method }: IncomingMessage): void {
  const { host: asked = '', origin } = headers
  const name = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::\d*)?$/i.exec(asked)?.[1]?.toLowerCase()
  if (name === undefined || !ownNames.has(name)) {
    throw new QuestionError(421, 'FOREIGN_HOST', 'this Host is not served here')
  }
  const isForeign = origin !== undefined && origin.toLowerCase() !== `http://${asked.toLowerCase()}`
  const site = headers['sec-fetch-site']
  if (isForeign || site === 'cross-site' || site === 'same-site') {
    throw new QuestionError(403, 'FOREIGN_ORIGIN', 'web pages from elsewhere are not answered')
  }
  if (method !== 'GET' && method !== 'HEAD') throw new QuestionError(405, 'READ_ONLY', 'questions are asked with GET')
}

/** The store's errors say what was wrong with a question; whatever nobody foresaw says nothing of itself. */
function problemOf(error: unknown): { readonly status: number; readonly code: string; readonly message: string } {
  if (error instanceof QuestionError) return error
  if (!(error instanceof SwitchgearError)) {
    return { status: 500, code: 'FAILED', message: 'the question could not be answered' }
  }
  const { code, message } = error
  return { status: code === 'SG_BAD_QUERY' ? 400 : code === 'SG_STORE_CLOSED' ? 503 : 500, code, message }
}

function reply(request: IncomingMessage, response: ServerResponse, status: number, answer: unknown): void {
  if (response.destroyed) return
  const body = Buffer.from(`${JSON.stringify(answer)}\n`)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
