// ExportTraceServiceRequest in OTLP/JSON, to spans: ids are hex in either case, 64-bit integers numbers or texts, enums numbers
// or (more than the specification asks) names, unknown keys are ignored. As in protobuf, what is wrong inside a span rejects
// that span, and what is wrong outside of spans is an error of the whole request; either message names the path.
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
import { kinds, statuses } from '../trace/span-block.ts'
import type { InstrumentationScope, Resource } from '../trace/span-data.ts'
import { type JsonObject, JsonPath } from './decode-json-path.ts'
import { jsonAttributes } from './decode-json-value.ts'
import { spansPerStep } from './decode-traces.ts'
import { DecodeError, IngestBatch } from './ingest-batch.ts'
import type { IngestLimits } from './ingest-limits.ts'
import { micros, resourceOf, scopeOf, SpanDraft } from './ingest-span.ts'

const kindNames = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((k) => `SPAN_KIND_${k}`)
const statusNames = ['UNSET', 'OK', 'ERROR'].map((code) => `STATUS_CODE_${code}`)
/** Objects, lists and keys that a span may be written with, on average; one with twenty attributes has about that many. */
const partsPerSpan = 128
const noTime = [0, 0] as const
const noResource = resourceOf({})

/**
 * Decodes a request step by step; the result is the batch. Throws a DecodeError when the request as a whole is broken.
 *
 * @example
 * const batch = complete(decodeJson(body))
 */
export function* decodeJson(body: Uint8Array, limits?: IngestLimits): Generator<void, IngestBatch> {
  const batch = new IngestBatch(limits)
  const path = new JsonPath()
  const request = path.object(parse(body, batch.limits.maxSpans * partsPerSpan))
  for (const element of path.walk(request, 'resourceSpans')) {
    const group = path.object(element)
    const read = (value: unknown): Resource => resourceOf(jsonAttributes(path, path.object(value), batch).values)
    const resource = path.field(group, 'resource', read, noResource)
    for (const scopeSpans of path.walk(group, 'scopeSpans')) {
      yield* readScopeSpans(path, path.object(scopeSpans), batch, resource)
    }
  }
  return batch
}

/**
 * The parser cannot pause, and megabytes of nothing but brackets would keep it busy for seconds: their number is bounded first.
 * Its own message would quote the body; only the position is taken from it.
 */
function parse(body: Uint8Array, maxParts: number): unknown {
  if (body.length > maxParts && partsOf(body) > maxParts) {
    throw new DecodeError('', `the body has more than ${maxParts} objects, lists and keys: send smaller batches`)
  }
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch (error) {
    const at = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
    throw new DecodeError('', `the body is no JSON${at === undefined ? '' : `: see position ${at}`}`)
  }
}

/** Counts `{`, `[` and `:`, also those within texts. */
function partsOf(body: Uint8Array): number {
  let parts = 0
  for (const byte of body) if (byte === 0x7b || byte === 0x5b || byte === 0x3a) parts++
  return parts
}

function* readScopeSpans(
  path: JsonPath,
  group: JsonObject,
  batch: IngestBatch,
  resource: Resource,
): Generator<void, void> {
  const text = (value: unknown): string => batch.text(path.text(value))
  const schemaUrl = path.field(group, 'schemaUrl', text, '')
  const readScope = (value: unknown): InstrumentationScope => {
    const by = path.object(value)
    return scopeOf(path.field(by, 'name', text, ''), path.field(by, 'version', text, ''), schemaUrl)
  }
  const scope = path.field(group, 'scope', readScope, scopeOf('', '', schemaUrl))
  let count = 0
  for (const span of path.walk(group, 'spans')) {
    takeSpan(path, span, batch, resource, scope)
    if (++count % spansPerStep === 0) yield
  }
}

