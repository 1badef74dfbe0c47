// The headers of Jaeger's own clients: `uber-trace-id` and `uberctx-*`. Invariant: short ids are padded with zeros on the left,
// an id of zero is none; keys and values of baggage are bounded as those of W3C Baggage are. The parent's parent is not read.
import { type Baggage, type BaggageEntry, propagation } from '@opentelemetry/api'
import { sampledFlag } from '../trace/parent.ts'
import { type BaggageDrops, maxBaggageBytes, maxBaggageMembers } from './baggage.ts'
import { type FieldReader, type FieldWriter, first, trimmed } from './field-text.ts'
import { isHex } from './hex.ts'
import { type IncomingParent, type OutgoingPosition, parentOf, spanIdHex, traceIdHex } from './incoming-parent.ts'
import { isToken, percentDecoded, percentEncoded } from './percent.ts'

/** The header that carries the position in a trace. */
export const jaegerName = 'uber-trace-id'
/** What the name of a baggage header begins with. */
const jaegerBaggagePrefix = 'uberctx-'

const sampledBit = 1
const debugBit = 2

/**
 * Reads `{trace}:{span}:{parent}:{flags}`, hexadecimal without leading zeros if the sender liked, url-encoded if it liked.
 *
 * Source: Jaeger, client library propagation format.
 *
 * @example
 * parseJaeger('4bf92f3577b34da6:f067aa0ba902b7:0:1')?.flags // 1
 */
export function parseJaeger(text: string | undefined): IncomingParent | undefined {
  if (text === undefined) return undefined
  const parts = trimmed(text).toLowerCase().replaceAll('%3a', ':').split(':')
  const [trace = '', span = '', parentSpan = '', flagDigits = ''] = parts
  if (parts.length !== 4 || !isId(trace, 32) || !isId(span, 16) || !isId(flagDigits, 2)) return undefined
  // Old clients leave the parent empty or write 0; what it is does not matter, but it must be an id.
  if (parentSpan !== '' && !isId(parentSpan, 16)) return undefined
  const flags = Number.parseInt(flagDigits, 16)
  const debug = (flags & debugBit) !== 0
  const sampled = debug || (flags & sampledBit) !== 0
  return parentOf(trace.padStart(32, '0'), span.padStart(16, '0'), sampled ? sampledFlag : 0, debug)
}

/** Writes `uber-trace-id`. */
export function formatJaeger(span: OutgoingPosition): string {
  const flags = span.debug === true ? sampledBit | debugBit : span.flags & sampledFlag
  return `${traceIdHex(span)}:${spanIdHex(span)}:0:${flags}`
}

/** Reads the baggage of all names that begin with `uberctx-`; undefined when there is none. */
export function readJaegerBaggage(
  names: Iterable<string>,
  read: FieldReader,
  drops: BaggageDrops,
): Baggage | undefined {
  const entries: Record<string, BaggageEntry> = Object.create(null)
  let count = 0
  let bytes = 0
  for (const name of names) {
    const lower = name.toLowerCase()
    if (!lower.startsWith(jaegerBaggagePrefix)) continue
    const key = lower.slice(jaegerBaggagePrefix.length)
    const text = trimmed(first(read(lower)) ?? '')
    bytes += key.length + text.length
    const fits = count < maxBaggageMembers && bytes <= maxBaggageBytes
    const value = fits && isToken(key) ? percentDecoded(text) : undefined
    if (value === undefined) drops.baggageIn++
    else {
      entries[key] = { value }
      count++
    }
  }
  return count === 0 ? undefined : propagation.createBaggage(entries)
}

/** Writes a header per entry; names of headers have no case, so a key may come back in lower case. */
export function writeJaegerBaggage(write: FieldWriter, baggage: Baggage, drops: BaggageDrops): void {
  let count = 0
  let bytes = 0
  for (const [key, entry] of baggage.getAllEntries()) {
    const value = isToken(key) && typeof entry.value === 'string' ? percentEncoded(entry.value) : undefined
    const size = key.length + (value?.length ?? 0)
    if (value === undefined || count === maxBaggageMembers || bytes + size > maxBaggageBytes) {
      drops.baggageOut++
      continue
    }
    write(jaegerBaggagePrefix + key.toLowerCase(), value)
    count++
    bytes += size
  }
}

function isId(text: string, most: number): boolean {
  return text !== '' && text.length <= most && isHex(text, 0, text.length)
}
