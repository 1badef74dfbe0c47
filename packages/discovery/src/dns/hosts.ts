// What hosts(5) says: addresses and the names they have. It is asked before any server, with the name as it was given; a name that
// stands in it is never asked of DNS.
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { canonical } from './names.ts'

/** Canonical name to addresses in the order of the file. */
export type Hosts = ReadonlyMap<string, readonly string[]>

/**
 * Reads the text of a hosts file. A line that makes no sense says nothing.
 *
 * @example
 * parseHosts('127.0.0.1 localhost # this one').get('localhost') // ['127.0.0.1']
 */
export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [written = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const address = plainAddress(written)
    if (address === undefined) continue
    for (const name of names.map(canonical)) {
      const addresses = hosts.get(name)
      if (addresses === undefined) hosts.set(name, [address])
      else if (!addresses.includes(address)) addresses.push(address)
    }
  }
  return hosts
}

/** IPv6 in the one short form that the resolver uses, so that the same address is the same text wherever it comes from. */
export function plainAddress(written: string): string | undefined {
  if (isIPv4(written)) return written
  if (!isIPv6(written)) return undefined
  // A scope is kept: without it a link-local address cannot be reached.
  const [address = '', scope] = written.split('%')
  const short = new SocketAddress({ address, family: 'ipv6' }).address
  return scope === undefined ? short : `${short}%${scope}`
}
