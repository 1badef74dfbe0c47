// A collector that behaves as the dice say: takes all or a part, refuses, puts off, hangs, cuts, answers slowly or with nonsense, and
// is not there at all for a while. It keeps what it took and when it asked to be left alone.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import type { Clock } from '@switchgear/core'
import { decodeJson } from '../../src/otlp/decode-json.ts'
import { complete, decodeTraces } from '../../src/otlp/decode-traces.ts'
import type { Dice } from '../long-run.ts'

export type Mood = 'fine' | 'bad' | 'dead'

export class BadCollector {
  /** Number of the first span of each request that was answered with 200 to its end, in their order. */
  readonly firsts: number[] = []
  /** Numbers of all spans that it read, whatever it answered. */
  readonly read: Set<number> = new Set()
  /** Spans that it said it had not taken, of those it read once only. */
  rejected = 0
  requests = 0
  /** How often it asked to be left alone, and requests that came nevertheless. */
  asked = 0
  early = 0
  mood: Mood = 'fine'
  readonly #dice: Dice
  readonly #clock: Clock
  readonly #server: http.Server
  #leaveAloneUntilMs = 0
  #port = 0

  constructor(dice: Dice, clock: Clock) {
    this.#dice = dice
    this.#clock = clock
    this.#server = http.createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy())
    })
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}/v1/traces`
  }

  /** Listens, again on the same port. */
  async listen(): Promise<void> {
    if (this.#server.listening) return
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Refuses connections and cuts those that there are. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.requests++
    // Timers of the system may be a little early.
    if (this.#clock.now() < this.#leaveAloneUntilMs - 2) this.early++
    if (this.mood === 'dead' || (this.mood === 'bad' && this.#dice.chance(0.1))) return this.#dead(response)
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const wire = Buffer.concat(chunks)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(wire) : wire
    const isJson = request.headers['content-type'] === 'application/json'
    const { spans } = complete(isJson ? decodeJson(body) : decodeTraces(body))
    const numbers = spans.map(({ spanId }) => Number.parseInt(spanId, 16))
    for (const number of numbers) this.read.add(number)
    if (this.mood === 'fine') this.#accept(response, numbers, 0)
    else this.#answer(response, numbers)
  }

  #dead(response: http.ServerResponse): void {
    if (this.#dice.chance(0.5)) response.destroy()
    // Else it hangs: somebody has to give up.
  }

  #accept(response: http.ServerResponse, numbers: readonly number[], rejected: number): void {
    const partial = new BinaryWriter().uint32((1 << 3) | 0).int64(rejected)
    const body =
      rejected === 0
        ? new Uint8Array()
        : new BinaryWriter()
            .uint32((1 << 3) | 2)
            .bytes(partial.finish())
            .finish()
    response.on('finish', () => {
      this.firsts.push(numbers[0] ?? -1)
      this.rejected += rejected
    })
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(body)
  }

  #answer(response: http.ServerResponse, numbers: readonly number[]): void {
    const dice = this.#dice
    switch (dice.below(12)) {
      case 0:
        return this.#accept(response, numbers, dice.below(numbers.length + 2))
      case 1:
        return void response.writeHead(dice.pick([429, 502, 503, 504])).end('not now')
      case 2: {
        this.asked++
        const seconds = 1 + dice.below(4)
        this.#leaveAloneUntilMs = this.#clock.now() + seconds * 1000
        return void response.writeHead(503, { 'retry-after': String(seconds) }).end()
      }
      case 3:
        return void response.writeHead(dice.pick([301, 400, 404, 413, 500])).end('never')
      case 4: // Cut in the midst of the answer.
        response.writeHead(200, { 'content-length': 100 }).write('x')
        return void setTimeout(() => response.destroy(), 1)
      case 5:
        return void response.writeHead(200, { 'content-type': 'application/json' }).end('no JSON')
      case 6:
        return void response.writeHead(200).end(Buffer.alloc(20_000))
      case 7:
        return void response.destroy()
      case 8:
        return void setTimeout(() => this.#accept(response, numbers, 0), dice.below(20))
      default:
        return this.#accept(response, numbers, 0)
    }
  }
}
