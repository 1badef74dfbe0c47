// One question to several servers: order, repetition, time-outs, old servers, truncated answers. Virtual time, no socket.
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import type { ResolvConf } from '../../src/dns/resolv-conf.ts'
import { Servers } from '../../src/dns/servers.ts'
import type { Reply } from '../../src/dns/wire.ts'
import { a, FakeDns, nxdomain, refused, replyTo, type Row, servfail } from './fake-dns.ts'

const conf: ResolvConf = {
  servers: [
    { address: '10.0.0.1', port: 53 },
    { address: '10.0.0.2', port: 53 },
  ],
  search: [],
  ndots: 1,
  timeoutMs: 1000,
  attempts: 2,
  rotate: false,
}
const good = { answers: [a('x', '10.1.1.1')] }

function setUp(rows: Record<string, Row>, maxInFlight = 10) {
  const clock = new VirtualClock()
  const dns = new FakeDns(rows)
  const servers = new Servers(dns, clock, maxInFlight)
  const end = new AbortController()
  const ask = (change: Partial<ResolvConf> = {}): Promise<Reply | Error> =>
    servers.ask({ ...conf, ...change }, 'x', 'A', end.signal).catch((error: Error) => error)
  return { clock, dns, servers, ask, end }
}

const codeOf = (outcome: Reply | Error): string =>
  outcome instanceof Error ? ((outcome as { code?: string }).code ?? outcome.message) : outcome.rcode

