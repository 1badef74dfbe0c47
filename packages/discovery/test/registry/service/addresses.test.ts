import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AddressRule, canonicalAddress, isLoopback } from '../../../src/registry/service/addresses.ts'

type Row = readonly [peer: string, asked: string | undefined, expected: string | RegExp]

const allowed = ['10.0.0.0/8', '192.168.7.7', 'fd12::/16']
const everything = ['0.0.0.0/0', '::/0']

/** What is registered with the ranges of `allowed`, or why not. */
const rows: readonly Row[] = [
  // The peer's own address, in every spelling.
  ['172.16.3.4', undefined, '172.16.3.4'],
  ['172.16.3.4', '172.16.3.4', '172.16.3.4'],
  ['::ffff:172.16.3.4', undefined, '172.16.3.4'],
  ['::ffff:172.16.3.4', '172.16.3.4', '172.16.3.4'],
  ['172.16.3.4', '::ffff:172.16.3.4', '172.16.3.4'],
  ['172.16.3.4', '::ffff:ac10:304', '172.16.3.4'],
  ['2001:db8::7', undefined, '2001:db8::7'],
  ['2001:db8::7', '2001:DB8:0:0:0:0:0:7', '2001:db8::7'],
  ['127.0.0.1', undefined, '127.0.0.1'],
  ['::1', undefined, '::1'],
  ['::ffff:127.0.0.1', undefined, '127.0.0.1'],
  // Within a range that is allowed.
  ['172.16.3.4', '10.1.2.3', '10.1.2.3'],
  ['172.16.3.4', '::ffff:10.1.2.3', '10.1.2.3'],
  ['172.16.3.4', '192.168.7.7', '192.168.7.7'],
  ['172.16.3.4', 'fd12::9', 'fd12::9'],
  // Somebody else's.
  ['172.16.3.4', '172.16.3.5', /not that of the connection/],
  ['172.16.3.4', '192.168.7.8', /not that of the connection/],
  ['172.16.3.4', '11.0.0.1', /not that of the connection/],
  ['172.16.3.4', '::ffff:11.0.0.1', /not that of the connection/],
  ['172.16.3.4', 'fd13::1', /not that of the connection/],
  ['127.0.0.1', '172.16.3.4', /not that of the connection/],
  ['127.0.0.1', '127.0.0.2', /not that of the connection/],
  // The registry's own machine.
  ['172.16.3.4', '127.0.0.1', /loopback/],
  ['172.16.3.4', '127.9.9.9', /loopback/],
  ['172.16.3.4', '::1', /loopback/],
  ['172.16.3.4', '::ffff:127.0.0.1', /loopback/],
  ['172.16.3.4', '::ffff:7f00:1', /loopback/],
  // No IP address, or one that only some would take for one.
  ['172.16.3.4', 'registry.internal', /must be an IP address/],
  ['172.16.3.4', 'localhost', /must be an IP address/],
  ['172.16.3.4', '', /must be an IP address/],
  ['172.16.3.4', '10.1.2', /must be an IP address/],
  ['172.16.3.4', '0x0a010203', /must be an IP address/],
  ['172.16.3.4', '0xa9.0xfe.0xa9.0xfe', /must be an IP address/],
  ['172.16.3.4', '0251.0376.0251.0376', /must be an IP address/],
  ['172.16.3.4', '2852039166', /must be an IP address/],
  ['172.16.3.4', '10.1.2.3:80', /must be an IP address/],
  ['172.16.3.4', '10.1.2.3/32', /must be an IP address/],
  ['172.16.3.4', ' 10.1.2.3', /must be an IP address/],
  ['172.16.3.4', '10.1.2.3\r\nX: y', /must be an IP address/],
  ['172.16.3.4', '[fd12::9]', /must be an IP address/],
  ['172.16.3.4', 'fe80::1%eth0', /must be an IP address/],
  ['172.16.3.4', 'fd12::9%1', /must be an IP address/],
  // A peer of which nothing is known, or that is link-local itself.
  ['', undefined, /not known/],
  ['fe80::1%eth0', undefined, /link-local/],
  ['169.254.7.7', undefined, /link-local/],
]

