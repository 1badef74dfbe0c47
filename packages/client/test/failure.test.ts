import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PolicySpec, Registry } from '@switchgear/core'
import { explain } from '@switchgear/core/explain'
import { seededRandom } from '@switchgear/core/testing'
import { clientErrors, createClient } from '../src/index.ts'
import { clientOf, deadPort, httpOrigin, rawOrigin, until } from './origin.ts'

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 8 } },
  { timeout: '10s' },
  { retry: { maxAttempts: 2, delay: 1 } },
  { circuitBreaker: { consecutiveFailures: 100 } },
  { timeout: '5s' },
]

describe('bad configuration', () => {
  const good = { endpoints: ['http://127.0.0.1:1'] }
  const cases: [string, object, string | RegExp][] = [
    ['no endpoint', { endpoints: [] }, 'services.shop.endpoints must list at least one endpoint'],
    ['endpoints missing', {}, 'services.shop.endpoints must list at least one endpoint'],
    [
      'an endpoint without a scheme',
      { endpoints: ['http://127.0.0.1:1', 'localhost:4001'] },
      "services.shop.endpoints[1] must be an origin such as 'http://127.0.0.1:4001', got 'localhost:4001'",
    ],
    ['no URL at all', { endpoints: ['http://'] }, /endpoints\[0\] must be an origin .* got 'http:\/\/'/],
    ['a number', { endpoints: [4001] }, /endpoints\[0\] .* got number/],
    ['another protocol', { endpoints: ['ftp://files'] }, /got 'ftp:\/\/files'/],
    ['a path', { endpoints: ['http://127.0.0.1:1/api'] }, /without a path, got 'http:\/\/127.0.0.1:1\/api'/],
    ['a bad port', { endpoints: ['http://127.0.0.1:99999'] }, /got 'http:\/\/127.0.0.1:99999'/],
    ['a bad policy', { ...good, policies: [{ bulkhead: { maxInFlight: 0 } }] }, /bulkhead\.maxInFlight must be/],
    ['an unknown policy', { ...good, policies: [{ hedgehog: {} }] }, /hedgehog/],
    ['a policy that is no object', { ...good, policies: [null] }, /policies\[0\]/],
    [
      'a fallback among the policies',
      { ...good, policies: [{ timeout: 1 }, { fallback: { value: 1 } }] },
      'services.shop.policies[1] must not be a fallback: what to answer instead stands in services.shop.fallback',
    ],
    ['an empty fallback', { ...good, fallback: {} }, /services\.shop\.fallback must give cached, status or body/],
    ['a bad status', { ...good, fallback: { status: 100 } }, /services\.shop\.fallback\.status must be .* got 100/],
    ['a misspelt option', { ...good, fallback: { boddy: '' } }, /fallback\.boddy is not an option; known are/],
    [
      'a bad size',
      { ...good, fallback: { cached: { maxBytes: '1 mb' } } },
      /fallback\.cached\.maxBytes must be a size .* got '1 mb'/,
    ],
    [
      'a bad count',
      { ...good, fallback: { cached: { maxEntries: 0 } } },
      /fallback\.cached\.maxEntries must be .* got 0/,
    ],
    [
      'a misspelt bound',
      { ...good, fallback: { cached: { maxEntry: 1 } } },
      /fallback\.cached\.maxEntry is not an option/,
    ],
    ['a bad name', { ...good, fallback: { body: '', name: 'a\nb' } }, /fallback\.name must be/],
    [
      'a bad header',
      { ...good, fallback: { body: '', headers: { 'x y': '1' } } },
      /fallback\.headers: 'x y' is not a valid header/,
    ],
  ]
  for (const [name, service, message] of cases) {
    it(`is refused by name: ${name}`, () => {
      assert.throws(() => createClient({ services: { shop: service as typeof good } }), {
        code: 'SG_BAD_OPTIONS',
        message,
      })
    })
  }

  it('never repeats a password', () => {
    for (const endpoint of [
      'http://user:top-secret@127.0.0.1:1',
      'http://user:top-secret@:x',
      'user:top-secret@host',
    ]) {
      assert.throws(
        () => createClient({ services: { shop: { endpoints: [endpoint] } } }),
        (error: Error) =>
          error.message.startsWith('services.shop.endpoints[0] must be') && !error.message.includes('top-secret'),
      )
    }
  })

  it('is refused when the registry has a pipeline of that name', () => {
    const registry = new Registry()
    createClient({ services: { shop: good }, registry })
    assert.throws(() => createClient({ services: { shop: good }, registry }), { code: 'SG_DUPLICATE_NAME' })
  })
})

