// Kept traces on their way into the store. Many are decided in one turn, and each would be a transaction of its own: they are
// gathered until the turn is over, or until a batch is full. Invariant: what was taken is in the store after `flush`.
import type { SpanData, SpanStore } from '@switchgear/telemetry'

/** What the store writes in one transaction. */
const batchSpans = 512

/** Gathers spans for a store. */
export class KeptSpans {
  readonly #store: Pick<SpanStore, 'add'>
  #waiting: SpanData[] = []
  #scheduled: NodeJS.Immediate | undefined

  constructor(store: Pick<SpanStore, 'add'>) {
    this.#store = store
  }

  /** Takes spans of one trace. */
  take(spans: readonly SpanData[]): void {
    for (const span of spans) this.#waiting.push(span)
    if (this.#waiting.length >= batchSpans) this.flush()
    else this.#scheduled ??= setImmediate(() => this.flush())
  }

  /** Stores what waits. */
  flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const spans = this.#waiting
    this.#waiting = []
    if (spans.length > 0) this.#store.add(spans)
  }
}
