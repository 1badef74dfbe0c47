// A small JSON service over node:http: a table of routes behind a fault switch. It owns its sockets and ends them in
// `stop`. It knows no policy: whoever calls it is protected, or is not.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AccessLog, logRequests, setRoute } from '@switchgear/telemetry'
import { Faults } from './faults.ts'

/** What a route gets. */
export interface Incoming {
  /** The parsed JSON body; undefined when there was none. */
  readonly body: unknown
  readonly idempotencyKey: string | undefined
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
}

/** What a route answers; `body` is sent as JSON. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Serves one route. What it throws becomes a 500. */
export type Route = (incoming: Incoming) => Answer | Promise<Answer>

const largestBody = 64 * 1024
const longestRequestMs = 10_000

/** The request is at fault; answered with 400 and the message. */
export class BadRequest extends Error {}

/**
 * One HTTP service on loopback.
 *
 * @example
 * const service = new Service({ 'GET /stock': () => ({ status: 200, body: [] }) })
 * const origin = await service.listen(7103)
 */
export class Service {
  readonly faults: Faults = new Faults()
  readonly #routes: ReadonlyMap<string, Route>
  readonly #server: Server

  /** `routes` by method and path: 'GET /stock'; `accessLog` gets the requests. */
  constructor(routes: Readonly<Record<string, Route>>, accessLog?: AccessLog) {
    this.#routes = new Map(Object.entries(routes))
    this.#server = createServer({ requestTimeout: longestRequestMs }, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => fail(response, error))
    })
    if (accessLog !== undefined) logRequests(this.#server, accessLog)
    // Longer than any pause in the load, so that no kept connection is closed under a new request.
    this.#server.keepAliveTimeout = 65_000
  }

  /** Starts to listen; with `mayMove` on any free port if that one is taken. Answers the origin. */
  async listen(port: number, mayMove: boolean = false): Promise<string> {
    try {
      await bind(this.#server, port)
    } catch (error) {
      if (!mayMove || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      await bind(this.#server, 0)
    }
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Ends every connection; requests in flight are cut. */
  async stop(): Promise<void> {
    this.faults.drop()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const route = this.#routes.get(`${request.method ?? 'GET'} ${path}`)
    if (route === undefined)
      return send(response, { status: 404, body: { error: `no ${request.method} ${path} here` } })
    setRoute(path)
    const caller = new AbortController()
    response.once('close', () => caller.abort(new Error('the caller went away')))
    const body = await readJson(request)
    if (!(await this.faults.pass(response))) return
    const { 'idempotency-key': key } = request.headers
    const answer = await route({
      body,
      idempotencyKey: first(key),
      signal: caller.signal,
    })
    send(response, answer)
  }
}

function bind(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestBody) throw new BadRequest(`the body is larger than ${largestBody} bytes`)
    chunks.push(chunk)
  }
  if (size === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new BadRequest('the body is not JSON')
  }
}

function send(response: ServerResponse, answer: Answer): void {
  // The caller may have left while the route was working; there is nobody to tell.
  if (response.destroyed || response.headersSent) return
  const text = `${JSON.stringify(answer.body)}\n`
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...answer.headers }
  response.writeHead(answer.status, headers).end(text)
}

function fail(response: ServerResponse, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  send(response, { status: error instanceof BadRequest ? 400 : 500, body: { error: message } })
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
