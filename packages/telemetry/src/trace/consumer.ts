// The contract of those who get the finished spans of a process: exporters, a tail filter, a store in the same process.
import type { SpanBlock } from './span-block.ts'

/**
 * Gets finished spans, block by block. It is called in no call's context, with tracing suppressed for what it starts; one
 * that throws or rejects is counted.
 */
export interface SpanConsumer {
  readonly name: string
  /** Takes what it needs before it returns, because the block is filled anew afterwards. It never throws and never blocks. */
  consume(block: SpanBlock): void
  /** Resolves when all that was consumed is delivered or has been dropped and counted; `signal` ends the wait. */
  flush(signal?: AbortSignal): Promise<void>
  /** Flushes and frees everything. */
  close(signal?: AbortSignal): Promise<void>
}
