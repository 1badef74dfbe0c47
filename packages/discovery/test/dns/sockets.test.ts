// Real sockets against a server that misbehaves: what is believed, what is dropped, and that nothing is left open.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@switchgear/core'
import { seededRandom } from '@switchgear/core/testing'
import { dnsResolver } from '../../src/dns/dns-resolver.ts'
import { Servers } from '../../src/dns/servers.ts'
import { socketTransport } from '../../src/dns/transport.ts'
import type { Reply } from '../../src/dns/wire.ts'
import { a, Ear, replyTo } from './fake-dns.ts'
import { framed, nastyServer, type NastyServer } from './nasty-server.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)
const good = { answers: [a('x', '10.1.1.1')] }
const many = { answers: Array.from({ length: 500 }, (_, index) => a('x', `10.2.${index >> 8}.${index & 255}`)) }
const truncated = { flags: 1 << 9 }
const untroubled = new AbortController().signal

/** One question to `server`, with a time-out that is only waited for where a test wants it. */
function ask(
  { port }: Pick<NastyServer, 'port'>,
  { timeoutMs = 5000, attempts = 1, signal = untroubled, address = '127.0.0.1' } = {},
) {
  let strangers = 0
  const servers = new Servers(
    socketTransport(() => strangers++),
    systemClock,
    100,
  )
  const conf = { servers: [{ address, port }], search: [], ndots: 1, timeoutMs, attempts, rotate: false }
  const outcome: Promise<Reply | Error> = servers.ask(conf, 'x', 'A', signal).catch((error: Error) => error)
  return outcome.then((reply) => ({
    strangers,
    servers,
    error: reply instanceof Error ? reply.message : undefined,
    addresses:
      reply instanceof Error ? [] : reply.answers.flatMap((record) => ('address' in record ? [record.address] : [])),
  }))
}

/** Every socket that is opened while it is in use. */
function openSockets(): { open(): number; [Symbol.dispose](): void } {
  const sockets = new Set<UdpSocket | Socket>()
  const opened = (message: unknown): void => {
    const { socket } = message as { socket: UdpSocket | Socket }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  const channels = ['udp.socket', 'net.client.socket']
  for (const channel of channels) subscribe(channel, opened)
  return {
    open: () => sockets.size,
    [Symbol.dispose]: () => {
      for (const channel of channels) unsubscribe(channel, opened)
    },
  }
}

describe('over UDP', () => {
  it('only the answer is believed: not another id, not another question, not a query, not garbage', async () => {
    await using server = await nastyServer()
    server.onUdp = ({ query, send }) => {
      const forged = (change: (bytes: Buffer) => void): void => {
        const bytes = replyTo(query, { answers: [a('x', '10.6.6.6')] })
        change(bytes)
        send(bytes)
      }
      forged((bytes) => bytes.writeUInt16BE((bytes.readUInt16BE(0) + 1) & 0xffff, 0))
      forged((bytes) => bytes.write('y', 13))
      forged((bytes) => bytes.writeUInt8(0, 2))
      send(Buffer.from('no DNS at all'))
      send(Buffer.alloc(0))
      send(replyTo(query, good))
    }
    const { addresses, strangers } = await ask(server)
    assert.deepEqual(addresses, ['10.1.1.1'])
    assert.equal(strangers, 5)
  })

  it('what another socket sends is not believed, however right it looks', async () => {
    await using server = await nastyServer()
    const liar = createSocket('udp4')
    try {
      server.onUdp = ({ query, from, send }) => {
        const lie = replyTo(query, { answers: [a('x', '10.6.6.6')] })
        liar.send(lie, from.port, from.address, () => setTimeout(() => send(replyTo(query, good)), 50))
      }
      assert.deepEqual((await ask(server)).addresses, ['10.1.1.1'])
    } finally {
      liar.close()
    }
  })

  it('every question has a port and an id of its own', async () => {
    await using server = await nastyServer()
    const ports: number[] = []
    server.onUdp = ({ query, from, send }) => {
      ports.push(from.port)
      send(replyTo(query, good))
    }
    for (let question = 0; question < 40; question++) await ask(server)
    assert.ok(new Set(ports).size > 30, ports.join(' '))
    // Ports that count up could be guessed.
    const steps = ports.slice(1).filter((port, index) => Math.abs(port - (ports[index] ?? 0)) <= 2).length
    assert.ok(steps < 10, ports.join(' '))
  })

  it('a question that got lost is asked again; an answer that comes too late is no answer', async () => {
    await using server = await nastyServer()
    let questions = 0
    server.onUdp = ({ query, send }) => {
      if (++questions === 2) send(replyTo(query, good))
      else setTimeout(() => send(replyTo(query, { answers: [a('x', '10.6.6.6')] })), 900)
    }
    const { addresses } = await ask(server, { timeoutMs: 700, attempts: 2 })
    assert.deepEqual(addresses, ['10.1.1.1'])
    await sleep(300)
  })

  it('a port where nobody listens is known at once', async () => {
    const server = await nastyServer()
    await server[Symbol.asyncDispose]()
    const begun = performance.now()
    const { error } = await ask(server, { timeoutMs: 20_000 })
    assert.match(error ?? '', /ECONNREFUSED/)
    assert.ok(performance.now() - begun < 5000)
  })

  it('works over IPv6', { skip: !hasIpv6() && 'no IPv6 here' }, async () => {
    await using server = await nastyServer('::1')
    server.onUdp = ({ query, send }) => send(replyTo(query, truncated))
    server.onTcp = (query, socket) => socket.write(framed(replyTo(query, good)))
    assert.deepEqual((await ask(server, { address: '::1' })).addresses, ['10.1.1.1'])
  })
})

describe('what does not fit', () => {
  it('comes over TCP, in whatever pieces', async () => {
    await using server = await nastyServer()
    server.onUdp = ({ query, send }) => send(replyTo(query, truncated))
    server.onTcp = (query, socket) => {
      const bytes = framed(replyTo(query, many))
      socket.write(bytes.subarray(0, 1))
      setTimeout(() => socket.write(bytes.subarray(1, 3000)), 20)
      setTimeout(() => socket.end(Buffer.concat([bytes.subarray(3000), Buffer.from('and more')])), 40)
    }
    const { addresses, servers } = await ask(server)
    assert.equal(addresses.length, 500)
    assert.equal(servers.overTcp, 1)
  })

  const troubles: Record<string, [NastyServer['onTcp'], RegExp]> = {
    'a connection that is closed too early': [(_, socket) => socket.end(Buffer.from([1, 0, 7])), /closed before/],
    'a connection that is reset': [(_, socket) => socket.resetAndDestroy(), /ECONNRESET|closed before/],
    'an answer to another question': [
      (query, socket) => {
        const bytes = replyTo(query, good)
        bytes.writeUInt16BE((bytes.readUInt16BE(0) + 1) & 0xffff, 0)
        socket.write(framed(bytes))
      },
      /another question/,
    ],
    'an answer of no length': [(_, socket) => socket.write(Buffer.from([0, 0])), /another question/],
    damage: [(query, socket) => socket.write(framed(replyTo(query, good).subarray(0, 25))), /damaged/],
    silence: [() => {}, /no answer in time/],
  }
  for (const [what, [onTcp, message]] of Object.entries(troubles)) {
    it(`is no answer after ${what}`, async () => {
      using sockets = openSockets()
      await using server = await nastyServer()
      server.onUdp = ({ query, send }) => send(replyTo(query, truncated))
      server.onTcp = onTcp
      assert.match((await ask(server, { timeoutMs: what === 'silence' ? 300 : 20_000 })).error ?? '', message)
      await settled(() => sockets.open() === 1) // The server's own.
    })
  }
})

describe('damage', () => {
  it('of any sort never gets out of the socket, seeded', async () => {
    const random = seededRandom(seed)
    const below = (bound: number): number => Math.floor(random() * bound)
    await using server = await nastyServer()
    server.onUdp = ({ query, send }) => {
      const whole = replyTo(query, { answers: many.answers.slice(0, 1 + below(5)) })
      for (let damage = 0; damage < 30; damage++) {
        const bytes = Buffer.from(whole)
        // The header's flags and counts, or anything behind the question: sometimes it passes for an answer.
        for (let edits = 1 + below(8); edits > 0; edits--) bytes[3 + below(bytes.length - 3)] = below(256)
        send(bytes.subarray(0, below(4) === 0 ? below(bytes.length) : bytes.length))
      }
      send(whole)
    }
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => ask(server, { timeoutMs: 3000 })))
    assert.ok(outcomes.some(({ strangers }) => strangers > 0))
    assert.ok(outcomes.some(({ addresses }) => addresses.length > 0))
    for (const { error } of outcomes) assert.match(error ?? 'dns: no answer for x. A', /^dns: no answer for x\. A/)
  })
})

