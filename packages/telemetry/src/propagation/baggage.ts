// The `baggage` header of W3C Baggage. Invariant: what is written is a valid header of at most 64 members and 8192 bytes,
// without parts of members; what is left out, in or out, is counted. A member that breaks a rule is left out alone.
import { type Baggage, type BaggageEntry, baggageEntryMetadataFromString, propagation } from '@opentelemetry/api'
import { trimmed } from './field-text.ts'
import { isToken, percentDecoded, percentEncoded } from './percent.ts'

/** The most members that are read or written: as many as the specification wants to pass. */
export const maxBaggageMembers = 64
/** The most bytes that are read or written: as many as the specification wants to pass. */
export const maxBaggageBytes = 8192

/** Counts members that were left out, because they broke a rule or did not fit. */
export interface BaggageDrops {
  /** Of received headers. */
  baggageIn: number
  /** Of written headers. */
  baggageOut: number
}

/**
 * Reads a `baggage` header whose lines have been combined; undefined when nothing is in it. Values are percent-decoded,
 * bytes that are no UTF-8 become U+FFFD; properties are kept, as they came, as the metadata of their entry. Of members with
 * the same key the last one counts.
 *
 * Source: W3C Baggage, "Baggage HTTP Header Format".
 *
 * @example
 * parseBaggage('user=Am%C3%A9lie;ttl=1')?.getEntry('user')?.value // 'Amélie'
 */
export function parseBaggage(text: string | undefined, drops?: BaggageDrops): Baggage | undefined {
  if (text === undefined || text === '') return undefined
  // Without a prototype, so that a key like __proto__ is one like any other.
  const entries: Record<string, BaggageEntry> = Object.create(null)
  let count = 0
  for (let from = 0; from <= text.length;) {
    let to = text.indexOf(',', from)
    if (to < 0) to = text.length
    const member = trimmed(text.slice(from, to))
    from = to + 1
    if (member === '') continue
    // Only members that lie in the first bytes are looked at, so that a limit is also one of work.
    if (to <= maxBaggageBytes && count < maxBaggageMembers && readMember(member, entries)) count++
    else if (drops !== undefined) drops.baggageIn++
  }
  return count === 0 ? undefined : propagation.createBaggage(entries)
}

/** Reads `key = value *(; property)`; false when it breaks a rule. */
function readMember(member: string, entries: Record<string, BaggageEntry>): boolean {
  const semicolon = member.indexOf(';')
  const pair = semicolon < 0 ? member : member.slice(0, semicolon)
  const divider = pair.indexOf('=')
  if (divider < 0) return false
  const key = trimmed(pair.slice(0, divider))
  const value = percentDecoded(trimmed(pair.slice(divider + 1)))
  if (!isToken(key) || value === undefined) return false
  if (semicolon < 0) {
    entries[key] = { value }
    return true
  }
  const properties = member.slice(semicolon + 1)
  if (!properties.split(';').every(isProperty)) return false
  entries[key] = { value, metadata: baggageEntryMetadataFromString(trimmed(properties)) }
  return true
}

/** Whether a property is a key, or a key and a value, each perhaps with white space around it. */
function isProperty(property: string): boolean {
  const divider = property.indexOf('=')
  if (divider < 0) return isToken(trimmed(property))
  return (
    isToken(trimmed(property.slice(0, divider))) && percentDecoded(trimmed(property.slice(divider + 1))) !== undefined
  )
}

/**
 * Writes a `baggage` header; undefined when there is nothing to write. Members are taken in their order; one that does not
 * fit is left out and the next is tried. Entries whose key is no token, or whose metadata are no properties, are left out.
 *
 * @example
 * formatBaggage(propagation.createBaggage({ user: { value: 'Amélie' } })) // 'user=Am%C3%A9lie'
 */
export function formatBaggage(baggage: Baggage, drops?: BaggageDrops): string | undefined {
  let text = ''
  let count = 0
  for (const [key, entry] of baggage.getAllEntries()) {
    const member = written(key, entry)
    // All of it is ASCII: a character is a byte.
    const bytes = text.length + (text === '' ? 0 : 1) + (member?.length ?? 0)
    if (member === undefined || count === maxBaggageMembers || bytes > maxBaggageBytes) {
      if (drops !== undefined) drops.baggageOut++
      continue
    }
    text += text === '' ? member : `,${member}`
    count++
  }
  return text === '' ? undefined : text
}

/** A member as it goes out; undefined when it cannot be written. */
function written(key: string, entry: BaggageEntry): string | undefined {
  // Other people's programs fill the baggage, also with what only claims to be a text.
  if (!isToken(key) || typeof entry.value !== 'string') return undefined
  const member = `${key}=${percentEncoded(entry.value)}`
  const properties = entry.metadata === undefined ? '' : trimmed(entry.metadata.toString())
  if (properties === '') return member
  return properties.split(';').every(isProperty) ? `${member};${properties}` : undefined
}