describe('servers', () => {
  it('are asked in their order, the next one only when one has no answer', async () => {
    const { dns, ask } = setUp({ 'x A': good, 'x A 10.0.0.1': servfail })
    assert.equal(codeOf(await ask()), 'NOERROR')
    assert.deepEqual(dns.take(), ['x A', 'x A@10.0.0.2'])
  })

  it('end it with NXDOMAIN: that is an answer', async () => {
    const { dns, ask } = setUp({ 'x A': good, 'x A 10.0.0.1': nxdomain })
    assert.equal(codeOf(await ask()), 'NXDOMAIN')
    assert.deepEqual(dns.take(), ['x A'])
  })

  it('are each asked as often as attempts says; the error tells what they did', async () => {
    const { dns, ask, servers } = setUp({ 'x A': refused, 'x A 10.0.0.2': new Error('connect ECONNREFUSED') })
    const error = await ask()
    assert.ok(error instanceof Error)
    assert.equal(codeOf(error), 'SG_DNS_FAILED')
    assert.equal(error.message, 'dns: no answer for x. A (10.0.0.1:53: REFUSED; 10.0.0.2:53: connect ECONNREFUSED)')
    assert.deepEqual(dns.take(), ['x A', 'x A@10.0.0.2', 'x A', 'x A@10.0.0.2'])
    assert.equal(servers.failed, 4)
  })

  it('that are silent are waited for as long as timeout says, and asked last for a while', async () => {
    const { clock, dns, ask } = setUp({ 'x A': good, 'x A 10.0.0.1': 'silence' })
    const first = ask()
    await clock.advance(999)
    assert.deepEqual(dns.take(), ['x A'])
    await clock.advance(1)
    assert.equal(codeOf(await first), 'NOERROR')
    assert.deepEqual(dns.take(), ['x A@10.0.0.2'])
    assert.equal(codeOf(await ask()), 'NOERROR')
    assert.deepEqual(dns.take(), ['x A@10.0.0.2'], 'the silent one delays nobody')
    await clock.advance(30_000)
    dns.rows['x A 10.0.0.1'] = good
    assert.equal(codeOf(await ask()), 'NOERROR')
    assert.deepEqual(dns.take(), ['x A'], 'and gets its place back')
    assert.equal(clock.pending, 0)
  })

  it('that are all silent are a time-out', async () => {
    const { clock, dns, ask } = setUp({ 'x A': 'silence' })
    const outcome = ask()
    await clock.advance(4000)
    assert.equal(codeOf(await outcome), 'SG_DNS_TIMEOUT')
    assert.equal(dns.asked.length, 4)
    assert.equal(dns.open, 0)
    assert.equal(clock.pending, 0)
  })

  it('take turns with rotate', async () => {
    const { dns, ask } = setUp({ 'x A': good })
    for (let turn = 0; turn < 3; turn++) await ask({ rotate: true })
    assert.deepEqual(dns.take(), ['x A', 'x A@10.0.0.2', 'x A'])
  })

  it('from before EDNS0 are asked again without it', async () => {
    const old: Row = (query) => replyTo(query, query[11] === 1 ? { rcode: 1 } : good)
    const { dns, ask } = setUp({ 'x A': old })
    assert.equal(codeOf(await ask()), 'NOERROR')
    assert.deepEqual(dns.take(), ['x A', 'x A'])
  })

  it('say by TC that there is more, which comes over TCP', async () => {
    const truncated = { flags: 1 << 9 }
    const { dns, ask, servers } = setUp({ 'x A': truncated, 'x A tcp': good })
    assert.equal(codeOf(await ask()), 'NOERROR')
    assert.deepEqual(dns.take(), ['x A', 'x A tcp'])
    assert.equal(servers.overTcp, 1)
    dns.rows['x A tcp'] = truncated
    assert.match(((await ask()) as Error).message, /truncated over TCP too/)
  })

  it('that send damage, or refer to others, have not answered', async () => {
    const { dns, ask } = setUp({ 'x A': (query) => replyTo(query, good).subarray(0, 30) })
    assert.match(((await ask()) as Error).message, /the answer is damaged/)
    dns.rows['x A'] = { authorities: [{ type: 'NS', name: 'x', data: 'ns.x' }] }
    assert.match(((await ask()) as Error).message, /refers to others/)
  })

  it('never get more questions at a time than allowed, and one given up gives its turn on', async () => {
    const { clock, dns, servers, ask, end } = setUp({ 'x A': 'silence' }, 2)
    const first = [ask(), ask()]
    const own = new AbortController()
    const waiting = servers.ask(conf, 'x', 'A', own.signal).catch((error: Error) => error)
    const behind = ask()
    await setImmediate()
    assert.equal(dns.open, 2)
    own.abort(new Error('no longer'))
    assert.equal(codeOf(await waiting), 'no longer')
    await clock.advance(4000)
    await Promise.all(first)
    await setImmediate()
    assert.equal(dns.open, 1)
    end.abort(new Error('the end'))
    assert.equal(codeOf(await behind), 'the end')
    assert.equal(codeOf(await ask()), 'the end')
    assert.equal(dns.open, 0)
    assert.equal(clock.pending, 0)
  })

  it('answer everyone who waits, in order', async () => {
    const { clock, dns, servers } = setUp({ 'x A': 'silence', 'y A': good, 'z A': good }, 1)
    const { signal } = new AbortController()
    const order: string[] = []
    const all = ['x', 'y', 'z'].map(async (name) => {
      await servers.ask({ ...conf, attempts: 1 }, name, 'A', signal).catch(() => undefined)
      order.push(name)
    })
    await clock.advance(2000)
    await Promise.all(all)
    assert.deepEqual(order, ['x', 'y', 'z'])
    assert.deepEqual(dns.take(), ['x A', 'x A@10.0.0.2', 'y A', 'z A'])
  })

  it('a queue that is full refuses', async () => {
    const { servers } = setUp({ 'x A': 'silence' }, 1)
    const ends = Array.from({ length: 10_002 }, () => new AbortController())
    const all = ends.map(({ signal }) => servers.ask(conf, 'x', 'A', signal).catch((error: Error) => error))
    assert.equal(codeOf(await (all.at(-1) ?? Promise.reject(new Error('none')))), 'SG_DNS_BUSY')
    for (const end of ends) end.abort(new Error('the end'))
    assert.equal(codeOf(await (all[5000] ?? Promise.reject(new Error('none')))), 'the end')
  })

  it('get an id that cannot be guessed', async () => {
    const ids = new Set<number>()
    const { ask } = setUp({
      'x A': (query) => {
        ids.add(Buffer.from(query).readUInt16BE(0))
        return replyTo(query, good)
      },
    })
    for (let question = 0; question < 200; question++) await ask()
    // 200 of 65 536: that more than ten of them meet has a chance below 1e-9.
    assert.ok(ids.size > 190)
  })
})
