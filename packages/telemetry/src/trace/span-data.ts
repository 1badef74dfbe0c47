// A finished span as a plain object: what the store keeps, the tail sampler judges, and ingest and export exchange with the
// wire. The hot path never makes one (see span-block.ts). Invariant: ids are lower-case hex and never all zero.

/** What an attribute may hold. In an array, all elements are of one type. */
export type AttributeValue = string | number | boolean | readonly string[] | readonly number[] | readonly boolean[]

/** Attributes by key. */
export type Attributes = Readonly<Record<string, AttributeValue>>

/** What a span stands for: the side of a call, or work inside a process. */
export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

/** `ok` only where somebody said so; an instrumentation leaves `unset` what did not fail. */
export type SpanStatus = 'unset' | 'ok' | 'error'

/** Something that happened during a span. */
export interface SpanEvent {
  readonly name: string
  /** Microseconds since the epoch, exact to a quarter. */
  readonly timeMicros: number
  readonly attributes: Attributes
  readonly droppedAttributes: number
}

/** Another span that has to do with this one and is not its parent. */
export interface SpanLink {
  readonly traceId: string
  readonly spanId: string
  readonly traceState: string
  /** The W3C flags of the linked span in the low eight bits. */
  readonly flags: number
  readonly attributes: Attributes
  readonly droppedAttributes: number
}

/** Who made a span: the library, not the service. */
export interface InstrumentationScope {
  readonly name: string
  readonly version?: string | undefined
  readonly schemaUrl?: string | undefined
}

/** The process that spans and metrics come from; `service.name` is always among its attributes. */
export interface Resource {
  readonly attributes: Attributes
}

/** A finished span. */
export interface SpanData {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  /** 16 hex digits; undefined for the root of a trace. */
  readonly parentSpanId: string | undefined
  /** '' when there is none. */
  readonly traceState: string
  /** As in OTLP: the W3C flags in the low eight bits, 0x100 "is known whether the parent is remote", 0x200 "it is remote". */
  readonly flags: number
  readonly name: string
  readonly kind: SpanKind
  /** Microseconds since the epoch, exact to a quarter. */
  readonly startMicros: number
  readonly durationNanos: number
  readonly status: SpanStatus
  readonly statusMessage: string
  readonly attributes: Attributes
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  readonly droppedAttributes: number
  readonly droppedEvents: number
  readonly droppedLinks: number
  readonly resource: Resource
  readonly scope: InstrumentationScope
}
