// ExportTraceServiceRequest in protobuf, to spans. A span whose bytes mean nothing is rejected alone, because its length says
// where the next one begins; damage outside of spans makes the whole request an error, and nothing of it is taken.
// https://opentelemetry.io/docs/specs/otlp/, opentelemetry/proto/collector/trace/v1/trace_service.proto
import type { InstrumentationScope, Resource } from '../trace/span-data.ts'
import { readSpan } from './decode-span.ts'
import { readAttribute } from './decode-value.ts'
import { sized, WireReader } from './decode-wire.ts'
import { DecodeError, IngestBatch } from './ingest-batch.ts'
import type { IngestLimits } from './ingest-limits.ts'
import { AttributeDraft, resourceOf, scopeOf, SpanDraft } from './ingest-span.ts'

const request = { resourceSpans: sized(1) }
const resourceSpans = { resource: sized(1), scopeSpans: sized(2) }
const resource = { attributes: sized(1) }
const scopeSpans = { scope: sized(1), spans: sized(2), schemaUrl: sized(3) }
const scope = { name: sized(1), version: sized(2) }

/** After how many spans a decoder yields, so that whoever runs it may let others run in between. */
export const spansPerStep = 64

/**
 * Decodes a request step by step; the result is the batch. Throws a DecodeError when the request as a whole is broken.
 *
 * @example
 * const batch = complete(decodeTraces(body))
 */
export function* decodeTraces(body: Uint8Array, limits?: IngestLimits): Generator<void, IngestBatch> {
  const batch = new IngestBatch(limits)
  const wire = new WireReader(body)
  const end = body.length
  try {
    for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
      if (tag === request.resourceSpans) yield* readResourceSpans(wire, wire.enter(end), batch)
      else wire.pass(tag, end)
    }
  } catch (error) {
    throw new DecodeError('', `the body is no ExportTraceServiceRequest: ${messageOf(error)}, near byte ${wire.pos}`)
  }
  return batch
}

/** Runs a decoder to its end at once. */
export function complete(steps: Generator<void, IngestBatch>): IngestBatch {
  let step = steps.next()
  while (step.done !== true) step = steps.next()
  return step.value
}

/** The wire may bring the resource after its spans, so these are passed over first; that is cheaper than keeping them. */
function* readResourceSpans(wire: WireReader, end: number, batch: IngestBatch): Generator<void, void> {
  const start = wire.pos
  const attributes = new AttributeDraft(batch)
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === resourceSpans.resource) readResource(wire, wire.enter(end), batch, attributes)
    else wire.pass(tag, end)
  }
  const from = resourceOf(attributes.values)
  wire.pos = start
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === resourceSpans.scopeSpans) yield* readScopeSpans(wire, wire.enter(end), batch, from)
    else wire.pass(tag, end)
  }
}

function readResource(wire: WireReader, end: number, batch: IngestBatch, attributes: AttributeDraft): void {
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === resource.attributes) readAttribute(wire, end, batch, attributes)
    else wire.pass(tag, end)
  }
}

function* readScopeSpans(wire: WireReader, end: number, batch: IngestBatch, from: Resource): Generator<void, void> {
  const start = wire.pos
  const by = { name: '', version: '' }
  let schemaUrl = ''
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === scopeSpans.scope) readScope(wire, wire.enter(end), batch, by)
    else if (tag === scopeSpans.schemaUrl) schemaUrl = wire.text(end, batch)
    else wire.pass(tag, end)
  }
  const scope = scopeOf(by.name, by.version, schemaUrl)
  let count = 0
  wire.pos = start
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag !== scopeSpans.spans) {
      wire.pass(tag, end)
      continue
    }
    const stop = wire.enter(end)
    takeSpan(wire, stop, batch, from, scope)
    wire.pos = stop
    if (++count % spansPerStep === 0) yield
  }
}

function readScope(wire: WireReader, end: number, batch: IngestBatch, by: { name: string; version: string }): void {
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === scope.name) by.name = wire.text(end, batch)
    else if (tag === scope.version) by.version = wire.text(end, batch)
    else wire.pass(tag, end)
  }
}

function takeSpan(
  wire: WireReader,
  end: number,
  batch: IngestBatch,
  resource: Resource,
  scope: InstrumentationScope,
): void {
  if (batch.isFull) return batch.rejectSurplus()
  const draft = new SpanDraft(batch)
  try {
    readSpan(wire, end, batch, draft)
  } catch (error) {
    // The reader is set to the end of the span afterwards, wherever it stopped.
    return batch.reject(`a span is malformed: ${messageOf(error)}`)
  }
  const { fault } = draft
  if (fault === undefined) batch.spans.push(draft.finish(resource, scope))
  else batch.reject(`a span's ${fault.join(' ')}`)
}

/** The reader's errors are its own, with fixed texts about the encoding: they hold no value of the message. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
