// The resolver over a table instead of sockets, on virtual time: what is told, when it is asked again, and what is left at the end.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { OptionsError } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { SharedDns } from '../../src/dns/dns-resolver.ts'
import { dnsErrors } from '../../src/dns/errors.ts'
import { completeOptions, type DnsResolverOptions } from '../../src/dns/options.ts'
import type { Watcher } from '../../src/index.ts'
import { a, aaaa, cname, Ear, FakeDns, nxdomain, refused, type Row, servfail, soa, srv } from './fake-dns.ts'

interface SetUp extends DnsResolverOptions {
  readonly chance?: number
}

/** With `chance` 0 waits are as long as the TTL, and backoff is not cut. */
function setUp(rows: Record<string, Row>, { chance = 0, ...options }: SetUp = {}) {
  const clock = new VirtualClock()
  const dns = new FakeDns(rows)
  const problems: string[] = []
  const complete = completeOptions({
    port: 80,
    servers: ['10.0.0.1'],
    search: [],
    timeout: '1s',
    attempts: 1,
    resolvConf: false,
    hosts: false,
    clock,
    random: () => chance,
    onProblem: ({ message }) => problems.push(message),
    ...options,
  })
  const resolver = new SharedDns(complete, dns)
  const watch = (service: string, ear: Watcher) => resolver.watch(service, ear)
  /** Moves time in small steps, and lets the files and promises of each round settle. */
  const pass = async (ms: number): Promise<void> => {
    await setImmediate()
    for (let left = ms; left > 0; left -= 100) {
      await clock.advance(Math.min(left, 100))
      await setImmediate()
    }
  }
  return { clock, dns, problems, resolver, watch, pass }
}

function watching(rows: Record<string, Row>, options?: SetUp) {
  const all = setUp(rows, options)
  const ear = new Ear()
  return { ...all, ear, watch: all.watch('x', ear) }
}

const both = { 'x A': { answers: [a('x', '10.1.1.1')] }, 'x AAAA': { answers: [aaaa('x', '2001:db8::1')] } }

