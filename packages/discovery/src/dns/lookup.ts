// One round of one watch: hosts file, search list, records, addresses, endpoints. Owns what a round must remember for the next one
// (where the answer came from, the addresses that stand in). It rejects when nothing is known, and an absence is no rejection.
import type { Endpoint } from '../endpoint.ts'
import { AddressMemory, type Addresses, addressesOf, type AddressSource } from './addresses.ts'
import { addressEndpoints, type Located, serviceEndpoints } from './endpoints.ts'
import type { Hosts } from './hosts.ts'
import { isAskable } from './names.ts'
import type { CompleteOptions } from './options.ts'
import { type Question, questionFor } from './question.ts'
import { type RecordSet, recordSet } from './record-set.ts'
import type { ResolvConf } from './resolv-conf.ts'
import { candidates, type Finding, searched } from './search.ts'
import type { Ask, Servers } from './servers.ts'
import { lookEveryMs } from './watched-file.ts'
import type { SrvRecord } from './wire.ts'

/** What all watches of a resolver share. */
export interface Sources {
  readonly options: CompleteOptions
  readonly servers: Servers
  readonly conf: () => Promise<ResolvConf>
  readonly hosts: () => Promise<Hosts>
}

/** What a round found. */
export interface Answer {
  /** Sorted by id. */
  readonly endpoints: readonly Endpoint[]
  readonly isWhole: boolean
  /** For how long it holds, before floors and ceilings. */
  readonly ttlMs: number
  /** What went wrong without making the round fail. */
  readonly problems: readonly Error[]
}

/** Seconds for which an absence holds that nobody gave a time, as from servers of local names, which send no SOA record. */
const plainAbsenceTtl = 5

/** Targets of one SRV answer. 64 KiB could name thousands, and each of them costs two questions. */
const mostTargets = 512

export class Lookup {
  readonly #service: string
  readonly #sources: Sources
  readonly #memory = new AddressMemory()
  #held: string | undefined

  constructor(service: string, sources: Sources) {
    this.#service = service
    this.#sources = sources
  }

