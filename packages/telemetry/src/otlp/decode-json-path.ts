// Reading parsed JSON strictly, and knowing where: the path is kept while walking, so that an error can name it and a value that
// is right costs no text. Invariant: nothing is converted silently; null and a missing key both mean the default (proto3 JSON).
// https://protobuf.dev/programming-guides/json/
import { DecodeError } from './ingest-batch.ts'

/** An object of parsed JSON. */
export type JsonObject = Readonly<Record<string, unknown>>

const maxUint32 = 2 ** 32 - 1
const maxUint64 = 2n ** 64n - 1n
const minInt64 = -(2n ** 63n)
const maxInt64 = 2n ** 63n - 1n

/** Where in the document the reader is. */
export class JsonPath {
  readonly #parts: (string | number)[] = []

  get depth(): number {
    return this.#parts.length
  }

  /** Goes back up to `depth`, from wherever an error left it. */
  restore(depth: number): void {
    this.#parts.length = depth
  }

  /** Throws an error that names the place. */
  fail(what: string): never {
    let text = ''
    for (const part of this.#parts) text += typeof part === 'number' ? `[${part}]` : `${text === '' ? '' : '.'}${part}`
    throw new DecodeError(text, what)
  }

  /** What `read` makes of `object[key]`; `fallback` where it is null or missing. */
  field<T>(object: JsonObject, key: string, read: (value: unknown) => T, fallback: T): T {
    const value = object[key]
    if (value === undefined || value === null) return fallback
    this.#parts.push(key)
    const result = read(value)
    this.#parts.pop()
    return result
  }

  /** Calls `visit` for every element of the list `object[key]`, with the path at the element. */
  each(object: JsonObject, key: string, visit: (element: unknown) => void): void {
    for (const element of this.walk(object, key)) visit(element)
  }

  /** As `each`, for a walk that may pause. */
  *walk(object: JsonObject, key: string): Generator<unknown, void> {
    const list = object[key]
    if (list === undefined || list === null) return
    this.#parts.push(key)
    if (!Array.isArray(list)) this.fail('must be a list')
    for (let index = 0; index < list.length; index++) {
      this.#parts.push(index)
      yield list[index]
      this.#parts.pop()
    }
    this.#parts.pop()
  }

  object(value: unknown): JsonObject {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
    return this.fail('must be an object')
  }

  text(value: unknown): string {
    return typeof value === 'string' ? value : this.fail('must be a text')
  }

  bool(value: unknown): boolean {
    return typeof value === 'boolean' ? value : this.fail('must be true or false')
  }

  /** An id as lower-case hex; '' when it is empty. */
  id(value: unknown, bytes: number): string {
    if (typeof value === 'string' && (value === '' || (value.length === 2 * bytes && /^[0-9a-f]+$/i.test(value)))) {
      return value.toLowerCase()
    }
    return this.fail(`must be ${2 * bytes} hex digits`)
  }

  uint32(value: unknown): number {
    const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= maxUint32) return number
    return this.fail(`must be a whole number in [0, ${maxUint32}]`)
  }

  int64(value: unknown): bigint {
    return this.#integer(value, minInt64, maxInt64)
  }

  /** The two halves of a fixed64. */
  fixed64(value: unknown): readonly [high: number, low: number] {
    const nanos = this.#integer(value, 0n, maxUint64)
    return [Number(nanos >> 32n), Number(nanos & 0xffff_ffffn)]
  }

  #integer(value: unknown, least: bigint, most: bigint): bigint {
    const whole = typeof value === 'string' ? /^-?\d{1,20}$/.test(value) : Number.isInteger(value)
    const integer = whole ? BigInt(value as string | number) : undefined
    if (integer !== undefined && integer >= least && integer <= most) return integer
    return this.fail(`must be a whole number in [${least}, ${most}], as a number or a text`)
  }

  double(value: unknown): number {
    if (typeof value === 'number') return value
    if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
    const number = typeof value === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? Number(value) : Number.NaN
    return Number.isNaN(number) ? this.fail("must be a number, 'NaN', 'Infinity' or '-Infinity'") : number
  }

  /** An enum, by its number or by its name. Undefined for a number that `names` does not have: a later version's. */
  enumeration(value: unknown, names: readonly string[]): number | undefined {
    const number = typeof value === 'string' ? names.indexOf(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= 0) {
      return number < names.length ? number : undefined
    }
    return this.fail(`must be a whole number or one of ${names.join(', ')}`)
  }

  /** Bytes, given in either alphabet of base64, as base64 with padding. */
  base64(value: unknown): string {
    if (typeof value === 'string' && /^[\w+/-]*={0,2}$/.test(value) && value.replace(/=+$/, '').length % 4 !== 1) {
      return Buffer.from(value, 'base64').toString('base64')
    }
    return this.fail('must be base64')
  }
}
