// Whatever happens to the books and to the connection, and in whatever order: a reader that comes back with its last id ends up
// with what the books hold, and hears of nobody as gone who is there.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { it } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import type { Snapshot } from '../../../src/resolver.ts'
import type { Position } from '../../../src/registry/service/service-feed.ts'
import { SseParser } from '../../../src/registry/service/sse-parser.ts'
import { WatchStream } from '../../../src/registry/service/watch-stream.ts'
import { WatchedService } from '../../../src/registry/service/watched-service.ts'
import { readChange, readComplete, readView } from '../../../src/registry/service/wire.ts'
import { MemoryCatalog } from './memory-catalog.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)
const services = ['orders', 'payments', 'carts']

/** A connection that takes what it is given until it is told to take no more, and that can be cut at any byte. */
class Connection extends EventEmitter {
  readonly sent: Uint8Array[] = []
  isBlocked = false
  isDestroyed = false

  write(text: string): boolean {
    this.sent.push(Buffer.from(text))
    return !this.isBlocked
  }

  destroy(): void {
    this.isDestroyed = true
  }
}

class Reader {
  readonly catalog: MemoryCatalog
  readonly watched = new Map(services.map((service) => [service, new WatchedService()]))
  readonly last = new Map<string, Snapshot>()
  readonly problems: string[] = []
  #connection = new Connection()
  #parser = new SseParser()
  #stream: WatchStream
  #lastEventId = ''

  constructor(catalog: MemoryCatalog) {
    this.catalog = catalog
    for (const [service, watched] of this.watched) {
      const found = (snapshot: Snapshot): void => this.#found(service, snapshot)
      watched.add({ found, failed: (error) => assert.fail(error) }, () => undefined)
    }
    this.#stream = this.#connect()
  }

  block(): void {
    this.#connection.isBlocked = true
  }

  drain(): void {
    this.#connection.isBlocked = false
    this.#connection.emit('drain')
  }

  /** Hears what was sent, but for the last `lost` bytes when the connection is cut there. */
  hear(lost = 0): void {
    const bytes = Buffer.concat(this.#connection.sent.splice(0))
    for (const { type, data } of this.#parser.push(bytes.subarray(0, Math.max(0, bytes.length - lost)))) {
      if (type === 'view') this.#of(readView(data).service).view(readView(data))
      else if (type === 'change') this.#of(readChange(data).service).change(readChange(data))
      else this.#of(readComplete(data).service).complete(readComplete(data).complete)
    }
    this.#lastEventId = this.#parser.lastEventId === '' ? this.#lastEventId : this.#parser.lastEventId
    for (const watched of this.watched.values()) watched.flush()
  }

  cut(lost: number): void {
    this.hear(lost)
    this.#stream.close()
    this.#stream = this.#connect()
  }

  close(): void {
    this.#stream.close()
  }

  #connect(): WatchStream {
    this.#connection = new Connection()
    this.#parser = new SseParser()
    const at = this.#lastEventId.lastIndexOf(':')
    const from: Position | undefined =
      at < 0 ? undefined : { epoch: this.#lastEventId.slice(0, at), index: Number(this.#lastEventId.slice(at + 1)) }
    const parts = {
      catalog: this.catalog,
      clock: new VirtualClock(),
      onError: (error: unknown) => assert.fail(String(error)),
    }
    const stream = new WatchStream(this.#connection as unknown as ServerResponse, parts, {
      services,
      from,
      refused: [],
    })
    stream.begin([])
    return stream
  }

  #of(service: string): WatchedService {
    return this.watched.get(service) ?? assert.fail(`nobody asked for ${service}`)
  }

  #found(service: string, snapshot: Snapshot): void {
    this.last.set(service, snapshot)
    // What a watcher throws would not get here: it is kept from the others.
    for (const id of snapshot.left ?? [])
      if (snapshot.endpoints.some((endpoint) => endpoint.id === id)) this.problems.push(`${id} is there and has left`)
  }
}

const service = fc.constantFrom(...services)
const id = fc.constantFrom('a', 'b', 'c', 'd')
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('put', 'leave', 'expire', 'sicken'), service, id }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('block', 'drain', 'hear', 'turn', 'turn') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut'), lost: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('complete', 'incomplete', 'forget', 'wipe') }) },
)
type Step = { kind: string; service?: string; id?: string; lost?: number }

function apply(reader: Reader, { kind, service: name = '', id: who = '', lost = 0 }: Step): void {
  const { catalog } = reader
  const isThere = catalog.view(name).instances.some(({ endpoint }) => endpoint.id === who)
  if (kind === 'put') catalog.put(name, who)
  else if (kind === 'leave' && isThere) catalog.leave(name, who)
  else if (kind === 'expire' && isThere) catalog.expire(name, who)
  else if (kind === 'sicken' && isThere) catalog.sicken(name, who)
  else if (kind === 'block') reader.block()
  else if (kind === 'drain') reader.drain()
  else if (kind === 'hear') reader.hear()
  else if (kind === 'cut') reader.cut(lost)
  else if (kind === 'complete') catalog.setComplete(true)
  else if (kind === 'incomplete') catalog.setComplete(false)
  else if (kind === 'forget') catalog.kept = 1
  else if (kind === 'wipe') {
    // Books begin a new life only with a new process: the connection is gone with the old one.
    catalog.wipe(false)
    reader.cut(lost)
  }
}

it('a reader ends up with what the books hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const reader = new Reader(new MemoryCatalog())
      for (const one of steps) {
        // Only here the stream gets to tell anything: what comes in between comes in one turn of the books.
        if (one.kind === 'turn') await undefined
        else apply(reader, one as Step)
      }
      await undefined
      reader.drain()
      await undefined
      reader.hear()
      const { catalog } = reader
      for (const name of services) {
        const known = catalog.view(name)
        const told = reader.last.get(name) ?? assert.fail(`${name} was never told`)
        const expected = known.instances.map(({ endpoint, health }) => `${endpoint.id} ${health === 'healthy'}`)
        const got = told.endpoints.map((endpoint) => `${endpoint.id} ${endpoint.readiness === 'ready'}`)
        assert.deepEqual(got.toSorted(), expected.toSorted())
        assert.equal(told.complete, known.complete)
      }
      assert.deepEqual(reader.problems, [])
      reader.close()
      assert.equal(catalog.listening, 0)
    }),
    { seed, numRuns: 3000 },
  )
})
