// What becomes of attributes that come from outside: only texts, numbers, booleans and lists of one of them are kept, and
// long texts are cut (OpenTelemetry specification, common/README.md). It never changes what it was given.
import type { Attributes, AttributeValue } from './span-data.ts'

/** Attributes that passed, and how many did not. */
export interface CleanAttributes {
  readonly attributes: Attributes
  readonly dropped: number
}

/** `value` as it is kept, or undefined when it can't be. A list is copied; holes in it become '', 0 or false. */
export function cleanValue(value: unknown, lengthLimit: number): AttributeValue | undefined {
  switch (typeof value) {
    case 'string':
      return value.length > lengthLimit ? cut(value, lengthLimit) : value
    case 'number':
    case 'boolean':
      return value
    default:
      return Array.isArray(value) ? cleanList(value, lengthLimit) : undefined
  }
}

/** What is kept of `given`, at most `countLimit` attributes. An attribute that is undefined counts as not given. */
export function cleanAttributes(
  given: object | undefined | null,
  countLimit: number,
  lengthLimit: number,
): CleanAttributes {
  // Whoever calls from JavaScript may give anything; a text would otherwise become an attribute per letter.
  if (typeof given !== 'object' || given === null) return noAttributes
  const attributes: Record<string, AttributeValue> = {}
  let count = 0
  let dropped = 0
  for (const [key, raw] of entriesOf(given)) {
    if (raw === undefined) continue
    const value = count < countLimit && key !== '' ? cleanValue(raw, lengthLimit) : undefined
    if (value === undefined) {
      dropped++
    } else {
      attributes[key] = value
      count++
    }
  }
  return { attributes, dropped }
}

/** A copy with texts of at most `lengthLimit`. */
export function shortened(attributes: Attributes, lengthLimit: number): Attributes {
  const short: Record<string, AttributeValue> = { ...attributes }
  if (lengthLimit === Infinity) return short
  for (const [key, value] of Object.entries(short)) short[key] = cleanValue(value, lengthLimit) ?? value
  return short
}

/** Keys and values of what somebody gave as attributes; none when a getter or a proxy of it throws. */
export function entriesOf(given: object): [string, unknown][] {
  try {
    return Object.entries(given)
  } catch {
    // Their error is not one of the call that is being traced.
    return []
  }
}

/** A name as text, whatever was given. */
export function nameOf(name: unknown): string {
  if (typeof name === 'string') return name
  try {
    return String(name)
  } catch {
    // An object without a prototype, or with a `toString` of its own that throws.
    return typeof name
  }
}

const noAttributes: CleanAttributes = Object.freeze({ attributes: Object.freeze({}), dropped: 0 })

/** The first `length` code units, one fewer where the cut would leave half of a character outside the basic plane. */
function cut(text: string, length: number): string {
  const last = length > 0 ? text.charCodeAt(length - 1) : 0
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length)
}

function cleanList(list: readonly unknown[], lengthLimit: number): AttributeValue | undefined {
  // The specification leaves holes to the implementation; a list of one type can be encoded without asking each element.
  const sample = list.find((element) => element !== undefined && element !== null)
  const type = typeof sample
  if (type !== 'string' && type !== 'number' && type !== 'boolean') return list.length === 0 ? [] : undefined
  const hole = type === 'string' ? '' : type === 'number' ? 0 : false
  const elements = Array.from(list, (element) => element ?? hole)
  if (elements.some((element) => typeof element !== type)) return undefined
  if (type !== 'string') return elements as number[] | boolean[]
  return (elements as string[]).map((text) => (text.length > lengthLimit ? cut(text, lengthLimit) : text))
}
