// The addresses of one absolute name, of both families. Owns what happens when one of them cannot be had: its last addresses stand
// in for it, so that trouble with AAAA never takes the IPv6 half of a service away. Memory belongs to one watch, and holds only
// what its last round used.
import { plainAddress } from './hosts.ts'
import { recordSet } from './record-set.ts'
import type { Ask } from './servers.ts'
import type { AddressRecord, DnsRecord } from './wire.ts'

/** A record type of addresses. */
export type Family = 'A' | 'AAAA'

/** What a name has. */
export interface Addresses {
  readonly addresses: readonly string[]
  /** Seconds. */
  readonly ttl: number
  /** False when a family could not be had, so that there may be more. */
  readonly isWhole: boolean
  /** False when nothing was learned: all that could be had was an absence beside a failure, or not even that. */
  readonly isFresh: boolean
  /** Why a family could not be had, whether or not its last addresses stood in. */
  readonly problem: Error | undefined
}

/**
 * A family that fails so many times in a row, while the other one answers, is no longer waited for: some servers never answer
 * AAAA with sense (RFC 4074), and without this bound no instance of their services could ever be seen to go.
 */
const patience = 3

interface Remembered {
  readonly addresses: readonly string[]
  readonly failures: number
}

/** What the rounds of one watch know of earlier ones. */
export class AddressMemory {
  #last: ReadonlyMap<string, Remembered> = new Map()
  #next = new Map<string, Remembered>()

  /** A family was told. */
  keep(key: string, addresses: readonly string[]): void {
    this.#next.set(key, { addresses, failures: 0 })
  }

  /** A family failed once more: what it had last. */
  standIn(key: string): Remembered {
    const { addresses, failures } = this.#last.get(key) ?? { addresses: [], failures: 0 }
    const remembered = { addresses, failures: failures + 1 }
    this.#next.set(key, remembered)
    return remembered
  }

  /** Ends a round. One that failed changes nothing; one that did not forgets what it had no use for. */
  endRound(failed: boolean): void {
    if (!failed) this.#last = this.#next
    this.#next = new Map()
  }
}

/** Whom and what to ask for addresses. */
export interface AddressSource {
  readonly ask: Ask
  readonly families: readonly Family[]
  readonly memory: AddressMemory
  /** Records that came with an earlier answer; a family that they have is not asked for. */
  readonly known?: readonly DnsRecord[] | undefined
}

/** The addresses of a name; none, when every family says so. Rejects only with the signal's reason. */
export async function addressesOf(name: string, source: AddressSource, signal: AbortSignal): Promise<Addresses> {
  const { families, memory } = source
  const outcomes = await Promise.all(
    families.map(async (family) => {
      const key = `${name} ${family}`
      try {
        return { key, ...(await familyOf(name, family, source, signal)) }
      } catch (error) {
        return { key, error: error as Error }
      }
    }),
  )
  signal.throwIfAborted()
  const told = outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome]))
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : []))
  const standIns = failed.map(({ key }) => memory.standIn(key))
  for (const { key, addresses } of told) if (addresses.length > 0) memory.keep(key, addresses)
  return {
    addresses: [...told, ...standIns].flatMap(({ addresses }) => addresses),
    ttl: Math.min(...told.map(({ ttl }) => ttl)),
    isWhole: standIns.every(({ failures }) => failures > patience),
    isFresh: failed.length === 0 || told.some(({ addresses }) => addresses.length > 0),
    problem: failed[0]?.error,
  }
}

async function familyOf(
  name: string,
  family: Family,
  { ask, known = [] }: AddressSource,
  signal: AbortSignal,
): Promise<{ readonly addresses: readonly string[]; readonly ttl: number }> {
  const isOurs = (record: DnsRecord): record is AddressRecord => record.type === family && record.name === name
  const sent = known.filter(isOurs)
  const { records, ttl } =
    sent.length > 0
      ? { records: sent, ttl: Math.min(...sent.map((record) => record.ttl)) }
      : await recordSet<AddressRecord>(ask, name, family, signal)
  return { addresses: records.map(({ address }) => plainAddress(address) ?? address), ttl }
}
