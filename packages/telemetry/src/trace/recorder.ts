// What a span needs of the tracer that made it, so that the span need not know the tracer.
import type { Clock } from '@switchgear/core'

import type { IdSource } from './ids.ts'
import type { CompleteLimits } from './limits.ts'
import type { SpanRow } from './span-block.ts'

/** A span that has ended. */
export interface FinishedSpan extends SpanRow {
  /** Dates what needs it with the offset of the block the span goes to: epoch minus monotonic milliseconds. */
  date(epochMs: number): void
}

/** Where a span gets its time, bounds and ids, and where it goes when it ends. */
export interface Recorder {
  readonly clock: Clock
  readonly limits: CompleteLimits
  readonly ids: IdSource
  /** Epoch milliseconds minus monotonic milliseconds, as spans that end now are dated with. */
  epochMs(): number
  /** Takes a finished span; it copies what it keeps. */
  record(span: FinishedSpan): void
}
