// Finished spans as columns: what the hot path leaves behind. A span that ends is copied into the block that is being filled
// and is garbage at once, so that nothing of it ever reaches the old generation of the heap; exporters read the columns.
// Invariant: a block holds at most `blockSpans` spans; between `reset` and the next `reset` a row never changes.
import type { AttributeSet } from './attribute-set.ts'
import type { SpanIds } from './parent.ts'
import { hexOfWord } from './ids.ts'
import type {
  Attributes,
  AttributeValue,
  InstrumentationScope,
  Resource,
  SpanData,
  SpanEvent,
  SpanKind,
  SpanLink,
  SpanStatus,
} from './span-data.ts'

/** Spans in one block; also the size of an export, as in the OpenTelemetry specification. */
export const blockSpans = 512

/** Room for key and value of one own attribute per span. */
const ownRoom = 2 * blockSpans

/** In the order of OTLP's numbers, which begin at 1. */
export const kinds: readonly SpanKind[] = ['internal', 'server', 'client', 'producer', 'consumer']
/** In the order of OTLP's numbers. */
export const statuses: readonly SpanStatus[] = ['unset', 'ok', 'error']

/** What only few spans have. */
export interface SpanDetails {
  readonly traceState: string
  readonly statusMessage: string
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  readonly droppedAttributes: number
  readonly droppedEvents: number
  readonly droppedLinks: number
}

/** What a block copies from a span. */
export interface SpanRow extends SpanIds {
  /** Both 0 for a root. */
  readonly parentA: number
  readonly parentB: number
  /** As `SpanData.flags`. */
  readonly flags: number
  /** Index into `kinds`. */
  readonly kind: number
  /** Index into `statuses`. */
  readonly status: number
  readonly name: string
  readonly scope: InstrumentationScope
  /** Monotonic milliseconds. */
  readonly startMs: number
  readonly endMs: number
  readonly shared: AttributeSet | undefined
  readonly sharedMore: AttributeSet | undefined
  /** Key, value, key, value, …: the span's own attributes. They win over the shared ones. */
  readonly own: readonly (string | AttributeValue)[] | undefined
  readonly details: SpanDetails | undefined
}

const bytesPerSpan = 62
/** Numbers of blocks and of their uses, so that a set knows whether its place was given to it in this one. */
let uses = 0

/** A block of finished spans. Column `n` of every array belongs to span `n`, 0 <= n < `size`. */
export class SpanBlock {
  size = 0
  /** Monotonic milliseconds. */
  readonly startMs: Float64Array
  readonly durationMs: Float64Array
  /** Four integers each. */
  readonly traceIds: Int32Array
  /** Two integers each. */
  readonly spanIds: Int32Array
  /** Two integers each, 0 0 for a root. */
  readonly parentIds: Int32Array
  /** `flags` shifted left by 8, `status` by 4, `kind`. */
  readonly codes: Uint32Array
  readonly names: string[] = Array.from({ length: blockSpans }, () => '')
  /** Each scope and each set of attributes once; `places` says which is whose. */
  readonly scopes: InstrumentationScope[] = []
  readonly sets: AttributeSet[] = []
  /** Three for each span: of its scope in `scopes`, and of its two sets in `sets`, plus 1; 0 where there is none. */
  readonly places: Uint16Array
  /**
   * Own attributes of all spans one after another, key, value, key, value; those of span n end before `ownEnd[n]`. It may be
   * longer than they are: room for one attribute per span is kept.
   */
  readonly own: (string | AttributeValue)[] = Array.from({ length: ownRoom }, () => '')
  readonly ownEnd: Uint32Array
  /** By the number of the span. */
  readonly details: Map<number, SpanDetails> = new Map()
  readonly resource: Resource
  /** Epoch milliseconds minus monotonic milliseconds, as measured when the block was begun. */
  epochMs = 0
  #use = ++uses

  constructor(resource: Resource) {
    this.resource = resource
    // One buffer, widest elements first: as buffers of their own the columns would cost two bytes more per span.
    const buffer = new ArrayBuffer(bytesPerSpan * blockSpans)
    this.startMs = new Float64Array(buffer, 0, blockSpans)
    this.durationMs = new Float64Array(buffer, 8 * blockSpans, blockSpans)
    this.traceIds = new Int32Array(buffer, 16 * blockSpans, 4 * blockSpans)
    this.spanIds = new Int32Array(buffer, 32 * blockSpans, 2 * blockSpans)
    this.parentIds = new Int32Array(buffer, 40 * blockSpans, 2 * blockSpans)
    this.codes = new Uint32Array(buffer, 48 * blockSpans, blockSpans)
    this.ownEnd = new Uint32Array(buffer, 52 * blockSpans, blockSpans)
    this.places = new Uint16Array(buffer, 56 * blockSpans, 3 * blockSpans)
  }

  get isFull(): boolean {
    return this.size === blockSpans
  }

