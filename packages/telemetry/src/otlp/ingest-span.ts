// A span while it is being decoded, with the rules that both encodings share: which ids are ids, what is too much, what the
// two times mean. Invariant: `finish` gives a span that keeps every promise of SpanData, or throws.
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
} from '../trace/span-data.ts'
import type { IngestBatch } from './ingest-batch.ts'
import { attributeValue, type WireValue } from './ingest-value.ts'

/** The flags that OTLP gives a meaning to; the others are reserved and may be set. */
const knownFlags = 0x3ff

const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

/** Shared by all that have none: a span may have a hundred events without. */
const noAttributes: Attributes = Object.freeze({})

/** Attributes of one owner, at most `maxAttributes`. */
export class AttributeDraft {
  /** Those beyond the limit, and those without a key. */
  dropped = 0
  readonly #batch: IngestBatch
  #values: Record<string, AttributeValue> | undefined
  #count = 0

  constructor(batch: IngestBatch) {
    this.#batch = batch
  }

  get values(): Attributes {
    return this.#values ?? noAttributes
  }

  add(key: string, value: WireValue): void {
    const values = (this.#values ??= {})
    const isNew = !Object.hasOwn(values, key)
    if (key === '' || (isNew && this.#count === this.#batch.limits.maxAttributes)) {
      this.dropped++
      this.#batch.dropped++
      return
    }
    if (isNew) this.#count++
    const flat = attributeValue(value, this.#batch)
    // Assigned, this one key would set the prototype.
    if (key === '__proto__') Object.defineProperty(values, key, { value: flat, enumerable: true, configurable: true })
    else values[key] = flat
  }
}

/** Whether a hex id is one: zeros stand for "none". */
export function isId(hex: string): boolean {
  return hex !== '' && hex !== noTrace && hex !== noSpan
}

/** Microseconds of a fixed64 of nanoseconds, given as two unsigned halves; exact to a quarter until the year 2255. */
export function micros(high: number, low: number): number {
  // 2^32 is 4_294_967 * 1000 + 296: all but the last step is exact. As one number, nanoseconds would be off by up to 128.
  return high * 4_294_967 + (high * 296 + low) / 1000
}

/** A span in the making. Every text given to it is within the limits. */
export class SpanDraft {
  traceId = ''
  spanId = ''
  /** '' or zeros for a root. */
  parentSpanId = ''
  traceState = ''
  flags = 0
  name = ''
  kind: SpanKind = 'internal'
  status: SpanStatus = 'unset'
  statusMessage = ''
  startHigh = 0
  startLow = 0
  endHigh = 0
  endLow = 0
  /** As the sender counted them. */
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0
  readonly attributes: AttributeDraft
  readonly #batch: IngestBatch
  readonly #events: SpanEvent[] = []
  readonly #links: SpanLink[] = []
  #surplusEvents = 0
  #unusedLinks = 0

  constructor(batch: IngestBatch) {
    this.#batch = batch
    this.attributes = new AttributeDraft(batch)
  }

  addEvent(event: SpanEvent): void {
    if (this.#events.length < this.#batch.limits.maxEvents) return void this.#events.push(event)
    this.#surplusEvents++
    this.#batch.dropped++
  }

  /** A link that points nowhere is left out and counted; it is no reason to lose the span. */
  addLink(link: SpanLink): void {
    const wanted = isId(link.traceId) && isId(link.spanId) && this.#links.length < this.#batch.limits.maxLinks
    if (wanted) return void this.#links.push({ ...link, flags: link.flags & knownFlags })
    this.#unusedLinks++
    this.#batch.dropped++
  }

  /** What keeps it from being a span, as the name of the field and what it must be; undefined when nothing does. */
  get fault(): readonly [field: string, bound: string] | undefined {
    if (!isId(this.traceId)) return ['traceId', 'must be 16 bytes that are not all zero']
    if (!isId(this.spanId)) return ['spanId', 'must be 8 bytes that are not all zero']
    if (this.startHigh === 0 && this.startLow === 0) return ['startTimeUnixNano', 'must be set']
    return undefined
  }

  /** The span; only for a draft without a fault. An end before the start counts as no time at all. */
  finish(resource: Resource, scope: InstrumentationScope): SpanData {
    const elapsed = (this.endHigh - this.startHigh) * 2 ** 32 + (this.endLow - this.startLow)
    return {
      traceId: this.traceId,
      spanId: this.spanId,
      parentSpanId: isId(this.parentSpanId) ? this.parentSpanId : undefined,
      traceState: this.traceState,
      flags: this.flags & knownFlags,
      name: this.name,
      kind: this.kind,
      startMicros: micros(this.startHigh, this.startLow),
      durationNanos: Math.max(0, elapsed),
      status: this.status,
      statusMessage: this.statusMessage,
      attributes: this.attributes.values,
      events: this.#events,
      links: this.#links,
      droppedAttributes: this.droppedAttributes + this.attributes.dropped,
      droppedEvents: this.droppedEvents + this.#surplusEvents,
      droppedLinks: this.droppedLinks + this.#unusedLinks,
      resource,
      scope,
    }
  }
}

/** A resource of decoded attributes; one that does not say its service gets the name the specification has for that. */
export function resourceOf(attributes: Attributes): Resource {
  const name = attributes['service.name']
  const named = typeof name === 'string' && name !== ''
  return { attributes: named ? attributes : { ...attributes, 'service.name': 'unknown_service' } }
}

/** A scope; '' stands for what the sender left out. */
export function scopeOf(name: string, version: string, schemaUrl: string): InstrumentationScope {
  return { name, version: version || undefined, schemaUrl: schemaUrl || undefined }
}
