// resolv.conf(5) and hosts(5), as glibc reads them, and how their files are watched.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { parseHosts, plainAddress } from '../../src/dns/hosts.ts'
import { parseResolvConf } from '../../src/dns/resolv-conf.ts'
import { lookEveryMs, WatchedFile } from '../../src/dns/watched-file.ts'

describe('resolv.conf', () => {
  it('reads servers in their order, suffixes and options', () => {
    const text = [
      '# a comment',
      '; another',
      'nameserver 10.0.0.2',
      'nameserver fe80::1%eth0   # link-local',
      'nameserver 2001:db8::53',
      'nameserver nonsense',
      'search Shop.Internal internal.',
      'options ndots:3 timeout:1 attempts:4 rotate edns0 no-such:7 trust-ad',
      'sortlist 130.155.160.0',
    ].join('\n')
    assert.deepEqual(parseResolvConf(text, 'web'), {
      servers: ['10.0.0.2', 'fe80::1%eth0', '2001:db8::53'].map((address) => ({ address, port: 53 })),
      search: ['shop.internal', 'internal'],
      ndots: 3,
      timeoutMs: 1000,
      attempts: 4,
      rotate: true,
    })
  })

  it('has the defaults of an empty file: this host, one dot, five seconds, twice', () => {
    assert.deepEqual(parseResolvConf('', 'web-1'), {
      servers: [{ address: '127.0.0.1', port: 53 }],
      search: [],
      ndots: 1,
      timeoutMs: 5000,
      attempts: 2,
      rotate: false,
    })
  })

  it('takes the suffix from the host where none is given', () => {
    assert.deepEqual(parseResolvConf('', 'web-1.shop.example').search, ['shop.example'])
    assert.deepEqual(parseResolvConf('search .', 'web-1.shop.example').search, [])
  })

  it('lets the last of domain and search count', () => {
    assert.deepEqual(parseResolvConf('search a b\ndomain c d', 'web').search, ['c'])
    assert.deepEqual(parseResolvConf('domain c\nsearch a b', 'web').search, ['a', 'b'])
  })

  it('adds options up, caps them as glibc does, and never asks not at all', () => {
    const text = 'options ndots:99 timeout:600\noptions attempts:50'
    const { ndots, timeoutMs, attempts } = parseResolvConf(text, 'web')
    assert.deepEqual([ndots, timeoutMs, attempts], [15, 30_000, 5])
    const least = parseResolvConf('options ndots:0 timeout:0 attempts:0', 'web')
    assert.deepEqual([least.ndots, least.timeoutMs, least.attempts], [0, 1000, 1])
  })
})

describe('the hosts file', () => {
  it('reads names without their case, several addresses of a name, and comments', () => {
    const hosts = parseHosts(
      '127.0.0.1\tLocalhost loop # x y\n::1 localhost\n0:0:0:0:0:0:0:1 localhost\nbroken name\n#',
    )
    assert.deepEqual(hosts.get('localhost'), ['127.0.0.1', '::1'])
    assert.deepEqual(hosts.get('loop'), ['127.0.0.1'])
    assert.equal(hosts.size, 2)
  })

  it('writes each address in one way', () => {
    assert.equal(plainAddress('2001:DB8:0:0::0001'), '2001:db8::1')
    assert.equal(plainAddress('FE80:0::1%eth0'), 'fe80::1%eth0')
    assert.equal(plainAddress('1.2.3'), undefined)
  })
})

describe('a watched file', () => {
  it('is read again when it changed, at most once per interval, and keeps its last value when it cannot be read', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'switchgear-dns-'))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'conf')
    const clock = new VirtualClock()
    const problems: string[] = []
    let parsed = 0
    const parse = (text: string): string => {
      parsed++
      return text
    }
    const file = new WatchedFile(path, parse, clock, (error) => problems.push(error.message))

    assert.equal(await file.current(), '', 'a missing file is an empty one')
    await writeFile(path, 'one')
    assert.equal(await file.current(), '', 'not looked at yet')
    await clock.advance(lookEveryMs)
    assert.deepEqual(await Promise.all([file.current(), file.current()]), ['one', 'one'])
    const before = parsed
    await clock.advance(lookEveryMs)
    assert.equal(await file.current(), 'one')
    assert.equal(parsed, before, 'not read again while it is the same')

    await rm(path)
    await writeFile(path, 'another')
    await clock.advance(lookEveryMs)
    assert.equal(await file.current(), 'another')
    assert.equal(problems.length, 0)

    // A folder cannot be read as a file, also by root.
    await rm(path)
    await mkdir(path)
    for (let look = 0; look < 2; look++) {
      await clock.advance(lookEveryMs)
      assert.equal(await file.current(), 'another')
    }
    assert.equal(problems.length, 1, 'told once')
    assert.match(problems[0] ?? '', /^dns: .* cannot be used: it is no file$/)
    await rm(path, { recursive: true })
    await clock.advance(lookEveryMs)
    assert.equal(await file.current(), '')
    assert.equal(clock.pending, 0)
  })
})
