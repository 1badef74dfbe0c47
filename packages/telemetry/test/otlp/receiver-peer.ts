// A receiver for a test, with what it took, and raw sockets for what no HTTP client would send.
import net from 'node:net'
import type { TestContext } from 'node:test'
import { createReceiver, type Receiver } from '../../src/otlp/receiver.ts'
import type { ReceiverOptions } from '../../src/otlp/receiver-options.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { jsonBody, jsonRequest, jsonSpan } from './ingest-requests.ts'

export interface Peer {
  readonly receiver: Receiver
  readonly port: number
  readonly url: string
  readonly spans: SpanData[]
}

/** A receiver on a free port that is stopped with the test. */
export async function receive(t: TestContext, options: Partial<ReceiverOptions> = {}): Promise<Peer> {
  const spans: SpanData[] = []
  const receiver = createReceiver({ take: (some) => void spans.push(...some), port: 0, drainTimeout: '1s', ...options })
  await receiver.start()
  t.after(() => receiver.stop())
  const port = receiver.port ?? 0
  return { receiver, port, url: `http://127.0.0.1:${port}/v1/traces`, spans }
}

export const oneSpan: Uint8Array = jsonBody(jsonRequest(jsonSpan()))

/** POSTs and gives status, headers and body; JSON unless `headers` say otherwise. */
export async function post(
  url: string,
  body: Uint8Array | undefined = oneSpan,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
): Promise<{ status: number; headers: Headers; body: Buffer }> {
  const response = await fetch(url, { method: 'POST', headers, body: body === undefined ? null : Buffer.from(body) })
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
}

/** A raw connection: what came in so far, and when it was closed. */
export class RawPeer {
  readonly socket: net.Socket
  readonly closed: Promise<void>
  text = ''
  #waiting: (() => void) | undefined

  constructor(port: number, allowHalfOpen = false) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen })
    this.socket.setEncoding('latin1').on('data', (data) => {
      this.text += String(data)
      this.#waiting?.()
    })
    // A reset is one of the ways to be closed.
    this.socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()))
    void this.closed.then(() => this.#waiting?.())
  }

  write(data: string | Uint8Array): this {
    this.socket.write(data)
    return this
  }

  /** Waits until as many answers have begun, or the connection is closed. */
  async answers(count = 1): Promise<readonly number[]> {
    for (;;) {
      const statuses = [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
      if (statuses.length >= count || this.socket.closed) return statuses
      await new Promise<void>((resolve) => (this.#waiting = resolve))
    }
  }
}

/** The head of a POST as text. */
export function head(fields: Readonly<Record<string, string | number>>, line = 'POST /v1/traces HTTP/1.1'): string {
  const all = { host: 'localhost', 'content-type': 'application/json', ...fields }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`
}

/** Waits until `holds`, or fails. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
