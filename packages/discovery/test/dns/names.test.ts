// From a service to what is asked: templates, the search list and which answers end it, aliases, and SRV's numbers.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SwitchgearError } from '@switchgear/core'
import { serviceEndpoints } from '../../src/dns/endpoints.ts'
import { NoAnswer } from '../../src/dns/errors.ts'
import { questionFor } from '../../src/dns/question.ts'
import { type RecordSet, recordSet } from '../../src/dns/record-set.ts'
import { candidates, type Finding, searched } from '../../src/dns/search.ts'
import type { Ask } from '../../src/dns/servers.ts'
import { type AddressRecord, decodeReply, encodeQuery } from '../../src/dns/wire.ts'
import { a, cname, replyTo, soa, type Told } from './fake-dns.ts'

const { signal } = new AbortController()

describe('the question of a service', () => {
  it('is made by a template or a function, with the port of the name before the option', () => {
    const absolute = questionFor('payments', '_http._tcp.{service}.example.', undefined, false)
    assert.deepEqual(absolute, { name: '_http._tcp.payments.example.', port: undefined })
    assert.deepEqual(questionFor('a', '{service}.x:81', 80, true), { name: 'a.x', port: 81 })
    assert.deepEqual(questionFor('a:9', '{service}', undefined, true), { name: 'a', port: 9 })
    assert.deepEqual(
      questionFor('a', (service) => `${service}-v2`, 80, true),
      { name: 'a-v2', port: 80 },
    )
    // `$&` and the like mean something to a plain replace.
    assert.throws(() => questionFor('$&', '{service}', 80, true), /DNS cannot have: '\$&'/)
  })

  for (const service of [
    '',
    '.',
    'a..b',
    'a b',
    'ä',
    '10.0.0.1',
    '::1',
    'x'.repeat(64),
    'a:0',
    'a:65536',
    'a/b',
    'a\0b',
  ]) {
    it(`refuses ${JSON.stringify(service).slice(0, 20)}`, () => {
      const isOurs = (error: unknown): boolean => error instanceof SwitchgearError && error.code === 'SG_DNS_NAME'
      assert.throws(() => questionFor(service, '{service}', 80, true), isOurs)
    })
  }

  it('needs a port for addresses', () => {
    assert.throws(() => questionFor('a', '{service}', undefined, true), /has no port/)
    const long = Array.from({ length: 26 }, () => 'abcdefghi').join('.')
    assert.throws(() => questionFor(long, '{service}', 80, true), /DNS cannot have/)
  })
})

describe('the search list', () => {
  const list = { search: ['one', 'two'], ndots: 2 }

  it('comes after a name with ndots dots, before one with fewer, and not at all with a trailing dot', () => {
    assert.deepEqual(candidates('a.b.c', list), ['a.b.c', 'a.b.c.one', 'a.b.c.two'])
    assert.deepEqual(candidates('A.b', list), ['a.b.one', 'a.b.two', 'a.b'])
    assert.deepEqual(candidates('a.', list), ['a'])
    assert.deepEqual(candidates('a', { search: ['x'.repeat(63)], ndots: 1 }).length, 2)
    const long = Array.from({ length: 4 }, () => 'x'.repeat(62)).join('.')
    assert.deepEqual(candidates(long, { search: ['shop'], ndots: 1 }), [long], 'a name that got too long is left out')
  })

  type Row = string | NoAnswer
  const spoken = new NoAnswer('SG_DNS_FAILED', 'SERVFAIL', true)
  const silent = new NoAnswer('SG_DNS_TIMEOUT', 'silence', false)
  async function search(
    rows: readonly Row[],
    held?: string,
  ): Promise<{ tried: number; found: Finding<string> | Error }> {
    let tried = 0
    const look = (name: string): Promise<string> => {
      tried++
      const row = rows[Number(name)] ?? ''
      return typeof row === 'string' ? Promise.resolve(row) : Promise.reject(row)
    }
    const names = rows.map((_, index) => String(index))
    const isAbsent = (value: string): boolean => value.startsWith('none')
    const found = await searched(names, held, look, isAbsent, (one, other) => (one < other ? one : other)).catch(
      (error: Error) => error,
    )
    return { tried, found }
  }

  it('ends at the first name that has something', async () => {
    assert.deepEqual(await search(['none', 'x', 'y']), { tried: 2, found: { name: '1', value: 'x' } })
  })

  it('is an absence when every name says so, for as long as the shortest holds', async () => {
    assert.deepEqual(await search(['none 5', 'none 2', 'none 9']), {
      tried: 3,
      found: { name: undefined, value: 'none 2' },
    })
  })

  it('never makes an absence of a failure', async () => {
    assert.deepEqual(await search([spoken, 'none']), { tried: 2, found: spoken })
    assert.deepEqual(await search(['none', spoken]), { tried: 2, found: spoken })
    assert.deepEqual(await search(['none', spoken, 'none']), { tried: 3, found: spoken })
  })

  it('goes past a name that is refused, unless that name had the present answer', async () => {
    assert.deepEqual(await search([spoken, 'x']), { tried: 2, found: { name: '1', value: 'x' } })
    assert.deepEqual(await search([spoken, 'x'], '0'), { tried: 1, found: spoken })
    assert.deepEqual(await search([spoken, 'x'], '1'), { tried: 2, found: { name: '1', value: 'x' } })
  })

  it('ends at silence', async () => {
    assert.deepEqual(await search([silent, 'x']), { tried: 1, found: silent })
  })
})

