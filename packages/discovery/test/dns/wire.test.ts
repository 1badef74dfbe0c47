// Which bytes answer a question, and what damaged ones do: nothing.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeReply, encodeQuery, isReplyTo, isTruncated, type Reply } from '../../src/dns/wire.ts'
import { a, aaaa, cname, replyTo, soa, srv } from './fake-dns.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)
const query = encodeQuery('payments.shop', 'A', 0x1234, true)

/** A good answer to `query`, changed. */
function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(replyTo(query, { answers: [a('payments.shop', '10.0.0.7')] }))
  change(bytes)
  return bytes
}

describe('an answer', () => {
  it('is one when id and question are ours, whatever the case of letters', () => {
    assert.ok(
      isReplyTo(
        query,
        changed(() => {}),
      ),
    )
    assert.ok(
      isReplyTo(
        query,
        changed((bytes) => bytes.write('PayMENTS', 13)),
      ),
    )
    assert.ok(
      isReplyTo(
        encodeQuery('payments.shop', 'A', 0x1234, false),
        changed(() => {}),
      ),
    )
  })

  const strangers: Record<string, (bytes: Buffer) => void> = {
    'another id': (bytes) => bytes.writeUInt16BE(0x1235, 0),
    'a query': (bytes) => bytes.writeUInt8((bytes[2] ?? 0) & 0x7f, 2),
    'another kind of query': (bytes) => bytes.writeUInt8((bytes[2] ?? 0) | 0x28, 2),
    'another name': (bytes) => bytes.write('payroll1', 13),
    'another length of a label': (bytes) => bytes.writeUInt8(7, 12),
    'another type': (bytes) => bytes.writeUInt8(28, 12 + 15 + 1),
    'another class': (bytes) => bytes.writeUInt8(3, 12 + 15 + 3),
    'two questions': (bytes) => bytes.writeUInt16BE(2, 4),
    'no question': (bytes) => bytes.writeUInt16BE(0, 4),
  }
  for (const [what, change] of Object.entries(strangers)) {
    it(`is none with ${what}`, () => assert.ok(!isReplyTo(query, changed(change))))
  }

  it('is none when it ends within the question or the header', () => {
    for (let length = 0; length < query.length - 11; length++) {
      assert.ok(!isReplyTo(query, changed(() => {}).subarray(0, length)), String(length))
    }
  })

  it('may leave the question out only when it could not be read', () => {
    const formerr = Buffer.from([0x12, 0x34, 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0, 0])
    assert.ok(isReplyTo(query, formerr))
    formerr[3] = 3
    assert.ok(!isReplyTo(query, formerr))
  })

  it('says that it is truncated', () => {
    assert.ok(!isTruncated(changed(() => {})))
    assert.ok(isTruncated(replyTo(query, { flags: 1 << 9 })))
  })
})

describe('what is read from an answer', () => {
  const read = (told: Parameters<typeof replyTo>[1]): Reply => decodeReply(replyTo(query, told))

  it('has canonical names, addresses and the fields of SRV', () => {
    const answers = [cname('PAYMENTS.shop', 'P.Shop', 7), a('P.shop', '10.0.0.7'), srv('s.shop', 'T.shop', 80, 1, 2)]
    assert.deepEqual(read({ answers }).answers, [
      { type: 'CNAME', name: 'payments.shop', ttl: 7, target: 'p.shop' },
      { type: 'A', name: 'p.shop', ttl: 60, address: '10.0.0.7' },
      { type: 'SRV', name: 's.shop', ttl: 60, priority: 1, weight: 2, port: 80, target: 't.shop' },
    ])
    assert.deepEqual(read({ answers: [srv('s.shop', '.', 0)] }).answers[0], {
      type: 'SRV',
      name: 's.shop',
      ttl: 60,
      priority: 0,
      weight: 0,
      port: 0,
      target: '',
    })
  })

  it('holds an absence for the smaller of the SOA record and its minimum (RFC 2308)', () => {
    assert.equal(read({ rcode: 3, authorities: [soa('shop', 20, 3600)] }).negativeTtl, 20)
    assert.equal(read({ rcode: 3, authorities: [soa('shop', 300, 15)] }).negativeTtl, 15)
    assert.equal(read({ rcode: 3 }).negativeTtl, undefined)
  })

  it('takes a TTL beyond 2^31 for none (RFC 2181)', () => {
    assert.equal(read({ answers: [a('payments.shop', '10.0.0.7', 2 ** 31 + 5)] }).answers[0]?.ttl, 0)
  })

  it('takes the upper bits of the code from EDNS: BADVERS is no NOERROR', () => {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 1 } as never
    assert.match(read({ additionals: [opt] }).rcode, /^RCODE_/)
  })

  it('is a referral, and no absence, when the server does not resolve', () => {
    const ns = { type: 'NS', name: 'shop', data: 'ns.shop' } as const
    assert.ok(read({ authorities: [ns] }).lame)
    assert.ok(!read({}).lame)
    assert.ok(!read({ authorities: [soa('shop', 5)] }).lame)
    const asAuthority = replyTo(query, { flags: 1 << 10 })
    asAuthority.writeUInt8(0, 3)
    assert.ok(!decodeReply(asAuthority).lame)
    const withoutRecursion = replyTo(query, {})
    withoutRecursion.writeUInt8(0, 3)
    assert.ok(decodeReply(withoutRecursion).lame)
  })

  it('refuses an address that ends beyond the message', () => {
    const whole = replyTo(query, { answers: [aaaa('payments.shop', '2001:db8::1')] })
    for (let length = query.length - 11; length < whole.length; length++) {
      assert.throws(() => decodeReply(whole.subarray(0, length)), Error, String(length))
    }
  })
})