describe('a watch by addresses', () => {
  it('tells both families, not within the call that begins it', async () => {
    const { ear, pass, dns } = watching(both)
    assert.deepEqual(ear.heard, [])
    assert.deepEqual(dns.asked, [])
    await pass(0)
    assert.deepEqual(ear.take(), ['10.1.1.1:80 [2001:db8::1]:80'])
    assert.deepEqual(dns.take().toSorted(), ['x A', 'x AAAA'])
  })

  it('asks for one family only where told so', async () => {
    const { ear, pass, dns } = watching(both, { family: 'ipv6' })
    await pass(0)
    assert.deepEqual(ear.take(), ['[2001:db8::1]:80'])
    assert.deepEqual(dns.take(), ['x AAAA'])
  })

  it('asks again when the smallest TTL is over, and tells only what changed; the order of records is no change', async () => {
    const two = [a('x', '10.1.1.1', 30), a('x', '10.1.1.2', 7)]
    const { ear, pass, dns } = watching({ 'x A': { answers: two } }, { family: 'ipv4' })
    await pass(6900)
    assert.deepEqual(ear.take(), ['10.1.1.1:80 10.1.1.2:80'])
    assert.equal(dns.take().length, 1)
    dns.rows['x A'] = { answers: two.toReversed() }
    await pass(200)
    assert.equal(dns.take().length, 1)
    assert.deepEqual(ear.take(), [])
    dns.rows['x A'] = { answers: two.slice(1) }
    await pass(7000)
    assert.deepEqual(ear.take(), ['10.1.1.2:80'])
  })

  it('counts the TTL of aliases', async () => {
    const answers = [cname('x', 'y', 3), a('y', '10.1.1.1', 100)]
    const { pass, dns } = watching({ 'x A': { answers } }, { family: 'ipv4' })
    await pass(2900)
    assert.equal(dns.take().length, 1)
    await pass(200)
    assert.equal(dns.take().length, 1)
  })

  it('keeps to floor and ceiling of the TTL, and chance only ever adds a tenth', async () => {
    for (const [ttl, chance, from, to] of [
      [0, 0, 900, 1000],
      [0, 1, 1000, 1100],
      [100_000, 0, 299_900, 300_000],
      [100_000, 1, 329_900, 330_000],
    ] as const) {
      const { pass, dns } = watching({ 'x A': { answers: [a('x', '10.1.1.1', ttl)] } }, { family: 'ipv4', chance })
      await pass(from)
      assert.equal(dns.take().length, 1, `${ttl} ${chance}`)
      await pass(to - from)
      assert.equal(dns.take().length, 1, `${ttl} ${chance}`)
    }
  })

  it('takes NXDOMAIN and NODATA for a complete answer without endpoints, as long as SOA says but at most 30 s', async () => {
    for (const [rcode, minimum, holds] of [
      [3, 12, 12_000],
      [0, 12, 12_000],
      [3, 3600, 30_000],
      [0, 0, 1000],
      [3, undefined, 5000],
    ] as const) {
      const { ear, pass, dns } = watching(
        { 'x A': { rcode, authorities: minimum === undefined ? [] : [soa('x', minimum)] } },
        { family: 'ipv4' },
      )
      await pass(holds - 100)
      assert.deepEqual(ear.take(), [''])
      assert.equal(dns.take().length, 1)
      await pass(100)
      assert.equal(dns.take().length, 1)
    }
  })

  it('tells of failures, asks again with growing waits, and tells again what it finds even if it is the same', async () => {
    const { ear, pass, dns } = watching({ 'x A': { answers: [a('x', '10.1.1.1', 1)] } }, { family: 'ipv4' })
    await pass(0)
    assert.deepEqual(ear.take(), ['10.1.1.1:80'])
    for (const row of [servfail, refused, new Error('unreachable')]) {
      dns.rows['x A'] = row
      await pass(1000)
      assert.deepEqual(ear.take(), ['! SG_DNS_FAILED'])
      dns.take()
      // After the first failure it waits for 1 s, then 2 s, 4 s.
      await pass(2900)
      assert.equal(dns.take().length, 1)
      dns.rows['x A'] = { answers: [a('x', '10.1.1.1', 1)] }
      ear.take()
      await pass(100)
      assert.deepEqual(ear.take(), ['10.1.1.1:80'])
    }
    dns.rows['x A'] = 'silence'
    await pass(2000)
    assert.deepEqual(ear.take(), ['! SG_DNS_TIMEOUT'])
  })

  it('waits for at most 30 s after failures, and chance cuts waits by up to a half', async () => {
    const { dns, pass } = watching({ 'x A': servfail }, { family: 'ipv4' })
    await pass(120_000)
    // At 0, 1, 3, 7, 15, 31, then every 30 s.
    assert.equal(dns.take().length, 8)
    const other = watching({ 'x A': servfail }, { family: 'ipv4', chance: 0.999 })
    await other.pass(600)
    assert.equal(other.dns.take().length, 2)
  })

  it('a family that fails keeps its last addresses; it is not complete until that has lasted', async () => {
    const first = { answers: [a('x', '10.1.1.1', 1)] }
    const { ear, pass, dns, problems } = watching({ ...both, 'x A': first })
    await pass(0)
    ear.take()
    dns.rows['x AAAA'] = servfail
    dns.rows['x A'] = { answers: [a('x', '10.1.1.2', 1)] }
    await pass(1000)
    assert.deepEqual(ear.take(), ['10.1.1.2:80 [2001:db8::1]:80 +'])
    assert.match(problems.join(), /^dns: no answer for x\. AAAA \(10\.0\.0\.1:53: SERVFAIL\)$/, 'told once')
    await pass(2000)
    assert.deepEqual(ear.take(), [])
    assert.equal(problems.length, 1)
    await pass(1000)
    assert.deepEqual(ear.take(), ['10.1.1.2:80 [2001:db8::1]:80'], 'the fourth time it is believed to go on so')
    dns.rows['x AAAA'] = nxdomain
    await pass(1000)
    assert.deepEqual(ear.take(), ['10.1.1.2:80'])
  })

  it('a family that is absent beside one that fails says nothing', async () => {
    const { ear, pass, dns } = watching({ ...both, 'x AAAA': nxdomain })
    await pass(0)
    assert.deepEqual(ear.take(), ['10.1.1.1:80'])
    dns.rows['x A'] = servfail
    await pass(59_900)
    assert.deepEqual(ear.take(), [], 'the absence of a family does not make the other one be asked more often')
    await pass(200)
    assert.deepEqual(ear.take(), ['! SG_DNS_FAILED'])
  })

  it('never goes from the name that has answered to a namesake further down the search list', async () => {
    const rows: Record<string, Row> = {
      'x.one A': { answers: [a('x.one', '10.1.1.1', 1)] },
      'x.two A': { answers: [a('x.two', '10.2.2.2', 1)] },
    }
    const { ear, pass, dns } = watching(rows, { family: 'ipv4', search: ['one', 'two'] })
    await pass(0)
    dns.rows['x.one A'] = servfail
    await pass(1000)
    assert.deepEqual(ear.take(), ['10.1.1.1:80', '! SG_DNS_FAILED'])
    dns.rows['x.one A'] = nxdomain
    await pass(1000)
    assert.deepEqual(ear.take(), ['10.2.2.2:80'], 'only when it says that it is gone')
  })

  it('leaves out what is too much, and says so', async () => {
    const answers = ['3', '1', '2'].map((last) => a('x', `10.1.1.${last}`))
    const { ear, pass, problems } = watching({ 'x A': { answers } }, { family: 'ipv4', maxEndpoints: 2 })
    await pass(0)
    assert.deepEqual(ear.take(), ['10.1.1.1:80 10.1.1.2:80 +'])
    assert.match(problems.join(), /x has more than 2 endpoints/)
  })

  it('a name that cannot be asked for fails the watch, not the call', async () => {
    const { resolver, pass, dns } = setUp({})
    const ear = new Ear()
    resolver.watch('no such name', ear)
    await pass(0)
    assert.deepEqual(ear.take(), ['! SG_DNS_NAME'])
    assert.deepEqual(dns.asked, [])
  })
})

