// What all header fields have in common, RFC 9110 sections 5.3 and 5.6.3: optional white space, and one field sent as several
// lines. Invariant: white space is the space and the horizontal tab and nothing else, unlike String.prototype.trim.

/** What an adapter gives for a header: nothing, a line, or all lines in their order. */
export type FieldValue = string | readonly string[] | undefined

/** Gives the value of a header by its lower-case name. */
export type FieldReader = (name: string) => FieldValue

/** Takes a header by its lower-case name. */
export type FieldWriter = (name: string, value: string) => void

const space = 32
const tab = 9

/** Whether a character is optional white space. */
export function isSpace(code: number): boolean {
  return code === space || code === tab
}

/** The text without the optional white space around it; the same text where there is none. */
export function trimmed(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return from === 0 && to === text.length ? text : text.slice(from, to)
}

/** The value of a list field: its lines, in order, combined by commas. */
export function combined(value: FieldValue): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return value.length === 0 ? undefined : value.join(',')
}

/** The value of a field that may come only once; undefined where it came more often. */
export function single(value: FieldValue): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return value.length === 1 ? value[0] : undefined
}

/** The first line of a field. */
export function first(value: FieldValue): string | undefined {
  return value === undefined || typeof value === 'string' ? value : value[0]
}
