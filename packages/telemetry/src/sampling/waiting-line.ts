// Traces that wait for their decision, in the order in which they came. All in one line wait equally long, so that is
// also the order in which they fall due. Invariant: every operation takes constant time on average, however many have
// left the line.
import type { SpanData } from '../trace/span-data.ts'

/** A trace that waits. */
export interface WaitingTrace {
  readonly id: string
  readonly spans: SpanData[]
  /** Estimated. */
  bytes: number
  /** Monotonic milliseconds. */
  dueMs: number
}

/** A queue with access by trace id. */
export class WaitingLine {
  readonly #traces = new Map<string, WaitingTrace>()
  // A map keeps the places of what was deleted for a while, and each new iterator walks over all of them: one that is
  // kept does so once. It also finds what is added later, until it has once reached the end.
  #cursor = this.#traces.values()
  #first: WaitingTrace | undefined = undefined

  get size(): number {
    return this.#traces.size
  }

  /** The one that has waited the longest. */
  get first(): WaitingTrace | undefined {
    if (this.#traces.size === 0) {
      this.#first = undefined
      this.#cursor = this.#traces.values()
      return undefined
    }
    while (this.#first === undefined || this.#traces.get(this.#first.id) !== this.#first) {
      const next = this.#cursor.next()
      if (next.done === true) this.#cursor = this.#traces.values()
      else this.#first = next.value
    }
    return this.#first
  }

  get(id: string): WaitingTrace | undefined {
    return this.#traces.get(id)
  }

  /** Adds one at the end; its id is not in the line yet. */
  add(trace: WaitingTrace): void {
    this.#traces.set(trace.id, trace)
  }

  delete(id: string): boolean {
    return this.#traces.delete(id)
  }
}