function takeSpan(
  path: JsonPath,
  element: unknown,
  batch: IngestBatch,
  resource: Resource,
  scope: InstrumentationScope,
): void {
  if (batch.isFull) return batch.rejectSurplus()
  const { depth } = path
  const draft = new SpanDraft(batch)
  try {
    readSpan(path, path.object(element), batch, draft)
    const { fault } = draft
    if (fault !== undefined) path.field({ [fault[0]]: '' }, fault[0], () => path.fail(fault[1]), undefined)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    path.restore(depth)
    return batch.reject(error.message)
  }
  batch.spans.push(draft.finish(resource, scope))
}

function readSpan(path: JsonPath, span: JsonObject, batch: IngestBatch, into: SpanDraft): void {
  const text = (value: unknown): string => batch.text(path.text(value))
  const count = (value: unknown): number => path.uint32(value)
  const time = (value: unknown): readonly [number, number] => path.fixed64(value)
  into.traceId = path.field(span, 'traceId', (value) => path.id(value, 16), '')
  into.spanId = path.field(span, 'spanId', (value) => path.id(value, 8), '')
  into.parentSpanId = path.field(span, 'parentSpanId', (value) => path.id(value, 8), '')
  into.traceState = path.field(span, 'traceState', text, '')
  into.flags = path.field(span, 'flags', count, 0)
  into.name = path.field(span, 'name', text, '')
  into.kind = kinds[(path.field(span, 'kind', (value) => path.enumeration(value, kindNames), 0) ?? 0) - 1] ?? 'internal'
  ;[into.startHigh, into.startLow] = path.field(span, 'startTimeUnixNano', time, noTime)
  ;[into.endHigh, into.endLow] = path.field(span, 'endTimeUnixNano', time, noTime)
  into.droppedAttributes = path.field(span, 'droppedAttributesCount', count, 0)
  into.droppedEvents = path.field(span, 'droppedEventsCount', count, 0)
  into.droppedLinks = path.field(span, 'droppedLinksCount', count, 0)
  jsonAttributes(path, span, batch, into.attributes)
  path.each(span, 'events', (element) => readEvent(path, path.object(element), batch, into))
  path.each(span, 'links', (element) => readLink(path, path.object(element), batch, into))
  path.field(span, 'status', (value) => readStatus(path, path.object(value), batch, into), undefined)
}

function readEvent(path: JsonPath, event: JsonObject, batch: IngestBatch, into: SpanDraft): void {
  const [high, low] = path.field(event, 'timeUnixNano', (value) => path.fixed64(value), noTime)
  const attributes = jsonAttributes(path, event, batch)
  const dropped = path.field(event, 'droppedAttributesCount', (value) => path.uint32(value), 0)
  into.addEvent({
    name: path.field(event, 'name', (value) => batch.text(path.text(value)), ''),
    timeMicros: micros(high, low),
    attributes: attributes.values,
    droppedAttributes: dropped + attributes.dropped,
  })
}

function readLink(path: JsonPath, link: JsonObject, batch: IngestBatch, into: SpanDraft): void {
  const attributes = jsonAttributes(path, link, batch)
  const dropped = path.field(link, 'droppedAttributesCount', (value) => path.uint32(value), 0)
  into.addLink({
    traceId: path.field(link, 'traceId', (value) => path.id(value, 16), ''),
    spanId: path.field(link, 'spanId', (value) => path.id(value, 8), ''),
    traceState: path.field(link, 'traceState', (value) => batch.text(path.text(value)), ''),
    flags: path.field(link, 'flags', (value) => path.uint32(value), 0),
    attributes: attributes.values,
    droppedAttributes: dropped + attributes.dropped,
  })
}

function readStatus(path: JsonPath, status: JsonObject, batch: IngestBatch, into: SpanDraft): void {
  const code = path.field(status, 'code', (value) => path.enumeration(value, statusNames), 0)
  into.status = statuses[code ?? 0] ?? 'unset'
  into.statusMessage = path.field(status, 'message', (value) => batch.text(path.text(value)), '')
}
