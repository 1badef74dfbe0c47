// What a collector says of itself: every counter from the wire to the file. It is plain and is sent as JSON.
import type { ReceiverTotals, StoreTotals, TailTotals } from '@switchgear/telemetry'

/** What a collector has done since it was started. */
export interface CollectorStatus {
  readonly version: 1
  readonly startedAtMs: number
  readonly receiver: ReceiverTotals
  /** Null where everything is kept. `waiting` is what is not decided on yet. */
  readonly sampling: (TailTotals & { readonly waiting: Waiting }) | null
  readonly store: StoreTotals
}

/** What waits for its decision; `bytes` is an estimate. */
export interface Waiting {
  readonly traces: number
  readonly spans: number
  readonly bytes: number
}