describe('a failing endpoint', () => {
  it('that is a dead port is named, with its service and the cause', async (t) => {
    const port = await deadPort(t)
    const { client, policy, exchanges } = clientOf(t, { endpoints: [`http://127.0.0.1:${port}`], policies })
    await assert.rejects(client.service('shop').fetch('/'), (error: Error & { code: string; pipeline: string }) => {
      assert.equal(error.code, 'SG_UNREACHABLE')
      assert.equal(error.pipeline, 'shop')
      assert.equal(
        error.message,
        `shop: http://127.0.0.1:${port} could not be reached: connect ECONNREFUSED 127.0.0.1:${port}`,
      )
      assert.equal((error.cause as { code: string }).code, 'ECONNREFUSED')
      return true
    })
    assert.equal(policy('circuitBreaker').totals.failures, 2)
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.deepEqual(
      exchanges.map(({ attempt, errorCode, status }) => [attempt, errorCode, status]),
      [
        [1, 'SG_UNREACHABLE', undefined],
        [2, 'SG_UNREACHABLE', undefined],
      ],
    )
  })

  it('with several addresses is named all the same', async (t) => {
    const port = await deadPort(t)
    const { client } = clientOf(t, { endpoints: [`http://localhost:${port}`], policies })
    await assert.rejects(client.service('shop').fetch('/'), {
      code: 'SG_UNREACHABLE',
      message: new RegExp(`^shop: http://localhost:${port} could not be reached: .*ECONNREFUSED`),
    })
  })

  it('that speaks no TLS is named', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end())
    const { client } = clientOf(t, { endpoints: [`https://127.0.0.1:${origin.port}`], policies })
    await assert.rejects(client.service('shop').fetch('/'), {
      code: 'SG_UNREACHABLE',
      message: /^shop: https:\/\/127\.0\.0\.1:\d+ /,
    })
  })

  it('is left for another one', async (t) => {
    const port = await deadPort(t)
    const origin = await httpOrigin(t, (_request, response) => response.end('alive'))
    const { client } = clientOf(t, { endpoints: [`http://127.0.0.1:${port}`, origin.url], policies })
    for (let call = 0; call < 6; call++) assert.equal(await (await client.service('shop').fetch('/')).text(), 'alive')
  })

  it('that hangs up before it answers is named', async (t) => {
    const origin = await rawOrigin(t, (socket) => socket.once('data', () => socket.destroy()))
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    await assert.rejects(client.service('shop').fetch('/'), {
      code: 'SG_CONNECTION_LOST',
      message: new RegExp(`^shop: the connection to ${origin.url} broke before a response: `),
    })
    assert.equal(policy('circuitBreaker').totals.failures, 2)
  })

  const nonsense: Record<string, string> = {
    'no HTTP': 'SSH-2.0-OpenSSH_9.9\r\n',
    'a status that is none': 'HTTP/1.1 777 Odd\r\ncontent-length: 0\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx',
    'too many headers': `HTTP/1.1 200 OK\r\n${`x-filler: ${'y'.repeat(1000)}\r\n`.repeat(40)}\r\n`,
  }
  for (const [name, answer] of Object.entries(nonsense)) {
    it(`that answers ${name} is named`, async (t) => {
      const origin = await rawOrigin(t, (socket) => socket.on('data', () => socket.write(answer)))
      const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
      await assert.rejects(client.service('shop').fetch('/'), {
        code: 'SG_BAD_RESPONSE',
        message: new RegExp(`^shop: ${origin.url} did not answer with a valid HTTP response: `),
      })
      assert.equal(policy('circuitBreaker').totals.failures, 2)
      // One that ended as it should may be kept for the next call, but not longer than its client.
      await client.close()
      await until(() => origin.open.size === 0, 'the connections to be closed')
    })
  }
})

