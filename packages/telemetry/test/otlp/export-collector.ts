// A collector for tests: takes what an exporter sends and answers as the test says.
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import zlib from 'node:zlib'

export interface Received {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  /** Uncompressed. */
  readonly body: Buffer
  readonly wireBytes: number
}

/** Answers a request that was read; by default an empty 200. */
export type Answer = (response: http.ServerResponse, received: Received, index: number) => void

export class TestCollector {
  readonly received: Received[] = []
  readonly sockets: Set<Socket> = new Set()
  connections = 0
  answer: Answer
  readonly #server: http.Server

  private constructor(answer: Answer, tls: https.ServerOptions | undefined) {
    this.answer = answer
    const take: http.RequestListener = (request, response) => void this.#take(request, response)
    this.#server = tls === undefined ? http.createServer(take) : https.createServer(tls, take)
    this.#server.on('connection', (socket: Socket) => {
      this.connections++
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  /** Listens on a free port of the loopback until the test ends; with `tls` by https. */
  static async start(t: TestContext, answer: Answer = ok, tls?: https.ServerOptions): Promise<TestCollector> {
    const collector = new TestCollector(answer, tls)
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      collector.#server.close()
      collector.#server.closeAllConnections()
    })
    return collector
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    } catch {
      // The exporter went away in the midst of its request; some tests want that.
      return
    }
    const wire = Buffer.concat(chunks)
    const body = request.headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(wire) : wire
    const received = { path: request.url ?? '', headers: request.headers, body, wireBytes: wire.length }
    this.received.push(received)
    this.answer(response, received, this.received.length - 1)
  }
}

export const ok: Answer = (response) => void response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()

/** An answer with a status and, where given, a body. */
export function status(code: number, body: string | Uint8Array = '', headers: http.OutgoingHttpHeaders = {}): Answer {
  return (response) => void response.writeHead(code, headers).end(body)
}

/** One answer after the other; the last one for good. */
export function inTurn(...answers: readonly Answer[]): Answer {
  return (response, received, index) => (answers[index] ?? answers.at(-1) ?? ok)(response, received, index)
}

/** Waits until something holds, at most ten seconds of real time. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within 10 s: ${what}`)
    await sleep(2)
  }
}
