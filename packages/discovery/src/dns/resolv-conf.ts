// What resolv.conf(5) says, as glibc reads it: the last of `domain` and `search` counts, `options` add up and are capped, unknown
// words are let go. Parsing never fails: a line that makes no sense says nothing.
import { isIP } from 'node:net'
import { canonical, isAskable } from './names.ts'
import type { Nameserver } from './transport.ts'

/** Who is asked, how, and for which names. */
export interface ResolvConf {
  /** In the order in which they are asked. */
  readonly servers: readonly Nameserver[]
  /** Canonical suffixes for names with fewer dots than `ndots`. */
  readonly search: readonly string[]
  readonly ndots: number
  readonly timeoutMs: number
  /** How often each server is asked before a question is given up. */
  readonly attempts: number
  /** Begins with another server each time. */
  readonly rotate: boolean
}

/** More lines than these say nothing; glibc stops at 3 servers. */
const mostServers = 8
const mostSuffixes = 32
/** The caps of resolv.conf(5). */
const caps: Readonly<Record<string, number>> = { ndots: 15, timeout: 30, attempts: 5 }

/**
 * Reads the text of a resolv.conf. Without any server it is the one on this host; without `search` and `domain` the suffix is
 * what follows the first dot of `hostname`.
 *
 * @example
 * parseResolvConf('nameserver 10.0.0.2\nsearch shop.internal\noptions ndots:2', 'web-1').search // ['shop.internal']
 */
export function parseResolvConf(text: string, hostname: string): ResolvConf {
  const servers: Nameserver[] = []
  let search = suffixes(hostname.includes('.') ? [hostname.slice(hostname.indexOf('.') + 1)] : [])
  const numbers: Record<string, number> = { ndots: 1, timeout: 5, attempts: 2 }
  let rotate = false
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/)
    if (keyword === 'nameserver') {
      const address = words[0] ?? ''
      if (isIP(address) !== 0 && servers.length < mostServers) servers.push({ address, port: 53 })
    } else if (keyword === 'search') {
      search = suffixes(words)
    } else if (keyword === 'domain') {
      search = suffixes(words.slice(0, 1))
    } else if (keyword === 'options') {
      rotate ||= words.includes('rotate')
      for (const word of words) readNumber(word, numbers)
    }
  }
  const { ndots = 1, timeout = 5, attempts = 2 } = numbers
  if (servers.length === 0) servers.push({ address: '127.0.0.1', port: 53 })
  // A time-out or number of attempts of 0 would mean not to ask at all.
  return { servers, search, ndots, timeoutMs: Math.max(1, timeout) * 1000, attempts: Math.max(1, attempts), rotate }
}

function readNumber(word: string, numbers: Record<string, number>): void {
  const match = /^(ndots|timeout|attempts):(\d{1,9})$/.exec(word)
  const [, key = '', value] = match ?? []
  if (match !== null) numbers[key] = Math.min(Number(value), caps[key] ?? 0)
}

/** A suffix of '.' is the root: the name as it is, which is tried anyway. */
function suffixes(words: readonly string[]): readonly string[] {
  return words
    .map(canonical)
    .filter((word) => isAskable(word))
    .slice(0, mostSuffixes)
}
