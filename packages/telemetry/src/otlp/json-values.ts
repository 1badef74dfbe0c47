// Attributes, resources and scopes in OTLP's JSON. Invariant: whole numbers are texts (they stand for int64), ids are
// lower-case hex, and every text is well-formed, because strict parsers refuse the escape of a lone surrogate.
import type { Attributes, InstrumentationScope, Resource } from '../trace/span-data.ts'

/** A JSON object of OTLP. Fields that are undefined are left out by `JSON.stringify`. */
export interface JsonObject {
  readonly [key: string]: unknown
}

/** Attributes as a list of KeyValue. */
export function jsonAttributes(attributes: Attributes): JsonObject[] {
  const list: JsonObject[] = []
  for (const key in attributes) {
    const value = attributes[key]
    if (value !== undefined) list.push({ key: jsonText(key), value: jsonValue(value) })
  }
  return list
}

/** Field `resource` of a group. */
export function jsonResource(resource: Resource): JsonObject {
  return { attributes: jsonAttributes(resource.attributes) }
}

/** Field `scope` of a group. */
export function jsonScope(scope: InstrumentationScope): JsonObject {
  return { name: jsonText(scope.name), version: jsonOptional(scope.version) }
}

/** A text that is left out when it is empty. */
export function jsonOptional(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : jsonText(text)
}

/** A well-formed text. */
export function jsonText(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed()
}

/** A count that is left out when it is 0. */
export function jsonCount(count: number): number | undefined {
  return count === 0 ? undefined : Math.min(count, 2 ** 32 - 1)
}

/** A double. JSON has no words for three of them, so proto3 writes those as texts. */
export function jsonDouble(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

function jsonValue(value: unknown): JsonObject {
  if (!Array.isArray(value)) return jsonScalar(value, Number.isSafeInteger(value))
  const whole = value.every((one) => typeof one !== 'number' || Number.isSafeInteger(one))
  return { arrayValue: { values: value.map((one) => jsonScalar(one, whole)) } }
}

function jsonScalar(value: unknown, whole: boolean): JsonObject {
  if (typeof value === 'string') return { stringValue: jsonText(value) }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return {}
  return whole ? { intValue: String(value) } : { doubleValue: jsonDouble(value) }
}