describe('the resolver on sockets', () => {
  it('leaves none open when it is closed in the middle of questions', async () => {
    using sockets = openSockets()
    await using server = await nastyServer()
    let isAsked = false
    server.onUdp = ({ query, send }) => {
      // AAAA goes on to TCP and waits there, A waits where it is.
      if (query.at(-11 - 3) === 28) send(replyTo(query, truncated))
    }
    server.onTcp = () => (isAsked = true)
    const ear = new Ear()
    const resolver = dnsResolver({
      port: 80,
      servers: [`127.0.0.1:${server.port}`],
      hosts: false,
      resolvConf: false,
      timeout: '30s',
    })
    resolver.watch('x.', ear)
    await settled(() => isAsked)
    assert.equal(sockets.open(), 3)
    await resolver.close()
    await settled(() => sockets.open() === 1)
    assert.deepEqual(ear.heard, [])
    assert.deepEqual({ ...resolver.totals }, { sent: 3, overTcp: 1, failed: 0, strangers: 0 })
  })

  for (const [when, found] of [
    ['asks', ''],
    ['waits to ask again', 'const hold = setInterval(() => {}, 1000); found = () => clearInterval(hold)'],
  ] as const) {
    it(`does not keep the process alive while it ${when}`, async () => {
      await using server = await nastyServer()
      server.onUdp = ({ query, send }) => {
        if (found !== '') send(replyTo(query, good))
      }
      const program = `
        import { dnsResolver } from ${JSON.stringify(new URL('../../src/dns/dns-resolver.ts', import.meta.url).href)}
        let found = () => {}
        ${found}
        const servers = ['127.0.0.1:${server.port}']
        dnsResolver({ port: 80, family: 'ipv4', timeout: '60s', servers }).watch('x.', { found: () => found(), failed() {} })`
      const child = spawn(process.execPath, [
        '--conditions=@switchgear/source',
        '--input-type=module',
        '--eval',
        program,
      ])
      // Far below the time-out and the TTL of 60 s.
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      const [code] = (await once(child, 'exit')) as [number | null]
      clearTimeout(timer)
      assert.equal(code, 0)
    })
  }
})

/** Waits until something holds, for at most 10 s. */
async function settled(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !holds(); turn++) await sleep(10)
  assert.ok(holds())
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
}
