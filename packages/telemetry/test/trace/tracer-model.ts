// What a tracer should do, told simply: which spans are recorded, what each looks like when it comes out, in which block it lies.
// It is compared row by row with what consumers get; nothing in here is the tracer's own code.
import assert from 'node:assert/strict'
import type { SpanConsumer } from '../../src/trace/consumer.ts'
import type { CompleteLimits } from '../../src/trace/limits.ts'
import { blockSpans, type SpanBlock } from '../../src/trace/span-block.ts'
import type { Span } from '../../src/trace/span.ts'

/** A span as it should come out. */
export interface Expected {
  readonly serial: number
  readonly span: Span
  readonly above: Pick<Span, 'spanA' | 'spanB' | 'traceA' | 'traceD'> | undefined
  readonly startMs: number
  endMs: number | undefined
  readonly attributes: Map<string, number>
  droppedAttributes: number
  events: number[]
  droppedEvents: number
  links: number
  droppedLinks: number
  status: number
}

/** A block as it should come out: what is in it, and how far the wall clock was ahead when it was begun. */
interface ExpectedBlock {
  readonly spans: Expected[]
  readonly offsetMs: number
}

/** What is expected of one tracer. */
export class TracerModel {
  readonly counts = { started: 0, ended: 0, dropped: 0, delivered: 0 }
  readonly #blocks: ExpectedBlock[] = []
  readonly #maxBlocks: number
  readonly #limits: CompleteLimits
  readonly #seen = new Set<SpanBlock>()
  closed = false

  constructor(maxBlocks: number, limits: CompleteLimits) {
    this.#maxBlocks = maxBlocks
    this.#limits = limits
  }

  /** Blocks that should still come. */
  get waiting(): number {
    return this.#blocks.length
  }

  set(expected: Expected, key: string, value: number): void {
    if (expected.endMs !== undefined) return
    const { attributes } = expected
    if (attributes.has(key) || attributes.size < this.#limits.attributeCount) attributes.set(key, value)
    else expected.droppedAttributes++
  }

  event(expected: Expected, value: number): void {
    if (expected.endMs !== undefined) return
    expected.events.push(value)
    while (expected.events.length > this.#limits.eventCount) {
      expected.events.shift()
      expected.droppedEvents++
    }
  }

  link(expected: Expected, isValid: boolean): void {
    if (expected.endMs !== undefined) return
    if (isValid && expected.links < this.#limits.linkCount) expected.links++
    else expected.droppedLinks++
  }

  /** It ends for the first time; `offsetMs` is the wall clock's now. */
  end(expected: Expected, atMs: number, offsetMs: number): void {
    if (expected.endMs !== undefined) return
    expected.endMs = Math.max(atMs, expected.startMs)
    const last = this.#blocks.at(-1)
    if (!this.closed && last !== undefined && last.spans.length < blockSpans) last.spans.push(expected)
    else if (!this.closed && this.#blocks.length < this.#maxBlocks) this.#blocks.push({ spans: [expected], offsetMs })
    else {
      this.counts.dropped++
      return
    }
    this.counts.ended++
  }

  /** Compares a block with the one that should come next, some of its spans in every detail. */
  consume(block: SpanBlock): void {
    this.#seen.add(block)
    assert.ok(this.#seen.size <= this.#maxBlocks, 'no more blocks than allowed')
    const expected = this.#blocks.shift()
    assert.ok(expected !== undefined, 'a block that nobody filled')
    assert.equal(block.size, expected.spans.length)
    const ahead = block.epochMs - expected.offsetMs
    assert.ok(ahead >= -1e-3 && ahead <= 1.001, `dated ${ahead} ms off`)
    for (const [n, span] of expected.spans.entries()) this.#compare(block, n, span)
    for (let n = 0; n < block.size; n += 29) this.#compareDetails(block, n, expected.spans[n])
    this.counts.delivered += block.size
  }

  #compare(block: SpanBlock, n: number, expected: Expected): void {
    const { serial, span, above, startMs, endMs, attributes } = expected
    const details = block.details.get(n)
    const differs =
      block.names[n] !== String(serial) ||
      block.startMs[n] !== startMs ||
      block.durationMs[n] !== (endMs ?? Number.NaN) - startMs ||
      block.traceIds[4 * n] !== (above?.traceA ?? span.traceA) ||
      block.traceIds[4 * n + 3] !== (above?.traceD ?? span.traceD) ||
      block.spanIds[2 * n] !== span.spanA ||
      block.spanIds[2 * n + 1] !== span.spanB ||
      block.parentIds[2 * n] !== (above?.spanA ?? 0) ||
      block.parentIds[2 * n + 1] !== (above?.spanB ?? 0) ||
      (details?.droppedAttributes ?? 0) !== expected.droppedAttributes ||
      (details?.droppedEvents ?? 0) !== expected.droppedEvents ||
      (details?.droppedLinks ?? 0) !== expected.droppedLinks ||
      (block.ownEnd[n] ?? 0) - block.ownStart(n) !== 2 * attributes.size
    if (differs) assert.deepEqual(block.data(n), { ...expected, span: undefined })
  }

  #compareDetails(block: SpanBlock, n: number, expected: Expected | undefined): void {
    assert.ok(expected !== undefined)
    const { attributes, events, links, droppedAttributes, droppedEvents, droppedLinks, status } = block.data(n)
    assert.deepEqual(attributes, Object.fromEntries(expected.attributes))
    assert.deepEqual(
      events.map(({ name }) => Number(name)),
      expected.events,
    )
    const found = [links.length, droppedAttributes, droppedEvents, droppedLinks, status]
    const { status: code } = expected
    const wanted = [expected.links, expected.droppedAttributes, expected.droppedEvents, expected.droppedLinks]
    assert.deepEqual(found, [...wanted, ['unset', 'ok', 'error'][code]])
  }
}

/** How a consumer misbehaves. */
export type Manner = 'faithful' | 'throws' | 'rejects' | 'hangs'

/** A consumer with manners of its own; what it notices is rethrown by the test, since the tracer swallows what it throws. */
export class ProgramConsumer implements SpanConsumer {
  readonly name: string
  readonly #manner: Manner
  readonly #consume: (block: SpanBlock) => void
  failure: unknown = undefined
  errors = 0

  constructor(manner: Manner, consume: (block: SpanBlock) => void) {
    this.name = manner
    this.#manner = manner
    this.#consume = consume
  }

  consume(block: SpanBlock): void {
    try {
      this.#consume(block)
    } catch (error) {
      this.failure ??= error
    }
    if (this.#manner !== 'throws') return
    this.errors++
    throw new Error('a consumer that throws')
  }

  flush(): Promise<void> {
    return this.#answer()
  }

  close(): Promise<void> {
    return this.#answer()
  }

  async #answer(): Promise<void> {
    if (this.#manner === 'rejects') throw new Error('a consumer that rejects')
    if (this.#manner === 'hangs') await new Promise<never>(() => undefined)
  }
}
