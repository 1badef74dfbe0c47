// Attributes that many spans have in common, such as method, route and status of a request, or the two ends of a connection.
// Invariant: a set never changes after it was made, so that spans may share it and its encoding is made once.
import { shortened } from './attributes.ts'
import type { Attributes } from './span-data.ts'

/**
 * Attributes made once and shared by many spans. Keep the number of different sets bounded: whoever makes them caches them.
 *
 * @example
 * const set = new AttributeSet({ 'http.request.method': 'GET', 'http.response.status_code': 200 })
 */
export class AttributeSet {
  readonly attributes: Attributes
  /** The OTLP encoding of all of them, filled in by the first export. */
  encoded: Uint8Array | undefined = undefined
  /** Its place in the block that was filled last with a span of its, and which use of a block that was. */
  place = 0
  block = 0

  /** Texts longer than `maxLength` are cut, as `SpanLimits.attributeValueLength` wants it. */
  constructor(attributes: Attributes, maxLength: number = Infinity) {
    this.attributes = Object.freeze(shortened(attributes, maxLength))
  }
}
