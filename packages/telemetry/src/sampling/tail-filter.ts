// Tail sampling inside one process, between the tracer and an exporter. It sees the spans of this process only: an
// error or a slow root in another one is unknown here, so what it keeps of a trace may be partial. Where spans go to a
// Switchgear store, leave it out: there every process sends all its spans and the store decides on whole traces.
// Metrics are counted where the spans are made, before this filter.
import type { SpanConsumer } from '../trace/consumer.ts'
import type { SpanBlock } from '../trace/span-block.ts'
import type { SpanData } from '../trace/span-data.ts'
import { checkFunction, checkKeys } from '@switchgear/core/options'
import { type TailSamplerOptions, tailSamplerKeys, type TraceBufferOptions, traceBufferKeys } from './tail-options.ts'
import { TailSampler } from './tail-sampler.ts'
import { type TailTotals, TraceBuffer } from './trace-buffer.ts'

/** Who gets the spans that are kept. */
export interface TailTarget {
  /** Spans of one trace. It takes what it needs before it returns. */
  take(spans: readonly SpanData[]): void
  /** Called after all that waited was decided. */
  flush?(signal?: AbortSignal): Promise<void>
  /** Called once, after the last `take`. */
  close?(signal?: AbortSignal): Promise<void>
}

/** Options of `tailFilter`: those of the sampler and of the buffer. `endsAtEntry` is true unless set. */
export interface TailFilterOptions extends TailSamplerOptions, TraceBufferOptions {}

/** A span consumer that keeps what the tail sampler keeps. */
export interface TailFilter extends SpanConsumer {
  readonly totals: TailTotals
  readonly sampler: TailSampler
  readonly buffer: TraceBuffer
}

/**
 * Puts tail sampling before a target. A trace is decided when this process's entry to it has ended, so a second request
 * of the same trace that comes later follows the first one's decision.
 *
 * @example
 * tracer.addConsumer(tailFilter({ take: (spans) => exporter.send(spans) }, { ratio: 0.05 }))
 */
export function tailFilter(target: TailTarget, options: TailFilterOptions = {}): TailFilter {
  checkFunction(target.take, 'tailFilter.take')
  checkKeys(options, [...tailSamplerKeys, ...traceBufferKeys], 'tailFilter')
  const sampler = new TailSampler(only(options, tailSamplerKeys))
  const take = (spans: readonly SpanData[]): void => target.take(spans)
  const buffer = new TraceBuffer(sampler, take, { endsAtEntry: true, ...only(options, traceBufferKeys) })
  let closing: Promise<void> | undefined
  return {
    name: 'tail-filter',
    totals: buffer.totals,
    sampler,
    buffer,
    consume(block: SpanBlock): void {
      buffer.add(Array.from({ length: block.size }, (_, n) => block.data(n)))
    },
    async flush(signal?: AbortSignal): Promise<void> {
      buffer.flush()
      await target.flush?.(signal)
    },
    close(signal?: AbortSignal): Promise<void> {
      buffer.close()
      return (closing ??= closeTarget(target, signal))
    },
  }
}

async function closeTarget(target: TailTarget, signal: AbortSignal | undefined): Promise<void> {
  await target.flush?.(signal)
  await target.close?.(signal)
}

/** The options of these names that were given. */
function only(options: TailFilterOptions, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(options).filter(([key]) => keys.includes(key)))
}
