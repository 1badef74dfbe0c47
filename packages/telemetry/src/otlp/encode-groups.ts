// What the requests of spans and of metrics have in common: groups by resource and by scope, texts, ids. Invariant: an
// empty text is not written, as proto3 leaves out what has its default.
import type { InstrumentationScope, Resource, SpanData } from '../trace/span-data.ts'
import { writeAttributes } from './encode-attributes.ts'
import type { WireWriter } from './wire.ts'

/** Bytes that the length of a whole group mostly takes. */
export const groupBytes = 3

/** Spans by resource, then by scope. */
export function grouped(spans: readonly SpanData[]): Map<Resource, Map<InstrumentationScope, SpanData[]>> {
  const resources = new Map<Resource, Map<InstrumentationScope, SpanData[]>>()
  for (const span of spans) {
    let scopes = resources.get(span.resource)
    if (scopes === undefined) resources.set(span.resource, (scopes = new Map()))
    const group = scopes.get(span.scope)
    if (group === undefined) scopes.set(span.scope, [span])
    else group.push(span)
  }
  return resources
}

/** Field 1 of ResourceSpans and ResourceMetrics. */
export function writeResource(to: WireWriter, resource: Resource): void {
  to.byte(0x0a)
  const mark = to.open(2)
  writeAttributes(to, 0x0a, resource.attributes)
  to.close(mark, 2)
}

/** Begins ScopeSpans or ScopeMetrics (their tag is written) with the scope; `closeScope` wants the answer. */
export function openScope(to: WireWriter, scope: InstrumentationScope): number {
  const mark = to.open(groupBytes)
  to.byte(0x0a)
  const scopeMark = to.open(1)
  writeText(to, 0x0a, scope.name)
  writeText(to, 0x12, scope.version ?? '')
  to.close(scopeMark, 1)
  return mark
}

/** Ends what `openScope` began. */
export function closeScope(to: WireWriter, scope: InstrumentationScope, mark: number): void {
  writeText(to, 0x1a, scope.schemaUrl ?? '')
  to.close(mark, groupBytes)
}

/** A field that is left out when the text is empty. */
export function writeText(to: WireWriter, tag: number, text: string): void {
  if (text === '') return
  to.byte(tag)
  to.text(text)
}

/** An id of `text.length / 2` bytes with its length. */
export function writeId(to: WireWriter, tag: number, text: string): void {
  to.byte(tag)
  to.byte(text.length / 2)
  for (let index = 0; index < text.length; index += 8) to.idPart(Number.parseInt(text.slice(index, index + 8), 16))
}