describe('a body that the caller gives', () => {
  it("and that breaks is the caller's failure", async (t) => {
    const origin = await httpOrigin(t, (request, response) => request.resume().on('end', () => response.end()))
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const broken = new Error('the disk is gone')
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('begun')
      throw broken
    }
    for (const body of [source(), ReadableStream.from(source()), Readable.from(source())]) {
      await assert.rejects(client.service('shop').fetch('/', { method: 'PUT', body }), (error) => error === broken)
    }
    assert.equal(policy('circuitBreaker').totals.failures, 0)
    assert.equal(policy('circuitBreaker').totals.ignored, 3)
    assert.equal(policy('bulkhead').inFlight, 0)
    await until(() => origin.open.size === 0, 'the connections to be closed')
  })

  it('of something else than bytes is refused', async (t) => {
    const origin = await httpOrigin(t, (request, response) => request.resume().on('end', () => response.end()))
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const body = ReadableStream.from([42]) as unknown as ReadableStream<Uint8Array>
    await assert.rejects(
      client.service('shop').fetch('/', { method: 'PUT', body }),
      /a body's chunks must be bytes, got number/,
    )
  })

  it('and that is in use is refused', async (t) => {
    const { client } = clientOf(t, { endpoints: ['http://127.0.0.1:1'], policies })
    const body = ReadableStream.from([Buffer.from('x')])
    body.getReader()
    await assert.rejects(client.service('shop').fetch('/', { method: 'PUT', body }), { code: 'SG_BAD_OPTIONS' })
  })

  it('is cancelled when it is not sent, however the call ends', async (t) => {
    const port = await deadPort(t)
    const origin = await httpOrigin(t, () => undefined)
    const early = await httpOrigin(t, (_request, response) => response.end('no need'))
    const open: PolicySpec[] = [{ circuitBreaker: { consecutiveFailures: 1 } }]
    const dead = clientOf(t, { endpoints: [`http://127.0.0.1:${port}`], policies: open })
    const silent = clientOf(t, { endpoints: [origin.url], policies: [{ timeout: 100 }] })
    const answering = clientOf(t, { endpoints: [early.url], policies })
    const closed = clientOf(t, { endpoints: [early.url], policies })
    const replaced = clientOf(t, { endpoints: [`http://127.0.0.1:${port}`], policies, fallback: { body: 'instead' } })
    await closed.client.close()
    const calls: Record<string, (body: ReadableStream<Uint8Array>) => Promise<unknown>> = {
      'no connection': (body) => dead.client.service('shop').fetch('/', { method: 'POST', body }),
      'open circuit': (body) => dead.client.service('shop').fetch('/', { method: 'POST', body }),
      timeout: (body) => silent.client.service('shop').fetch('/', { method: 'POST', body }),
      abort: (body) =>
        silent.client.service('shop').fetch('/', { method: 'POST', body, signal: AbortSignal.timeout(20) }),
      'passed deadline': (body) => silent.client.service('shop').fetch('/', { method: 'POST', body, deadline: 0 }),
      'early abort': (body) =>
        silent.client.service('shop').fetch('/', { method: 'POST', body, signal: AbortSignal.abort() }),
      'bad path': (body) => silent.client.service('shop').fetch('no slash', { method: 'POST', body }),
      'bad method': (body) => silent.client.service('shop').fetch('/', { body }),
      'closed client': (body) => closed.client.service('shop').fetch('/', { method: 'POST', body }),
      fallback: async (body) => {
        const response = await replaced.client.service('shop').fetch('/', { method: 'POST', body })
        assert.equal(response.headers.get('switchgear-fallback'), 'fallback')
        throw new Error('the fallback answered')
      },
      'early answer': async (body) => {
        const response = await answering.client.service('shop').fetch('/', { method: 'POST', body })
        assert.equal(await response.text(), 'no need')
        throw new Error('the answer came first')
      },
    }
    for (const [name, call] of Object.entries(calls)) {
      let cancelled = false
      const body = new ReadableStream<Uint8Array>({
        start: (sink) => sink.enqueue(Buffer.from('begun')),
        cancel: () => {
          cancelled = true
        },
      })
      await assert.rejects(call(body), name)
      await until(() => cancelled, `the body to be cancelled after: ${name}`)
    }
  })

  it('as a Node stream or a generator is released too', async (t) => {
    const port = await deadPort(t)
    const { client } = clientOf(t, { endpoints: [`http://127.0.0.1:${port}`], policies })
    const stream = new Readable({ read: () => undefined })
    await assert.rejects(client.service('shop').fetch('/', { method: 'POST', body: stream }), {
      code: 'SG_UNREACHABLE',
    })
    await until(() => stream.destroyed, 'the stream to be destroyed')
  })
})

