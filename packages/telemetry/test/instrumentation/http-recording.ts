// What the tests of the HTTP instrumentation share: a tracer whose finished spans can be asked for, and servers that close.
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Server as NetServer } from 'node:net'
import type { TestContext } from 'node:test'
import { type HttpInstrumentation, instrumentHttp } from '../../src/instrumentation/http-instrumentation.ts'
import type { HttpInstrumentationOptions } from '../../src/instrumentation/http-options.ts'
import type { HeadSampler } from '../../src/trace/sampler.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { Tracer } from '../../src/trace/tracer.ts'

/** An instrumented process. */
export class Recording {
  readonly tracer: Tracer
  readonly undo: HttpInstrumentation
  readonly problems: unknown[] = []
  readonly #spans: SpanData[] = []

  constructor(test: TestContext, options: HttpInstrumentationOptions = {}, sampler?: HeadSampler) {
    this.tracer = new Tracer({ resource: { attributes: { 'service.name': 'test' } }, sampler, maxBlocks: 64 })
    this.tracer.addConsumer({
      name: 'recording',
      consume: (block) => {
        for (let n = 0; n < block.size; n++) this.#spans.push(block.data(n))
      },
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    })
    this.undo = instrumentHttp(this.tracer, { onProblem: (error) => this.problems.push(error), ...options })
    test.after(async () => {
      this.undo()
      await this.tracer.close()
    })
  }

  /** Waits until `count` spans have ended and answers them all, in the order of their ends. Fails after five seconds. */
  async spans(count: number): Promise<SpanData[]> {
    const giveUp = performance.now() + 5000
    while (performance.now() < giveUp) {
      await this.tracer.flush()
      if (this.#spans.length >= count) break
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    // What should not be there must have had the time to appear.
    await new Promise((resolve) => setTimeout(resolve, 10))
    await this.tracer.flush()
    if (this.#spans.length !== count)
      throw new Error(
        `expected ${count} spans, got ${this.#spans.map(({ kind, name }) => `${kind} ${name}`).join(', ')}`,
      )
    return [...this.#spans]
  }

  /** The only span of a kind. */
  async one(kind: SpanData['kind'], of = 1): Promise<SpanData> {
    const found = (await this.spans(of)).filter((span) => span.kind === kind)
    const [span] = found
    if (span === undefined || found.length > 1)
      throw new Error(`expected one span of kind ${kind}, got ${found.length}`)
    return span
  }
}

/** Listens on loopback and is closed after the test. */
export async function listen(test: TestContext, server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(() => {
    const { closeAllConnections } = server as Partial<Server>
    closeAllConnections?.call(server)
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A server of node:http; answers its port. */
export function serve(test: TestContext, listener: RequestListener): Promise<number> {
  return listen(test, createServer(listener))
}

/** Resolves later, over a timer. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