describe('damaged answers', () => {
  const good = replyTo(query, {
    answers: [cname('payments.shop', 'p.shop'), a('p.shop', '10.0.0.7'), srv('payments.shop', 't.shop', 80, 1, 2)],
    authorities: [soa('shop', 5)],
    additionals: [a('t.shop', '10.0.0.8'), { type: 'TXT', name: 't.shop', data: ['x', 'y'] } as const],
  })

  it('never do more than throw an error, in bounded time, and never yield a broken address', () => {
    const edit = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
    const damaged = fc.tuple(fc.array(edit, { minLength: 1, maxLength: 12 }), fc.nat(good.length))
    fc.assert(
      fc.property(damaged, ([edits, cut]) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of edits) bytes[at] = value
        readAll(bytes.subarray(0, cut === 0 ? good.length : cut))
      }),
      { seed, numRuns: 3000 },
    )
  })

  it('the same for bytes that were never an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        isReplyTo(query, bytes)
        readAll(bytes)
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('the worst that fits is refused before it is parsed: 4000 names through 8000 pointers each', () => {
    const bytes = Buffer.alloc(65_535)
    bytes.writeUInt16BE(0x8180, 2)
    const record = (at: number, name: number, length: number): number => {
      bytes.writeUInt16BE(name, at)
      bytes.writeUInt16BE(10, at + 2)
      bytes.writeUInt16BE(length, at + 10)
      return at + 12
    }
    // The first record carries a chain of pointers, each to the one before it and the first one to a root.
    // Its own name is the root: one byte, so that everything else stands one byte earlier than after a pointer.
    bytes.writeUInt16BE(10, 13)
    bytes.writeUInt16BE(16_000, 21)
    const chain = 23
    for (let at = chain + 2; at < chain + 16_000; at += 2) bytes.writeUInt16BE(0xc000 | (at - 2), at)
    let count = 1
    let at = chain + 16_000
    while (at + 12 <= bytes.length) {
      at = record(at, 0xc000 | (chain + 15_998), 0)
      count++
    }
    bytes.writeUInt16BE(count, 6)
    assert.throws(() => decodeReply(bytes.subarray(0, at)), /too many pointers/)
    // The same with one pointer for each name is an answer like any other.
    for (let link = chain + 2; link < chain + 16_000; link += 2) bytes.writeUInt16BE(0xc00c, link)
    assert.equal(decodeReply(bytes.subarray(0, at)).answered, count)
  })

  it('one long name that every record points to twice stops the parser in time', () => {
    const name = Buffer.concat([...Array.from({ length: 120 }, () => Buffer.from('\x01a')), Buffer.alloc(1)])
    const question = Buffer.concat([name, Buffer.from([0, 1, 0, 1])])
    const record = Buffer.from([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 1, 0, 2, 0xc0, 12])
    const message = (count: number): Buffer => {
      const head = Buffer.from([0, 7, 0x81, 0x80, 0, 1, count >> 8, count & 0xff, 0, 0, 0, 0])
      return Buffer.concat([head, question, ...Array.from({ length: count }, () => record)])
    }
    assert.throws(() => decodeReply(message(4662)), /too many labels/)
    assert.equal(decodeReply(message(250)).answered, 250)
  })

  it('the fullest answer that is meant well is read: 4000 addresses of a name with nine labels', () => {
    const name = 'a.b.c.payments.shop.svc.cluster.example.test'
    const head = replyTo(encodeQuery(name, 'A', 1, false), {})
    head.writeUInt16BE(4000, 6)
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 7])
    const reply = decodeReply(Buffer.concat([head, ...Array.from({ length: 4000 }, () => record)]))
    assert.equal(reply.answers.length, 4000)
    assert.equal(reply.answers.at(-1)?.name, name)
  })

  function readAll(bytes: Uint8Array): void {
    let reply: Reply | undefined
    try {
      reply = decodeReply(bytes)
    } catch (error) {
      assert.ok(error instanceof Error)
    }
    for (const record of [...(reply?.answers ?? []), ...(reply?.additionals ?? [])]) {
      assert.ok(record.ttl >= 0 && record.ttl < 2 ** 31)
      if (record.type === 'A') assert.match(record.address, /^\d+\.\d+\.\d+\.\d+$/)
      if (record.type === 'AAAA') assert.match(record.address, /^[0-9a-f:.]+$/)
    }
  }
})
