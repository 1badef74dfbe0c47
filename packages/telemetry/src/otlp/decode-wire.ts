// Reading protobuf messages in place: one reader for the whole body, and each message a range of it, so that a nested message
// costs no object. Invariant: no field is read beyond the end of its message without an error.
// https://protobuf.dev/programming-guides/encoding/
import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire'
import { DecodeError, type IngestBatch, wholeUtf8 } from './ingest-batch.ts'

/** The tag of a varint field: int32, int64, uint32, bool, enum. */
export const varint = (field: number): number => field << 3
/** The tag of a fixed64 or double field. */
export const bit64 = (field: number): number => (field << 3) | 1
/** The tag of a text, of bytes, of a message. */
export const sized = (field: number): number => (field << 3) | 2
/** The tag of a fixed32 field. */
export const bit32 = (field: number): number => (field << 3) | 5

/** Groups within each other in an unknown field. OTLP has none. */
const maxGroups = 8

/** Reads messages. Every method that takes `end` gets the end of the message it reads in. */
export class WireReader extends BinaryReader {
  readonly #bytes: Buffer

  constructor(body: Uint8Array) {
    super(body)
    this.#bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  }

  /** The next tag of a message, 0 at its end. A field of another wire type than the schema's has another tag: unknown. */
  next(end: number): number {
    if (this.pos === end) return 0
    if (this.pos > end) throw overrun()
    const start = this.pos
    const tag = this.uint32()
    const bytes = this.pos - start
    // A tag is a uint32: the fifth byte has its upper four bits.
    const isTooLarge = bytes > 5 || (bytes === 5 && (this.#bytes[this.pos - 1] ?? 0) > 0x0f)
    if (tag < 8 || isTooLarge) throw new DecodeError('', 'a field has an impossible number')
    return tag
  }

  /** The end of the message that begins here. */
  enter(end: number): number {
    const inner = this.uint32() + this.pos
    if (inner > end) throw overrun()
    return inner
  }

  /** Passes over a field that the schema does not have, or that is not wanted now. */
  pass(tag: number, end: number): void {
    const start = this.pos
    const type: WireType = tag & 7
    this.skip(type, tag >>> 3, maxGroups)
    if (this.pos > end) throw overrun()
    if (type === 0 && this.pos - start > 10) throw new DecodeError('', 'a number has more than ten bytes')
  }

  /** A text within the limit. Bytes that are no UTF-8 read as U+FFFD: an SDK that cuts texts by bytes must not lose spans. */
  text(end: number, batch: IngestBatch): string {
    const stop = this.enter(end)
    const start = this.pos
    this.pos = stop
    const most = batch.limits.maxTextBytes
    if (3 * (stop - start) <= most) return this.#bytes.toString('utf8', start, stop)
    // A byte that is no UTF-8 becomes three, so the limit is looked after once it is a text: of a little more than the limit, since
    // one that is too long has to be seen to be.
    const last = stop - start > most + 4 ? wholeUtf8(this.#bytes, start, most + 4) : stop
    return batch.text(this.#bytes.toString('utf8', start, last))
  }

  /** An id of `length` bytes as hex; '' when it is empty. Throws when it has another length. */
  id(end: number, length: number, field: string): string {
    const stop = this.enter(end)
    const start = this.pos
    this.pos = stop
    if (stop !== start && stop - start !== length) throw new DecodeError('', `${field} must have ${length} bytes`)
    return this.#bytes.toString('hex', start, stop)
  }

  /** Bytes as base64. */
  base64(end: number): string {
    const stop = this.enter(end)
    const start = this.pos
    this.pos = stop
    return this.#bytes.toString('base64', start, stop)
  }
}

function overrun(): DecodeError {
  return new DecodeError('', 'a field runs over the end of its message')
}
