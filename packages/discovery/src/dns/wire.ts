// Messages of DNS (RFC 1035, RFC 6891) as bytes. The format itself is `dns-packet`'s; this file owns what may be believed: whether
// a message answers our question is decided on the bytes, before anything is parsed, and what comes out of the parser is checked
// again, because it reads past the end of a damaged record without a word.
import { isIPv4, isIPv6 } from 'node:net'
import * as packet from 'dns-packet'
import { canonical } from './names.ts'

/** What is asked for. */
export type QuestionType = 'A' | 'AAAA' | 'SRV'

/** A record that this room has a use for. `name` and `target` are canonical, `ttl` is in seconds. */
export type DnsRecord = AddressRecord | SrvRecord | AliasRecord

/** The address of a name. */
export interface AddressRecord {
  readonly type: 'A' | 'AAAA'
  readonly name: string
  readonly ttl: number
  readonly address: string
}

/** Another name for a name. */
export interface AliasRecord {
  readonly type: 'CNAME'
  readonly name: string
  readonly ttl: number
  readonly target: string
}

/** RFC 2782. A `target` of '' is the root: there is no such service here. */
export interface SrvRecord {
  readonly type: 'SRV'
  readonly name: string
  readonly ttl: number
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly target: string
}

/** One message of a server. */
export interface Reply {
  /** 'NOERROR', 'NXDOMAIN', 'SERVFAIL', ...; 'RCODE_16' and up for the extended ones of EDNS. */
  readonly rcode: string
  readonly answers: readonly DnsRecord[]
  /** How many records the answer section has, also those of no use here. */
  readonly answered: number
  readonly additionals: readonly DnsRecord[]
  /** Seconds for which an absence holds, by the SOA record that comes with it (RFC 2308 section 5); undefined without one. */
  readonly negativeTtl: number | undefined
  /** A server that does not recurse points to others instead of answering; that is no absence (RFC 2308 section 2.2). */
  readonly lame: boolean
}

/** What we can take by UDP: fits an unfragmented packet everywhere (the size agreed on at DNS Flag Day 2020). */
export const udpSize = 1232
const headerLength = 12
/** Pointers in a row of one name; servers make one, sloppy ones a few. */
const mostPointers = 64
/** Labels of all names of a message, each as often as something points to it: 16 for every record of the fullest one. */
const mostLabels = 65_536
/** An OPT record without options: root name, type, class, ttl, length. */
const optLength = 11

/** A question to a recursive server. Without `edns` it is that of 1987, for servers that answer FORMERR to anything newer. */
export function encodeQuery(name: string, type: QuestionType, id: number, edns: boolean): Buffer {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: udpSize } as packet.OptAnswer
  return packet.encode({
    type: 'query',
    id,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type, name, class: 'IN' }],
    additionals: edns ? [opt] : [],
  })
}

/**
 * Whether `message` answers `query`: same id, a response, and the same question, letter for letter but for their case
 * (RFC 5452 section 9.1). A name in the first question cannot be compressed, so the bytes can be compared as they are. Only a server
 * that could not read the question (FORMERR) may leave it out.
 */
export function isReplyTo(query: Uint8Array, message: Uint8Array): boolean {
  if (message.length < headerLength || message[0] !== query[0] || message[1] !== query[1]) return false
  const [flags = 0, codes = 0] = message.subarray(2, 4)
  const isResponse = (flags & 0x80) !== 0
  const isPlainQuery = (flags & 0x78) === 0
  if (!isResponse || !isPlainQuery) return false
  const questions = ((message[4] ?? 0) << 8) | (message[5] ?? 0)
  if (questions === 0) return (codes & 0x0f) === 1
  const end = query.length - (query[11] === 1 ? optLength : 0)
  if (questions !== 1 || message.length < end) return false
  for (let index = headerLength; index < end; index++) {
    if (lower(message[index]) !== lower(query[index])) return false
  }
  return true
}

/** Lengths of labels, types and classes that we ask for are all below 'A', so that only letters are changed. */
function lower(byte = 0): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
}

