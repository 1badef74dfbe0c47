// At which address an instance may be registered. The registry itself (checks) and every caller connect there, so a registration
// must not be able to point them anywhere: an instance gets the address it connects from, or one that the configuration allows.
// Invariant: what is answered is a canonical IP literal; link-local, metadata, multicast and their like never pass, in any
// spelling. Nothing here looks at headers: whoever sends them chooses them.
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net'
import { check } from '@switchgear/core/options'
import { ServiceRefusal } from './errors.ts'

type Range = readonly [network: string, prefix: number, why: string]

const never: readonly Range[] = [
  ['0.0.0.0', 8, 'unspecified'],
  ['169.254.0.0', 16, 'link-local, where clouds answer with credentials'],
  ['192.0.0.0', 24, 'reserved for protocols; a cloud answers there with credentials'],
  ['100.100.100.200', 32, 'the metadata address of a cloud'],
  ['168.63.129.16', 32, 'the host of a cloud'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved or broadcast'],
  ['fe80::', 10, 'link-local'],
  ['fec0::', 10, 'site-local'],
  ['ff00::', 8, 'multicast'],
  ['fd00:ec2::', 32, 'the metadata address of a cloud'],
  ['fd20:ce::', 32, 'the metadata address of a cloud'],
  // Forms that carry an IPv4 address which nobody would have looked at. Whoever means that one can say it.
  ['::ffff:0:0:0', 96, 'a translated address'],
  ['64:ff9b::', 96, 'a translated address'],
  ['64:ff9b:1::', 48, 'a translated address'],
  ['2002::', 16, 'a translated address'],
  ['2001::', 32, 'a translated address'],
]

const refusedRanges = never.map(([network, prefix, why]) => ({ list: listOf(network, prefix), why }))
const loopback = listOf('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')
/** `::` itself, and the deprecated spelling of IPv4 addresses as `::a.b.c.d`. */
const compatible = listOf('::', 96)

/**
 * The canonical spelling of an IP literal: IPv6 shortened and in lower case, an IPv4 address inside of IPv6 (`::ffff:10.0.0.1`) as
 * IPv4. Undefined for everything else: host names, zones (`fe80::1%eth0`), octal and other numbers.
 *
 * @example
 * canonicalAddress('::FFFF:a9fe:a9fe') // '169.254.169.254'
 */
export function canonicalAddress(text: string): string | undefined {
  const version = isIP(text)
  if (version === 0 || text.includes('%')) return undefined
  if (version === 4) return text
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? []
  return mapped ?? address
}

/** Whether a canonical address is this machine's own. */
export function isLoopback(address: string): boolean {
  return loopback.check(address, familyOf(address))
}

/** Which addresses beside its own an instance may be registered at. */
export class AddressRule {
  readonly #allowed = new BlockList()

  /** `allowed`: ranges like '10.0.0.0/8', or single addresses. Throws `SG_BAD_OPTIONS`. */
  constructor(allowed: readonly string[], path: string) {
    for (const [index, range] of allowed.entries()) addRange(this.#allowed, range, `${path}[${index}]`)
  }

  /**
   * Where an instance listens that connects from `peer` and asks for `asked`. Throws `SG_ADDRESS_REFUSED`.
   *
   * @example
   * new AddressRule(['10.0.0.0/8'], 'addresses').resolve('10.0.0.7', '10.0.0.8') // '10.0.0.8'
   */
  resolve(peer: string | undefined, asked?: string): string {
    const own = peer === undefined ? undefined : canonicalAddress(withoutZone(peer))
    if (own === undefined) throw refused('the address of the connection is not known')
    if (asked === undefined) return checked(own)
    const address = canonicalAddress(asked)
    if (address === undefined) throw refused('address must be an IP address: a name could mean another one tomorrow')
    checked(address)
    if (address === own) return address
    // A registry must not be talked into connecting to itself by somebody else, whatever ranges it allows.
    if (isLoopback(address) && !isLoopback(own)) throw refused('loopback is for instances on the same machine')
    if (!this.#allowed.check(address, familyOf(address)))
      throw refused(`the address is not that of the connection, ${own}, and no range in addresses has it`)
    return address
  }
}

function checked(address: string): string {
  const family = familyOf(address)
  const found = refusedRanges.find(({ list }) => list.check(address, family))
  if (found !== undefined) throw refused(`${address} is ${found.why}`)
  if (family === 'ipv6' && address !== '::1' && compatible.check(address, family))
    throw refused(`${address} is unspecified or carries an IPv4 address: say that one`)
  return address
}

function addRange(list: BlockList, range: string, path: string): void {
  const [, network = '', length] = /^([0-9A-Fa-f:.]{2,45})(?:\/(\d{1,3}))?$/.exec(String(range)) ?? []
  const version = isIP(network)
  const most = version === 4 ? 32 : 128
  const prefix = length === undefined ? most : Number(length)
  check(version !== 0 && prefix <= most, path, "a range of addresses like '10.0.0.0/8'", range)
  list.addSubnet(network, prefix, familyOf(network))
}

function listOf(network: string, prefix: number): BlockList {
  const list = new BlockList()
  list.addSubnet(network, prefix, familyOf(network))
  return list
}

/** The zone says by which interface a link-local peer came; the address is refused either way, by its own name. */
function withoutZone(address: string): string {
  return address.replace(/%.*$/, '')
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

function refused(message: string): ServiceRefusal {
  return new ServiceRefusal(403, 'SG_ADDRESS_REFUSED', message)
}
