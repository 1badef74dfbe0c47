// The last sampled span of each bucket, as integers in columns: keeping one is a few stores, and its ids become text only when
// somebody scrapes. Invariant: a series takes a slot at its first sampled observation, so series that never see one cost nothing.
import { sampledFlag, type SpanIds } from '../trace/parent.ts'
import { hex } from '../trace/span-block.ts'
import type { Exemplar } from './family.ts'

/** What is needed of a span: its ids and its flags. */
export interface SampledIds extends SpanIds {
  /** The W3C flags are in the low eight bits. */
  readonly flags: number
}

/** Whether a span can be an exemplar: a link to a trace that nobody recorded leads nowhere. */
export function isSampled(span: SampledIds): boolean {
  return (span.flags & sampledFlag) !== 0
}

/** The exemplars of a family with `width` buckets per series. */
export class ExemplarColumns {
  readonly #width: number
  /** By row of the series: its slot, counted from 1; 0 when it has none. */
  #slots = new Int32Array(16)
  #used = 0
  /** Six for each bucket of a slot. */
  #ids = new Int32Array(0)
  /** Value and monotonic milliseconds for each bucket of a slot. */
  #numbers = new Float64Array(0)

  constructor(width: number) {
    this.#width = width
  }

  /** Remembers `span` for a bucket of the series in `row`. */
  keep(row: number, bucket: number, value: number, span: SpanIds, atMs: number): void {
    let slot = this.#slots[row] ?? 0
    if (slot === 0) slot = this.#take(row)
    const at = (slot - 1) * this.#width + bucket
    const ids = this.#ids
    ids[6 * at] = span.traceA
    ids[6 * at + 1] = span.traceB
    ids[6 * at + 2] = span.traceC
    ids[6 * at + 3] = span.traceD
    ids[6 * at + 4] = span.spanA
    ids[6 * at + 5] = span.spanB
    this.#numbers[2 * at] = value
    this.#numbers[2 * at + 1] = atMs
  }

  /** `epochMs`: what to add to monotonic milliseconds. */
  read(row: number, bucket: number, epochMs: number): Exemplar | undefined {
    const slot = this.#slots[row] ?? 0
    if (slot === 0) return undefined
    const at = (slot - 1) * this.#width + bucket
    const trace = this.#ids.subarray(6 * at, 6 * at + 4)
    // The id of a trace is never zero: here nothing was kept yet.
    if (trace.every((part) => part === 0)) return undefined
    return {
      traceId: hex(trace),
      spanId: hex(this.#ids.subarray(6 * at + 4, 6 * at + 6)),
      value: this.#numbers[2 * at] ?? 0,
      timeMs: epochMs + (this.#numbers[2 * at + 1] ?? 0),
    }
  }

  /** By bucket; undefined when the series has none at all. */
  readAll(row: number, epochMs: number): readonly (Exemplar | undefined)[] | undefined {
    if ((this.#slots[row] ?? 0) === 0) return undefined
    return Array.from({ length: this.#width }, (_, bucket) => this.read(row, bucket, epochMs))
  }

  #take(row: number): number {
    if (row >= this.#slots.length) {
      const slots = new Int32Array(2 * row)
      slots.set(this.#slots)
      this.#slots = slots
    }
    const slot = ++this.#used
    this.#slots[row] = slot
    const cells = slot * this.#width
    if (6 * cells > this.#ids.length) {
      const ids = new Int32Array(12 * cells)
      ids.set(this.#ids)
      this.#ids = ids
      const numbers = new Float64Array(4 * cells)
      numbers.set(this.#numbers)
      this.#numbers = numbers
    }
    return slot
  }
}