describe('a watch by SRV', () => {
  const options: SetUp = { type: 'SRV', name: '_http._tcp.{service}.' }
  const s = '_http._tcp.x'

  it('resolves targets, takes what the answer carries along, and asks for each target once', async () => {
    const rows: Record<string, Row> = {
      [`${s} SRV`]: {
        answers: [srv(s, 't1', 81, 1, 5), srv(s, 't1', 82, 1, 5), srv(s, 't2', 80, 2, 5)],
        additionals: [a('t1', '10.1.1.1'), a('unasked', '10.9.9.9')],
      },
      't2 A': { answers: [a('t2', '10.1.1.2')] },
      't2 AAAA': { answers: [aaaa('t2', '2001:db8::2')] },
    }
    const { ear, pass, dns } = watching(rows, options)
    await pass(0)
    assert.deepEqual(ear.take(), ['10.1.1.1:81 10.1.1.1:82 (10.1.1.2:80) ([2001:db8::2]:80)'])
    assert.deepEqual(dns.take().toSorted(), [`${s} SRV`, 't1 AAAA', 't2 A', 't2 AAAA'])
  })

  it('a single target of the root is an answer: there is no such service', async () => {
    const { ear, pass } = watching({ [`${s} SRV`]: { answers: [srv(s, '.', 0)] } }, options)
    await pass(0)
    assert.deepEqual(ear.take(), [''])
  })

  it('a target that does not exist is left out; one that cannot be had keeps its addresses and its readiness', async () => {
    const rows: Record<string, Row> = {
      [`${s} SRV`]: { answers: [srv(s, 't1', 80, 1, 1, 1), srv(s, 't2', 80, 2, 1, 1), srv(s, 't3', 80, 1, 1, 1)] },
      't1 A': { answers: [a('t1', '10.1.1.1')] },
      't2 A': { answers: [a('t2', '10.1.1.2')] },
    }
    const { ear, pass, dns, problems } = watching(rows, { ...options, family: 'ipv4' })
    await pass(0)
    assert.deepEqual(ear.take(), ['10.1.1.1:80 (10.1.1.2:80)'])
    assert.deepEqual(problems, [])
    dns.rows['t1 A'] = 'silence'
    await pass(2000)
    assert.deepEqual(ear.take(), ['10.1.1.1:80 (10.1.1.2:80) +'])
    assert.equal(problems.length, 1)
    dns.rows['t2 A'] = servfail
    dns.rows['t3 A'] = servfail
    await pass(2000)
    assert.deepEqual(ear.take(), ['! SG_DNS_TIMEOUT'], 'nothing was learned of any target')
  })

  it('a target that is no name is told and does no harm', async () => {
    const answers = [srv(s, 'a b', 80), srv(s, 't1', 80), srv(s, 't1', 0)]
    const { ear, pass, problems } = watching(
      { [`${s} SRV`]: { answers }, 't1 A': { answers: [a('t1', '10.1.1.1')] } },
      { ...options, family: 'ipv4' },
    )
    await pass(0)
    assert.deepEqual(ear.take(), ['10.1.1.1:80'])
    assert.match(problems.join(), /a target that cannot be asked for/)
  })

  it('asks again when the smallest TTL of all of it is over', async () => {
    const rows = {
      [`${s} SRV`]: { answers: [srv(s, 't1', 80, 0, 0, 50)] },
      't1 A': { answers: [a('t1', '10.1.1.1', 4)] },
    }
    const { pass, dns } = watching(rows, { ...options, family: 'ipv4' })
    await pass(3900)
    assert.equal(dns.take().length, 2)
    await pass(100)
    assert.equal(dns.take().length, 2)
  })
})