describe('a chain of aliases', () => {
  const askOf =
    (rows: Record<string, Told>, asked: string[] = []): Ask =>
    (name, type) => {
      asked.push(name)
      return Promise.resolve(decodeReply(replyTo(encodeQuery(name, type, 1, false), rows[name] ?? { rcode: 3 })))
    }
  const addresses = (ask: Ask): Promise<RecordSet<AddressRecord>> => recordSet<AddressRecord>(ask, 'a', 'A', signal)

  it('is followed within an answer, whatever its order, and holds as long as its shortest link', async () => {
    const answers = [a('c', '10.0.0.1', 50), cname('b', 'C', 4), cname('A', 'b', 9), a('other', '10.9.9.9')]
    const { records, ttl } = await addresses(askOf({ a: { answers } }))
    assert.deepEqual(
      records.map(({ address }) => address),
      ['10.0.0.1'],
    )
    assert.equal(ttl, 4)
  })

  it('is asked on where a server left it', async () => {
    const asked: string[] = []
    const rows = { a: { answers: [cname('a', 'b')] }, b: { answers: [a('b', '10.0.0.1', 3)] } }
    const { records, ttl } = await addresses(askOf(rows, asked))
    assert.equal(records.length, 1)
    assert.equal(ttl, 3)
    assert.deepEqual(asked, ['a', 'b'])
  })

  it('may end in an absence', async () => {
    const nodata = { a: { answers: [cname('a', 'b', 9)], authorities: [soa('b', 7)] } }
    assert.deepEqual(await addresses(askOf(nodata)), { records: [], ttl: 7, additionals: [] })
    assert.deepEqual(await addresses(askOf({ a: {} })), { records: [], ttl: Infinity, additionals: [] })
    const dangling = { a: { answers: [cname('a', 'b', 2)], rcode: 3 } }
    assert.deepEqual(await addresses(askOf(dangling)), { records: [], ttl: 2, additionals: [] })
  })

  it('that is a loop, or never ends, is no answer', async () => {
    const endless: Ask = (name, type) => {
      const answers = [cname(name, `${name}x`)]
      return Promise.resolve(decodeReply(replyTo(encodeQuery(name, type, 1, false), { answers })))
    }
    for (const ask of [
      askOf({ a: { answers: [cname('a', 'a')] } }),
      askOf({ a: { answers: [cname('a', 'b'), cname('b', 'a')] } }),
      askOf({ a: { answers: [cname('a', 'b')] }, b: { answers: [cname('b', 'a')] } }),
      endless,
    ])
      await assert.rejects(addresses(ask), /aliases in a row/)
  })

  it('leads nowhere when it names what cannot be asked for, and an answer about others is none', async () => {
    await assert.rejects(addresses(askOf({ a: { answers: [cname('a', 'b c')] } })), /cannot be asked for/)
    await assert.rejects(addresses(askOf({ a: { answers: [a('z', '10.0.0.1')] } })), /only other names/)
  })
})

describe('SRV records as endpoints', () => {
  const at = (target: string, priority: number, weight: number, ...addresses: string[]) => ({
    target,
    priority,
    weight,
    port: 80,
    addresses,
  })
  const weightsOf = (...located: Parameters<typeof serviceEndpoints>[0][number][]): Record<string, string> =>
    Object.fromEntries(
      serviceEndpoints(located, undefined).map(({ id, weight, readiness }) => [id, `${readiness} ${weight}`]),
    )

  it('only the lowest priority that has an address is ready', () => {
    assert.deepEqual(weightsOf(at('a', 20, 1, '10.0.0.1'), at('b', 10, 1, '10.0.0.2'), at('c', 5, 1)), {
      '10.0.0.1:80': 'unready 1',
      '10.0.0.2:80': 'ready 1',
    })
  })

  it('weights of 0 are equal among themselves, and a hundredth of the smallest beside others', () => {
    assert.deepEqual(weightsOf(at('a', 1, 0, '10.0.0.1'), at('b', 1, 0, '10.0.0.2')), {
      '10.0.0.1:80': 'ready 1',
      '10.0.0.2:80': 'ready 1',
    })
    assert.deepEqual(weightsOf(at('a', 1, 0, '10.0.0.1'), at('b', 1, 50, '10.0.0.2'), at('c', 1, 100, '10.0.0.3')), {
      '10.0.0.1:80': 'ready 0.5',
      '10.0.0.2:80': 'ready 50',
      '10.0.0.3:80': 'ready 100',
    })
  })

  it('large weights keep their relation', () => {
    assert.deepEqual(weightsOf(at('a', 1, 60_000, '10.0.0.1'), at('b', 1, 30_000, '10.0.0.2')), {
      '10.0.0.1:80': 'ready 1000',
      '10.0.0.2:80': 'ready 500',
    })
  })

  it('a target shares its weight among its addresses, and an address under two names adds up', () => {
    assert.deepEqual(weightsOf(at('a', 1, 10, '10.0.0.1', '2001:db8::1'), at('b', 1, 10, '10.0.0.1')), {
      '10.0.0.1:80': 'ready 15',
      '[2001:db8::1]:80': 'ready 5',
    })
    assert.deepEqual(weightsOf(at('a', 2, 10, '10.0.0.1'), at('b', 1, 3, '10.0.0.1')), { '10.0.0.1:80': 'ready 3' })
  })

  it('says which target and priority it was', () => {
    const [one] = serviceEndpoints([at('a.shop', 1, 0, '10.0.0.1')], 'https')
    assert.deepEqual({ ...one?.metadata }, { target: 'a.shop', priority: '1' })
    assert.equal(one?.scheme, 'https')
  })
})
