// All records of one type that a name has, through its aliases. Owns what an absence is: NXDOMAIN, or NOERROR without records
// (NODATA, RFC 2308), each of the name at the end of the chain. Invariant: a chain ends, whatever servers say.
import { NoAnswer } from './errors.ts'
import { isAskable } from './names.ts'
import type { Ask } from './servers.ts'
import type { AddressRecord, DnsRecord, QuestionType, SrvRecord } from './wire.ts'

/** Records of one type; none means that there are none, on authority. */
export interface RecordSet<R extends AddressRecord | SrvRecord> {
  readonly records: readonly R[]
  /** Seconds for which all of it holds: the smallest of every record that was used. Infinity when none was: an absence without SOA. */
  readonly ttl: number
  /** What the server sent along. */
  readonly additionals: readonly DnsRecord[]
}

/** Aliases in a row. Resolvers stop at 8 to 16; a loop has no end of its own. */
const longestChain = 16

/** Asks until the end of the chain. Rejects with `NoAnswer` when there is no end or the answer is about something else. */
export async function recordSet<R extends AddressRecord | SrvRecord>(
  ask: Ask,
  name: string,
  type: R['type'],
  signal: AbortSignal,
): Promise<RecordSet<R>> {
  const isWanted = (record: AddressRecord | SrvRecord | DnsRecord): record is R => record.type === type
  let end = name
  let ttl = Infinity
  let links = 0
  for (;;) {
    const asked = end
    const { rcode, answers, answered, additionals, negativeTtl } = await ask(asked, type, signal)
    for (;;) {
      const records = answers.filter(isWanted).filter((record) => record.name === end)
      if (records.length > 0)
        return { records, ttl: Math.min(ttl, ...records.map((record) => record.ttl)), additionals }
      const alias = answers.find((record) => record.type === 'CNAME' && record.name === end)
      if (alias?.type !== 'CNAME') break
      if (++links > longestChain) throw unusable(name, type, `more than ${longestChain} aliases in a row`)
      ttl = Math.min(ttl, alias.ttl)
      end = alias.target
    }
    if (answered > 0 && end === asked) throw unusable(name, type, 'the answer holds only other names')
    // A server that did not follow an alias to its end has not said that nothing is there.
    const isAbsent = rcode === 'NXDOMAIN' || end === asked || negativeTtl !== undefined
    if (isAbsent) return { records: [], ttl: Math.min(ttl, negativeTtl ?? Infinity), additionals }
    if (!isAskable(end)) throw unusable(name, type, 'an alias points to a name that cannot be asked for')
  }
}

function unusable(name: string, type: QuestionType, problem: string): NoAnswer {
  return new NoAnswer('SG_DNS_FAILED', `dns: no answer for ${name}. ${type} (${problem})`, true)
}
