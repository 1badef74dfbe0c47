// Scenario: bodies far larger than any buffer go through the client, both ways, while one side stands still for a while.
import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { PolicySpec } from '@switchgear/core'
import { request } from 'undici'
import type { Client } from '../../src/index.ts'
import { clientOf, httpOrigin, until } from '../origin.ts'

/** Through which face, and how much. */
export interface StreamOptions {
  readonly face: 'service.fetch' | 'dispatcher'
  readonly megabytes: number
}

const mebibyte = 1024 * 1024
const pieceBytes = 64 * 1024
/**
 * What may be between a source and a reader that stands still: buffers of the kernel on both sides of the loopback, which Linux lets
 * grow to some megabytes each, and ours, which are far smaller.
 */
const mostBetween = 24 * mebibyte
/** The standard ten seconds are a bound to the last byte, too short for a gigabyte. */
const patient: readonly PolicySpec[] = [{ timeout: '5m' }]
/** Of living buffers in this process, which holds both sides. */
const mostBuffered = 16 * mebibyte

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Counts what it makes, as fast as it is asked for. */
class Source {
  made = 0
  readonly #hash: Hash = createHash('sha1')
  readonly #bytes: number

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  async *pieces(): AsyncGenerator<Buffer> {
    for (let number = 0; this.made < this.#bytes; number++) {
      const piece = Buffer.alloc(pieceBytes, number & 0xff)
      this.#hash.update(piece)
      this.made += piece.length
      yield piece
    }
  }

  get digest(): string {
    return this.#hash.copy().digest('hex')
  }
}

/** Looks again and again at what buffers of this process hold, without what is only waiting to be collected. */
class Memory {
  most = 0
  readonly #before = live()
  #at = 0

  /** So many bytes have come; a look costs some milliseconds, so only every few megabytes there is one. */
  passed(bytes: number): void {
    if (bytes < this.#at) return
    this.#at = bytes + 8 * mebibyte
    this.most = Math.max(this.most, live() - this.#before)
  }
}

function live(): number {
  // Twice, because the buffers that one finds are freed beside the program, at the latest when the next begins.
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** A download whose reader stands still after its first bytes: the server is held back, and in the end all has come. */
export async function download(t: TestContext, { face, megabytes }: StreamOptions): Promise<void> {
  const source = new Source(megabytes * mebibyte)
  const { url } = await httpOrigin(t, (_request, response) => void Readable.from(source.pieces()).pipe(response))
  const { client } = clientOf(t, { endpoints: [url], policies: patient })
  const memory = new Memory()
  const hash = createHash('sha1')
  let got = 0
  let held = 0
  for await (const chunk of await bodyOf(client, face, {})) {
    hash.update(chunk)
    if (got === 0) {
      await standsStill(() => source.made)
      held = source.made
    }
    got += chunk.length
    memory.passed(got)
  }
  assert.ok(held < mostBetween, `${held} bytes were sent to a reader that stood still`)
  checkWhole(t, { face, what: 'down', source, got, hash, held, memory })
}

/** An upload to a server that stands still after its first bytes. */
export async function upload(t: TestContext, { face, megabytes }: StreamOptions): Promise<void> {
  const source = new Source(megabytes * mebibyte)
  const hash = createHash('sha1')
  let got = 0
  let held = 0
  const read = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      hash.update(chunk)
      if (got === 0) {
        await standsStill(() => source.made)
        held = source.made
      }
      got += chunk.length
      memory.passed(got)
    }
    response.end('taken')
  }
  const { url } = await httpOrigin(t, (incoming, response) => void read(incoming, response))
  const { client } = clientOf(t, { endpoints: [url], policies: patient })
  const memory = new Memory()
  const answer: Uint8Array[] = []
  for await (const chunk of await bodyOf(client, face, { method: 'POST', body: source.pieces() })) answer.push(chunk)
  assert.equal(Buffer.concat(answer).toString(), 'taken')
  assert.ok(held < mostBetween, `${held} bytes were taken for a server that stood still`)
  checkWhole(t, { face, what: 'up', source, got, hash, held, memory })
}

/** Up and down at once: what the server sends back it reads first, so a slow reader holds back the source of the upload. */
export async function echo(t: TestContext, { face, megabytes }: StreamOptions): Promise<void> {
  const source = new Source(megabytes * mebibyte)
  const { url } = await httpOrigin(t, (incoming, response) => void incoming.pipe(response))
  const { client } = clientOf(t, { endpoints: [url], policies: patient })
  const memory = new Memory()
  const hash = createHash('sha1')
  let got = 0
  let held = 0
  for await (const chunk of await bodyOf(client, face, { method: 'POST', body: source.pieces() })) {
    hash.update(chunk)
    if (got === 0) {
      await standsStill(() => source.made)
      held = source.made
    }
    got += chunk.length
    memory.passed(got)
  }
  assert.ok(held < 2 * mostBetween, `${held} bytes were taken for a reader that stood still`)
  checkWhole(t, { face, what: 'up and down', source, got, hash, held, memory })
}

interface Passed {
  readonly face: string
  readonly what: string
  readonly source: Source
  readonly got: number
  readonly hash: Hash
  readonly held: number
  readonly memory: Memory
}

function checkWhole(t: TestContext, { face, what, source, got, hash, held, memory }: Passed): void {
  assert.equal(got, source.made)
  assert.equal(hash.digest('hex'), source.digest)
  assert.ok(memory.most < mostBuffered, `${memory.most} bytes were held in buffers`)
  const mb = (bytes: number): string => (bytes / mebibyte).toFixed(1)
  t.diagnostic(
    `${face} ${what}: ${mb(got)} MiB whole; ${mb(held)} MiB under way to who stood still; living buffers at most ${mb(memory.most)} MiB`,
  )
}

interface Asked {
  readonly method?: 'POST'
  readonly body?: AsyncIterable<Buffer>
}

async function bodyOf(
  client: Client,
  face: StreamOptions['face'],
  { method, body }: Asked,
): Promise<AsyncIterable<Uint8Array>> {
  if (face === 'service.fetch') {
    const response = await client
      .service('shop')
      .fetch('/', { method, body: body as AsyncIterable<Uint8Array<ArrayBuffer>> })
    assert.equal(response.status, 200)
    assert.ok(response.body !== null)
    return response.body
  }
  const response = await request('http://shop/', {
    dispatcher: client.dispatcher,
    method: method ?? 'GET',
    body: body === undefined ? null : Readable.from(body),
  })
  assert.equal(response.statusCode, 200)
  return response.body
}

/** Waits until it no longer grows. */
async function standsStill(count: () => number): Promise<void> {
  let before = -1
  await until(() => {
    const now = count()
    const isStill = now === before
    before = now
    return isStill
  }, 'a standstill')
  // Long enough that what goes on would be seen.
  await sleep(300)
}