/** Refused although every address is allowed. */
const never: readonly (readonly [asked: string, why: RegExp])[] = [
  ['0.0.0.0', /unspecified/],
  ['0.1.2.3', /unspecified/],
  ['::', /unspecified/],
  ['169.254.169.254', /link-local/],
  ['169.254.0.1', /link-local/],
  ['169.254.170.2', /link-local/],
  ['::ffff:169.254.169.254', /link-local/],
  ['::ffff:a9fe:a9fe', /link-local/],
  ['0:0:0:0:0:FFFF:A9FE:A9FE', /link-local/],
  ['::169.254.169.254', /carries an IPv4/],
  ['::a9fe:a9fe', /carries an IPv4/],
  ['::127.0.0.1', /carries an IPv4/],
  ['::ffff:0:a9fe:a9fe', /translated/],
  ['64:ff9b::a9fe:a9fe', /translated/],
  ['64:ff9b::169.254.169.254', /translated/],
  ['64:ff9b:1::a9fe:a9fe', /translated/],
  ['2002:a9fe:a9fe::1', /translated/],
  ['2001:0:a9fe:a9fe::1', /translated/],
  ['fe80::1', /link-local/],
  ['febf::1', /link-local/],
  ['fec0::1', /site-local/],
  ['fd00:ec2::254', /metadata/],
  ['fd00:0ec2:0:0:0:0:0:254', /metadata/],
  ['fd20:ce::254', /metadata/],
  ['100.100.100.200', /metadata/],
  ['168.63.129.16', /host of a cloud/],
  ['192.0.0.192', /reserved/],
  ['224.0.0.1', /multicast/],
  ['239.255.255.255', /multicast/],
  ['ff02::1', /multicast/],
  ['240.0.0.1', /reserved/],
  ['255.255.255.255', /broadcast/],
  ['::ffff:255.255.255.255', /broadcast/],
]

function attempt(rule: AddressRule, peer: string, asked: string | undefined): string {
  try {
    return rule.resolve(peer === '' ? undefined : peer, asked)
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'SG_ADDRESS_REFUSED')
    return (error as Error).message
  }
}

describe('the address of an instance', () => {
  const rule = new AddressRule(allowed, 'registry.addresses')
  for (const [peer, asked, expected] of rows) {
    it(`${JSON.stringify(asked ?? 'its own')} for ${peer || 'nobody'}`, () => {
      const got = attempt(rule, peer, asked)
      if (typeof expected === 'string') assert.equal(got, expected)
      else assert.match(got, expected)
    })
  }

  it('is never one of these, whatever ranges are allowed', () => {
    const open = new AddressRule(everything, 'registry.addresses')
    for (const [asked, why] of never) assert.match(attempt(open, '10.0.0.9', asked), why, asked)
    assert.match(attempt(open, '10.0.0.9', '127.0.0.1'), /loopback/)
    // The control: the rule does allow all others.
    for (const other of ['10.0.0.1', '8.8.8.8', '2001:db8::1', 'fd00:ec3::1', '100.100.100.201', '2003::1'])
      assert.equal(attempt(open, '10.0.0.9', other), other)
  })

  it('has ranges that are checked by name', () => {
    for (const wrong of ['10.0.0.0/33', 'fd00::/129', 'host', '10.0.0.0/', '10.0.0/8', '10.0.0.0/8/8', '', 7 as never])
      assert.throws(
        () => new AddressRule([wrong], 'registry.addresses'),
        /registry\.addresses\[0\] must be/,
        String(wrong),
      )
  })
})

it('an address has one spelling', () => {
  assert.equal(canonicalAddress('2001:0DB8:0:0::1'), '2001:db8::1')
  assert.equal(canonicalAddress('::FFFF:A9FE:A9FE'), '169.254.169.254')
  assert.equal(canonicalAddress('1.2.3.4.5'), undefined)
  assert.ok(isLoopback('127.3.2.1') && isLoopback('::1') && !isLoopback('10.0.0.1') && !isLoopback('2001:db8::1'))
})