describe('files of the host', () => {
  it('answer first, are read again when they change, and say whom to ask', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'switchgear-dns-'))
    t.after(() => rm(folder, { recursive: true }))
    const [hosts, resolvConf] = [join(folder, 'hosts'), join(folder, 'resolv.conf')]
    await writeFile(hosts, '10.7.7.7 x other\n')
    await writeFile(resolvConf, 'nameserver 10.0.0.1\nsearch one\n')
    const rows = {
      'x.one A': { answers: [a('x.one', '10.1.1.1', 1)] },
      'x.two A': { answers: [a('x.two', '10.2.2.2', 1)] },
    }
    const clock = new VirtualClock()
    const dns = new FakeDns(rows)
    const ear = new Ear()
    const resolver = new SharedDns(
      completeOptions({ port: 80, family: 'ipv4', hosts, resolvConf, clock, random: () => 0 }),
      dns,
    )
    resolver.watch('x', ear)
    const heard = async (): Promise<readonly string[]> => {
      for (let turn = 0; turn < 400 && ear.heard.length === 0; turn++) {
        await clock.advance(100)
        // Real files take real time.
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      return ear.take()
    }
    assert.deepEqual(await heard(), ['10.7.7.7:80'])
    assert.deepEqual(dns.take(), [], 'what stands in the hosts file is asked of nobody')
    await writeFile(hosts, '10.7.7.7 other\n')
    assert.deepEqual(await heard(), ['10.1.1.1:80'])
    await writeFile(resolvConf, 'nameserver 10.0.0.9\nsearch two\n')
    assert.deepEqual(await heard(), ['10.2.2.2:80'])
    assert.equal(dns.take().at(-1), 'x.two A@10.0.0.9')
    await resolver.close()
    assert.equal(clock.pending, 0)
  })
})

