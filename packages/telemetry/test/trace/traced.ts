// What the tests of this folder share: a tracer on a virtual clock whose finished spans are collected as plain objects.
import { VirtualClock } from '@switchgear/core/testing'

import type { SpanConsumer } from '../../src/trace/consumer.ts'
import type { Span } from '../../src/trace/span.ts'
import type { SpanBlock } from '../../src/trace/span-block.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { Tracer, type TracerOptions } from '../../src/trace/tracer.ts'

export const scope = { name: 'test' }
export const resource = { attributes: { 'service.name': 'test' } }

/** Turns every block into plain spans. */
export class Collector implements SpanConsumer {
  readonly name = 'collector'
  readonly spans: SpanData[] = []
  readonly calls: string[] = []

  consume(block: SpanBlock): void {
    this.calls.push(`consume ${block.size}`)
    for (let n = 0; n < block.size; n++) this.spans.push(block.data(n))
  }

  async flush(): Promise<void> {
    this.calls.push('flush')
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }
}

/** A tracer with its clock and what it recorded. */
export class Traced {
  readonly clock: VirtualClock = new VirtualClock({ now: 1000, wallOffset: 1_767_225_600_000 })
  readonly collector: Collector = new Collector()
  readonly tracer: Tracer

  constructor(options: Partial<TracerOptions> = {}) {
    this.tracer = new Tracer({ resource, clock: this.clock, ...options })
    this.tracer.addConsumer(this.collector)
  }

  start(name = 'work', parent?: Parameters<Tracer['start']>[3]): Span {
    return this.tracer.start(scope, name, 0, parent, this.clock.now())
  }

  /** All spans that have ended so far. */
  async spans(): Promise<SpanData[]> {
    await this.tracer.flush()
    return this.collector.spans
  }

  /** The only span that has ended so far. */
  async only(): Promise<SpanData> {
    const [span, ...more] = await this.spans()
    if (span === undefined || more.length > 0) throw new Error(`expected one span, got ${more.length + 1}`)
    return span
  }
}