  /** Rejects with what made it impossible, or with the signal's reason. */
  async round(signal: AbortSignal): Promise<Answer> {
    let failed = true
    try {
      const { name, port, type } = this.#sources.options
      const question = questionFor(this.#service, name, port, type === 'A')
      const conf = await this.#sources.conf()
      const ask: Ask = (asked, type, cut) => this.#sources.servers.ask(conf, asked, type, cut)
      const source = { ask, families: this.#sources.options.families, memory: this.#memory }
      const answer =
        type === 'A'
          ? await this.#addresses(question, conf, source, signal)
          : await this.#targets(question, conf, source, signal)
      failed = false
      return answer
    } finally {
      this.#memory.endRound(failed)
    }
  }

  async #addresses(question: Question, conf: ResolvConf, source: AddressSource, cut: AbortSignal): Promise<Answer> {
    const found =
      (await this.#fromHosts(question.name)) ??
      (await this.#search(
        question.name,
        conf,
        (name) => learned(name, source, cut),
        ({ addresses }) => addresses.length === 0,
      ))
    const { addresses, ttl, isWhole, problem } = found
    return this.#answer(addressEndpoints(addresses, question.port ?? 0, this.#sources.options.scheme), ttl, isWhole, [
      problem,
    ])
  }

  async #targets(question: Question, conf: ResolvConf, source: AddressSource, cut: AbortSignal): Promise<Answer> {
    const { records, ttl, additionals } = await this.#search<RecordSet<SrvRecord>>(
      question.name,
      conf,
      (name) => recordSet<SrvRecord>(source.ask, name, 'SRV', cut),
      (set) => set.records.length === 0,
    )
    // RFC 2782: a target of the root says that the service is decidedly not here. Port 0 cannot be connected to.
    const usable = records.filter(({ target, port }) => target !== '' && port !== 0)
    const targets = [...new Set(usable.map(({ target }) => target))].toSorted()
    const asked = targets.slice(0, mostTargets)
    const known = { ...source, known: additionals }
    const found = await Promise.all(asked.map((target) => this.#target(target, known, cut)))
    const [failure] = found.map(({ problem }) => problem).filter((problem) => problem !== undefined)
    if (failure !== undefined && !found.some(({ isFresh }) => isFresh)) throw failure
    const located = locate(usable, new Map(asked.map((target, index) => [target, found[index]?.addresses ?? []])))
    return this.#answer(
      serviceEndpoints(located, this.#sources.options.scheme),
      Math.min(ttl, ...found.map((addresses) => addresses.ttl)),
      targets.length === asked.length && found.every(({ isWhole }) => isWhole),
      found.map(({ problem }) => problem),
    )
  }

  /** A target is an absolute name: the search list is not for it, the hosts file is. */
  async #target(target: string, source: AddressSource, cut: AbortSignal): Promise<Addresses> {
    const local = await this.#fromHosts(target)
    if (local !== undefined) return local
    if (!isAskable(target)) return unaskable(this.#service)
    return addressesOf(target, source, cut)
  }

  async #fromHosts(name: string): Promise<Addresses | undefined> {
    const hosts = await this.#sources.hosts()
    const { families } = this.#sources.options
    const isWanted = (address: string): boolean => families.includes(address.includes(':') ? 'AAAA' : 'A')
    const addresses = hosts.get(name.toLowerCase().replace(/\.$/, ''))?.filter(isWanted) ?? []
    if (addresses.length === 0) return undefined
    // A file has no TTL; it holds until the next look at it.
    return { addresses, ttl: lookEveryMs / 1000, isWhole: true, isFresh: true, problem: undefined }
  }

  async #search<T extends { readonly ttl: number }>(
    name: string,
    conf: ResolvConf,
    look: (name: string) => Promise<T>,
    isAbsent: (value: T) => boolean,
  ): Promise<T> {
    const sooner = (one: T, other: T): T => (one.ttl <= other.ttl ? one : other)
    const found: Finding<T> = await searched(candidates(name, conf), this.#held, look, isAbsent, sooner)
    this.#held = found.name ?? this.#held
    return found.value
  }

  #answer(
    endpoints: readonly Endpoint[],
    ttl: number,
    isWhole: boolean,
    problems: readonly (Error | undefined)[],
  ): Answer {
    const { maxEndpoints } = this.#sources.options
    const told = problems.filter((problem) => problem !== undefined)
    const isTooMany = endpoints.length > maxEndpoints
    if (isTooMany)
      told.push(new Error(`dns: ${this.#service} has more than ${maxEndpoints} endpoints; the rest is left out`))
    return {
      // The first ones of a sorted list, so that the same ones stay.
      endpoints: isTooMany ? endpoints.slice(0, maxEndpoints) : endpoints,
      isWhole: isWhole && !isTooMany,
      ttlMs: (ttl === Infinity ? plainAbsenceTtl : ttl) * 1000,
      problems: told,
    }
  }
}

/** For a search: a name of which nothing was learned has failed. */
async function learned(name: string, source: AddressSource, cut: AbortSignal): Promise<Addresses> {
  const addresses = await addressesOf(name, source, cut)
  if (!addresses.isFresh && addresses.problem !== undefined) throw addresses.problem
  return addresses
}

/** It will not get better by waiting, so the rest of the answer is whole without it. */
function unaskable(service: string): Addresses {
  const problem = new Error(`dns: ${service} has a target that cannot be asked for`)
  return { addresses: [], ttl: Infinity, isWhole: true, isFresh: false, problem }
}

function locate(
  records: readonly SrvRecord[],
  addressesAt: ReadonlyMap<string, readonly string[]>,
): readonly Located[] {
  return records.map((record) => ({ ...record, addresses: addressesAt.get(record.target) ?? [] }))
}