describe('the end', () => {
  it('of a watch is at once: nothing more is told, asked, or left', async () => {
    const { ear, watch, pass, dns, clock } = watching({ 'x A': 'silence', 'x AAAA': 'silence' })
    await pass(0)
    assert.equal(dns.open, 2)
    watch.close()
    watch.close()
    assert.equal(dns.open, 0)
    await pass(60_000)
    assert.equal(clock.pending, 0)
    assert.deepEqual(ear.heard, [])
    assert.equal(dns.asked.length, 2)
  })

  it('may come from within what is told', async () => {
    const { resolver, pass, clock, dns } = setUp(both)
    const watch = resolver.watch('x', { found: () => watch.close(), failed: () => assert.fail('not failed') })
    await pass(120_000)
    assert.equal(clock.pending, 0)
    assert.equal(dns.asked.length, 2)
  })

  it('of the resolver ends all watches, and it takes no new ones', async () => {
    const { resolver, pass, clock, dns } = setUp({ ...both, 'y A': 'silence' })
    const [x, y] = [new Ear(), new Ear()]
    resolver.watch('x', x)
    resolver.watch('y', y)
    await pass(0)
    await resolver.close()
    await resolver.close()
    assert.equal(clock.pending, 0)
    assert.equal(dns.open, 0)
    assert.throws(() => resolver.watch('x', x), { code: 'SG_DNS_CLOSED' })
  })

  it('a watcher that throws keeps its watch and is told of', async () => {
    const { resolver, pass, dns, problems } = setUp(both)
    const failing = (): never => {
      throw new Error('a bad watcher')
    }
    resolver.watch('x', { found: failing, failed: failing })
    await pass(60_000)
    assert.deepEqual(problems, ['a bad watcher'])
    assert.equal(dns.asked.length, 4)
  })

  it('whoever is told of problems and throws does no harm either', async () => {
    const onProblem = (): never => {
      throw new Error('a bad listener')
    }
    const { ear, pass, dns } = watching({ ...both, 'x AAAA': servfail }, { onProblem, hosts: tmpdir() })
    for (let look = 0; look < 20 && ear.heard.length === 0; look++) {
      await pass(100)
      // Real files take real time.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.deepEqual(ear.take(), ['10.1.1.1:80 +'])
    assert.ok(dns.asked.length >= 2)
  })
})

describe('options', () => {
  const refusedOptions: [DnsResolverOptions, RegExp][] = [
    [{ name: 'a.{service}.b' }, /dns\.port/],
    [{ port: 0 }, /dns\.port must be a whole number in \[1, 65535\], got 0/],
    [{ type: 'MX' as never }, /dns\.type must be 'A' or 'SRV', got 'MX'/],
    [{ port: 1, servers: [] }, /dns\.servers must be a list of 1 to 8/],
    [{ port: 1, servers: ['a:1'] }, /dns\.servers\[0\] must be an IP address/],
    [{ port: 1, servers: ['1.2.3.4:0'] }, /dns\.servers\[0\]/],
    [{ port: 1, servers: ['::1:53:x'] }, /dns\.servers\[0\]/],
    [{ port: 1, minTtl: 999 }, /dns\.minTtl must be a duration of at least 1000 ms/],
    [{ port: 1, minTtl: '9s', maxTtl: '5s' }, /dns\.maxTtl/],
    [{ port: 1, search: ['a b'] }, /dns\.search\[0\] must be a domain/],
    [{ port: 1, ndots: 16 }, /dns\.ndots/],
    [{ port: 1, family: 'toString' as never }, /dns\.family/],
    [{ port: 1, hosts: true as never }, /dns\.hosts must be a path or false/],
    [{ port: 1, ttl: 5 } as never, /dns\.ttl is not an option; known are name, type/],
  ]
  for (const [options, message] of refusedOptions) {
    it(`${JSON.stringify(options)} is refused by name`, () => {
      assert.throws(
        () => completeOptions(options),
        (error: unknown) => error instanceof OptionsError && message.test(error.message),
      )
    })
  }

  it('a server is an address, with a port or without', () => {
    const { conf } = completeOptions({ port: 1, servers: ['1.2.3.4', '1.2.3.4:5', '::1', '[::1]:5', '[fe80::1%lo]:5'] })
    assert.deepEqual(
      conf.servers?.map(({ address, port }) => `${address} ${port}`),
      ['1.2.3.4 53', '1.2.3.4 5', '::1 53', '::1 5', 'fe80::1%lo 5'],
    )
  })

  it('every code has an entry', () => {
    const codes = dnsErrors.map(({ code }) => code)
    assert.deepEqual(codes, ['SG_DNS_FAILED', 'SG_DNS_TIMEOUT', 'SG_DNS_NAME', 'SG_DNS_BUSY', 'SG_DNS_CLOSED'])
  })
})