  /** Copies a finished span. The caller has seen to it that there is room. */
  add(span: SpanRow): void {
    const n = this.size++
    const { own, details } = span
    this.traceIds[4 * n] = span.traceA
    this.traceIds[4 * n + 1] = span.traceB
    this.traceIds[4 * n + 2] = span.traceC
    this.traceIds[4 * n + 3] = span.traceD
    this.spanIds[2 * n] = span.spanA
    this.spanIds[2 * n + 1] = span.spanB
    this.parentIds[2 * n] = span.parentA
    this.parentIds[2 * n + 1] = span.parentB
    this.startMs[n] = span.startMs
    this.durationMs[n] = span.endMs - span.startMs
    this.codes[n] = (span.flags << 8) | (span.status << 4) | span.kind
    this.names[n] = span.name
    this.places[3 * n] = this.#scopePlace(span.scope)
    this.places[3 * n + 1] = this.#setPlace(span.shared)
    this.places[3 * n + 2] = this.#setPlace(span.sharedMore)
    let end = n === 0 ? 0 : (this.ownEnd[n - 1] ?? 0)
    if (own !== undefined) for (const part of own) this.own[end++] = part
    this.ownEnd[n] = end
    if (details !== undefined) this.details.set(n, details)
  }

  /** Empties it for its next use; `epochMs` is the clock's offset of now. */
  reset(epochMs: number): void {
    // What the last spans held must not outlive them here; texts of attributes may be large.
    this.own.length = ownRoom
    this.own.fill('', 0, this.ownStart(this.size))
    this.size = 0
    this.scopes.length = 0
    this.sets.length = 0
    this.#use = ++uses
    this.details.clear()
    this.epochMs = epochMs
  }

  /** The attributes that span `n` shares with others: the `which`-th of its sets, 1 or 2. */
  sharedSet(n: number, which: 1 | 2): AttributeSet | undefined {
    const place = this.places[3 * n + which] ?? 0
    return place === 0 ? undefined : this.sets[place - 1]
  }

  /** Most spans have the scope of the one before; of others there are few. */
  #scopePlace(scope: InstrumentationScope): number {
    const last = this.scopes.length
    if (last > 0 && this.scopes[last - 1] === scope) return last
    const known = this.scopes.indexOf(scope)
    return known < 0 ? this.scopes.push(scope) : known + 1
  }

  /** A set remembers its place, so that no map is asked; a pointer for each span would cost four times as much. */
  #setPlace(set: AttributeSet | undefined): number {
    if (set === undefined) return 0
    if (set.block !== this.#use) {
      set.block = this.#use
      set.place = this.sets.push(set)
    }
    return set.place
  }

  /** Where the own attributes of span `n` begin. */
  ownStart(n: number): number {
    return n === 0 ? 0 : (this.ownEnd[n - 1] ?? 0)
  }

  /** Span `n` as a plain object. */
  data(n: number): SpanData {
    const code = this.codes[n] ?? 0
    const details = this.details.get(n) ?? noDetails
    const [a = 0, b = 0] = this.parentIds.subarray(2 * n, 2 * n + 2)
    return {
      traceId: hex(this.traceIds.subarray(4 * n, 4 * n + 4)),
      spanId: hex(this.spanIds.subarray(2 * n, 2 * n + 2)),
      parentSpanId: a === 0 && b === 0 ? undefined : hex([a, b]),
      flags: code >>> 8,
      name: this.names[n] ?? '',
      kind: kinds[code & 0xf] ?? 'internal',
      status: statuses[(code >>> 4) & 0xf] ?? 'unset',
      startMicros: (this.epochMs + (this.startMs[n] ?? 0)) * 1000,
      durationNanos: Math.round((this.durationMs[n] ?? 0) * 1e6),
      attributes: this.attributes(n),
      resource: this.resource,
      scope: this.scopes[(this.places[3 * n] ?? 0) - 1] ?? noScope,
      ...details,
    }
  }

  /** All attributes of span `n`; its own win over shared ones. */
  attributes(n: number): Attributes {
    const all: Record<string, AttributeValue> = {
      ...this.sharedSet(n, 1)?.attributes,
      ...this.sharedSet(n, 2)?.attributes,
    }
    for (let index = this.ownStart(n); index < (this.ownEnd[n] ?? 0); index += 2) {
      all[String(this.own[index])] = this.own[index + 1] ?? ''
    }
    return all
  }
}

/** An id as text. */
export function hex(parts: Iterable<number>): string {
  let text = ''
  for (const part of parts) text += hexOfWord(part)
  return text
}

const noScope: InstrumentationScope = Object.freeze({ name: '' })
const noDetails: SpanDetails = Object.freeze({
  traceState: '',
  statusMessage: '',
  events: Object.freeze([]),
  links: Object.freeze([]),
  droppedAttributes: 0,
  droppedEvents: 0,
  droppedLinks: 0,
})