/** The TC bit: there is more than fitted. What did come is not looked at; it may end in the middle of a set. */
export function isTruncated(message: Uint8Array): boolean {
  return ((message[2] ?? 0) & 0x02) !== 0
}

/** Reads a message that `isReplyTo` let through. Throws, with some error or other, when it is damaged. */
export function decodeReply(message: Uint8Array): Reply {
  const bytes = metered(message)
  if (hasLongChain(bytes)) throw new RangeError('a name goes through too many pointers')
  // `rcode` is there, and missing in the types.
  const decoded = packet.decode(bytes) as packet.DecodedPacket & { readonly rcode: string }
  if (packet.decode.bytes > bytes.length) throw new RangeError('a record ends beyond the message')
  const { answers = [], authorities = [], additionals = [] } = decoded
  const soa = authorities.find((record) => record.type === 'SOA')
  const isEmpty = decoded.rcode === 'NOERROR' && answers.length === 0
  const refersToOthers = authorities.some((record) => record.type === 'NS')
  return {
    rcode: fullRcode(decoded.rcode, additionals),
    answers: answers.flatMap(known),
    answered: answers.length,
    additionals: additionals.flatMap(known),
    negativeTtl: soa === undefined ? undefined : Math.min(ttlOf(soa.ttl), ttlOf(soa.data.minimum)),
    lame: isEmpty && soa === undefined && !decoded.flag_aa && (refersToOthers || !decoded.flag_ra),
  }
}

/**
 * The message as the parser is to read it: it takes every label out of it as a text, and is stopped at one too many. One long name
 * that 4000 records point to twice is sound, fits into 64 KiB, and would hold up the process for half a second.
 */
function metered(message: Uint8Array): Buffer {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  let labels = 0
  bytes.toString = (...part) => {
    if (++labels > mostLabels) throw new RangeError('its names have too many labels')
    return Buffer.prototype.toString.apply(bytes, part)
  }
  return bytes
}

/**
 * Whether some name could go through more than `mostPointers` pointers in a row. Each is allowed to point to an earlier one, so that
 * 64 KiB can hold 4000 names of 8000 pointers each, which would take the parser a second. Looks at every byte that could begin a
 * pointer; a chain so long in what is none is out of the question.
 */
function hasLongChain(bytes: Uint8Array): boolean {
  const lengths = new Uint8Array(bytes.length)
  for (let at = headerLength; at + 1 < bytes.length; at++) {
    const high = bytes[at] ?? 0
    if (high < 0xc0) continue
    const target = ((high & 0x3f) << 8) | (bytes[at + 1] ?? 0)
    const length = target < at ? (lengths[target] ?? 0) + 1 : 1
    if (length > mostPointers) return true
    lengths[at] = length
  }
  return false
}

/** EDNS keeps eight more bits of the code in its record; without them BADVERS (16) would read NOERROR. */
function fullRcode(rcode: string, additionals: readonly packet.Answer[]): string {
  const opt = additionals.find((record) => record.type === 'OPT')
  return opt === undefined || opt.extendedRcode === 0 ? rcode : `RCODE_${opt.extendedRcode * 16}+`
}

function known(record: packet.Answer): readonly DnsRecord[] {
  if (record.type === 'OPT' || !('class' in record) || record.class !== 'IN') return []
  const name = canonical(record.name)
  const ttl = ttlOf(record.ttl)
  switch (record.type) {
    case 'A':
    case 'AAAA': {
      const sound = record.type === 'A' ? isIPv4(record.data) : isIPv6(record.data)
      if (!sound) throw new RangeError(`an ${record.type} record without an address`)
      return [{ type: record.type, name, ttl, address: record.data }]
    }
    case 'CNAME':
      return [{ type: 'CNAME', name, ttl, target: canonical(record.data) }]
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data
      return [{ type: 'SRV', name, ttl, priority, weight, port, target: canonical(target) }]
    }
    default:
      return []
  }
}

/** A TTL with the highest bit set counts as none (RFC 2181 section 8). */
function ttlOf(seconds = 0): number {
  return seconds >= 2 ** 31 ? 0 : seconds
}
