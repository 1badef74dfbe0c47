// Spans on their way out by OTLP/HTTP. Owns the encoding at the moment a block comes by, because the block is filled anew
// afterwards; sending is the transport's. It must never throw and never wait.
import type { SpanConsumer } from '../trace/consumer.ts'
import type { SpanBlock } from '../trace/span-block.ts'
import type { SpanData } from '../trace/span-data.ts'
import { encodeBlock, encodeSpans } from './encode-traces.ts'
import { encodeBlockJson, encodeSpansJson } from './json-traces.ts'
import { type CompleteOptions, completeOptions, type OtlpOptions } from './otlp-options.ts'
import type { OtlpTotals } from './transport-totals.ts'
import { OtlpTransport, type Unsent } from './transport.ts'

/** Sends spans to a collector. Give it to `Tracer.addConsumer`, or hand it single spans with `take`. */
export interface OtlpExporter extends SpanConsumer {
  /** Takes finished spans, such as those that a tail sampler kept. Like `consume` it never throws and never blocks. */
  take(spans: readonly SpanData[]): void
  readonly totals: OtlpTotals
  /** From now on each request is tried at once, and once only where nobody answers: for the end of a process. */
  hurry(): void
  /** What is neither delivered nor dropped yet. */
  readonly unsent: Unsent
}

/**
 * An exporter of spans. Nothing is connected before the first span.
 *
 * @throws OptionsError naming the option, its bound and its value
 * @example
 * const exporter = otlpExporter({ endpoint: 'http://collector:4318/v1/traces', compression: 'gzip' })
 * tracer.addConsumer(exporter)
 */
export function otlpExporter(options: OtlpOptions = {}): OtlpExporter {
  return new Exporter(completeOptions(options, 'otlp', 'traces'))
}

class Exporter implements OtlpExporter {
  readonly name = 'otlp'
  readonly #options: CompleteOptions
  readonly #transport: OtlpTransport

  constructor(options: CompleteOptions) {
    this.#options = options
    this.#transport = new OtlpTransport(options)
  }

  get totals(): OtlpTotals {
    return this.#transport.totals
  }

  hurry(): void {
    this.#transport.hurry()
  }

  get unsent(): Unsent {
    return this.#transport.unsent
  }

  consume(block: SpanBlock): void {
    const encode = this.#options.json ? encodeBlockJson : encodeBlock
    this.#inParts(block.size, (from, to) => encode(block, from, to))
  }

  take(spans: readonly SpanData[]): void {
    const encode = this.#options.json ? encodeSpansJson : encodeSpans
    this.#inParts(spans.length, (from, to) => encode(from === 0 && to === spans.length ? spans : spans.slice(from, to)))
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#transport.flush(signal)
  }

  close(signal?: AbortSignal): Promise<void> {
    return this.#transport.close(signal)
  }

  #inParts(size: number, encode: (from: number, to: number) => Uint8Array): void {
    const { maxBatch } = this.#options
    for (let from = 0; from < size; from += maxBatch) {
      const to = Math.min(size, from + maxBatch)
      let body: Uint8Array
      try {
        body = encode(from, to)
      } catch (error) {
        // Only values that are none of OpenTelemetry's types, or a lack of memory, can do that.
        this.#transport.drop('unencodable', to - from, `${to - from} spans cannot be encoded: ${(error as Error).name}`)
        continue
      }
      this.#transport.offer(body, to - from)
    }
  }
}