describe('a listener that throws', () => {
  it('breaks no call', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('done'))
    const { client } = clientOf(
      t,
      { endpoints: [origin.url], policies },
      {
        onExchange: () => {
          throw new Error('a broken meter')
        },
      },
    )
    assert.equal(await (await client.service('shop').fetch('/')).text(), 'done')
  })
})

describe('the errors of this package', () => {
  it('are documented, each once, and none stands in the way of one of core', () => {
    const codes = clientErrors.map(({ code }) => code)
    assert.equal(new Set(codes).size, codes.length)
    for (const { code, title, advice } of clientErrors) {
      assert.match(code, /^SG_[A-Z_]+$/)
      assert.ok(title.endsWith('.') && advice.length > 40, code)
      assert.equal(explain(code), undefined, code)
    }
  })
})

describe('many calls at once, going wrong in every way', () => {
  it('leave no slot, connection, timer or rejection behind', async (t) => {
    const random = seededRandom(7)
    const origin = await httpOrigin(t, (_request, response) => {
      const fate = random()
      if (fate < 0.2) response.end('x'.repeat(Math.floor(random() * 200_000)))
      else if (fate < 0.35) response.writeHead(503).end('x'.repeat(Math.floor(random() * 50_000)))
      else if (fate < 0.5) response.socket?.destroy()
      else if (fate < 0.65) {
        response.write('half')
        setTimeout(() => response.destroy(), random() * 20)
      } else if (fate < 0.8) response.write('a body that stands still')
    })
    const stack = policies
      .with(0, { bulkhead: { maxInFlight: 40, maxQueue: 20 } })
      .with(1, { timeout: 300 })
      .with(3, { circuitBreaker: { failureRatio: 0.4, minimumThroughput: 20, openFor: 40 } })
      .with(4, { timeout: 60 })
    const { client, policy, snapshot } = clientOf(t, { endpoints: [origin.url], policies: stack }, { random })
    const ends = new Map<string, number>()
    const call = async (): Promise<void> => {
      const signal = random() < 0.2 ? AbortSignal.timeout(Math.ceil(random() * 80)) : undefined
      let end = 'answered'
      try {
        const response = await client.service('shop').fetch('/', { signal })
        if (random() < 0.2) await response.body?.cancel()
        else if (random() < 0.8) await response.text()
      } catch (error) {
        end = (error as { code?: string | number; name: string }).code?.toString() ?? (error as Error).name
      }
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    const calls: Promise<void>[] = []
    for (let index = 0; index < 600; index++) {
      calls.push(call())
      if (index % 6 === 0) await sleep(5)
    }
    await Promise.all(calls)
    await until(() => snapshot().calls?.inFlight === 0, 'all calls to end')
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.equal(policy('bulkhead').queued, 0)
    assert.equal(policy('circuitBreaker').probesInFlight, 0)
    for (const end of ['answered', 'SG_TIMEOUT', 'SG_RESPONSE_CUT', 'SG_CIRCUIT_OPEN'])
      assert.ok(ends.has(end), `${end}: ${[...ends].join(' ')}`)
    await client.close()
    await until(() => origin.open.size === 0, 'all connections to be closed')
    await origin.close()
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')
    // The runner's own, and one that this test waits with at most.
    assert.ok(timers.length <= 3, timers.join())
  })
})
