// The `traceparent` header of W3C Trace Context level 2. Invariant: what is written is always a valid header of version 00,
// and a header that breaks a rule is as good as none. Read once per request, so no expression and no part of a text is made.
import { randomFlag, sampledFlag } from '../trace/parent.ts'
import { trimmed } from './field-text.ts'
import { beginHex, byteAt, putWord, wasHex, wordAt } from './hex.ts'
import { IncomingParent, type OutgoingPosition } from './incoming-parent.ts'

/** Characters of a header of version 00: 2 of the version, 32, 16 and 2 of the fields, and three dashes. */
const exactLength = 55
const dash = 45
const known = sampledFlag | randomFlag

/**
 * Reads a `traceparent` header. Undefined when there is none or it breaks a rule; then a new trace begins and `tracestate`
 * must not be looked at. Of a higher version the fields known from 00 are used. `traceState` is left empty.
 *
 * Source: W3C Trace Context level 2, "traceparent Header Field Values" and "Versioning of traceparent".
 *
 * @example
 * parseTraceparent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')?.flags // 1
 */
export function parseTraceparent(text: string | undefined): IncomingParent | undefined {
  if (text === undefined) return undefined
  // White space around a field value belongs to HTTP; node removes it, but not everybody who carries headers does.
  if (text.length !== exactLength) text = trimmed(text)
  if (!hasShape(text)) return undefined
  beginHex()
  const version = byteAt(text, 0)
  const [a, b, c, d] = [wordAt(text, 3), wordAt(text, 11), wordAt(text, 19), wordAt(text, 27)]
  const parent = new IncomingParent(a, b, c, d, wordAt(text, 36), wordAt(text, 44), byteAt(text, 53) & known, false)
  if (!wasHex() || version === 0xff || !parent.isValid) return undefined
  // Version 00 ends here. A later one may go on with what we must not make assumptions about.
  return version === 0 && text.length !== exactLength ? undefined : parent
}

/** Whether it is long enough, the dashes are where they must be, and what follows, if anything, follows a dash. */
function hasShape(text: string): boolean {
  if (text.length < exactLength) return false
  if (text.charCodeAt(2) !== dash || text.charCodeAt(35) !== dash || text.charCodeAt(52) !== dash) return false
  return text.length === exactLength || text.charCodeAt(exactLength) === dash
}

/** The header that is being written: one flat text is made of it, where putting parts together would leave a tree of them. */
const header = Buffer.from('00-00000000000000000000000000000000-0000000000000000-00')

/**
 * Writes the header of version 00. Flags that this version does not define are not passed on. `spanA` and `spanB` are for who stands
 * at another place of the same trace, and has no position of its own yet.
 *
 * @example
 * headers.traceparent = formatTraceparent(span)
 */
export function formatTraceparent(
  span: Omit<OutgoingPosition, 'traceState'>,
  spanA: number = span.spanA,
  spanB: number = span.spanB,
): string {
  putWord(header, 3, span.traceA)
  putWord(header, 11, span.traceB)
  putWord(header, 19, span.traceC)
  putWord(header, 27, span.traceD)
  putWord(header, 36, spanA)
  putWord(header, 44, spanB)
  // Both known flags fit into the last digit.
  header[54] = 48 + (span.flags & known)
  return header.toString('latin1')
}
