import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PolicySpec } from '@switchgear/core'
import { clientOf, httpOrigin, rawOrigin, until } from './origin.ts'

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 4 } },
  { timeout: '10s' },
  { retry: { maxAttempts: 3, delay: 1 } },
  { circuitBreaker: { consecutiveFailures: 3 } },
  { timeout: '5s' },
]

describe('a response body', () => {
  it('streams, and holds its slot until its last byte', async (t) => {
    let running: ServerResponse | undefined
    const origin = await httpOrigin(t, (_request, response) => {
      running = response
      response.write('first ')
    })
    const { client, policy, exchanges } = clientOf(t, { endpoints: [origin.url], policies })
    const response = await client.service('shop').fetch('/')
    const reader = (response.body ?? assert.fail()).pipeThrough(new TextDecoderStream()).getReader()
    assert.deepEqual(await reader.read(), { done: false, value: 'first ' })
    assert.equal(policy('bulkhead').inFlight, 1)
    assert.equal(exchanges.length, 0)
    running?.end('last')
    assert.deepEqual(await reader.read(), { done: false, value: 'last' })
    assert.equal((await reader.read()).done, true)
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.equal(exchanges.length, 1)
  })

  it('outlives a timeout inside retry, which bounds a try until its head', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => {
      response.write('slow ')
      setTimeout(() => response.end('but whole'), 600)
    })
    const { client } = clientOf(t, { endpoints: [origin.url], policies: policies.with(4, { timeout: 200 }) })
    const response = await client.service('shop').fetch('/')
    assert.equal(await response.text(), 'slow but whole')
  })

  it('arrives whole, and is not sent faster than it is read', async (t) => {
    const chunk = Buffer.alloc(65_536, 'switchgear')
    const chunks = 640
    let written = 0
    const origin = await httpOrigin(t, (_request, response) => {
      const write = (): void => {
        while (written < chunks) {
          written++
          if (!response.write(chunk)) {
            response.once('drain', write)
            return
          }
        }
        response.end()
      }
      write()
    })
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const response = await client.service('shop').fetch('/')
    await sleep(300)
    // What fits into the buffers of both kernels and ours; the whole is 40 MB.
    assert.ok(written < chunks / 2, `${written} of ${chunks} chunks were sent while nobody read`)
    const expected = createHash('sha256')
    for (let count = 0; count < chunks; count++) expected.update(chunk)
    const actual = createHash('sha256')
    for await (const part of response.body ?? assert.fail()) actual.update(part)
    assert.equal(actual.digest('hex'), expected.digest('hex'))
  })

  it('gives back its slot when it is short and nobody reads it', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.writeHead(404).end('x'.repeat(60_000)))
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    for (let call = 0; call < 20; call++) {
      const response = await client.service('shop').fetch('/')
      assert.equal(response.status, 404)
      await until(() => policy('bulkhead').inFlight === 0, 'the slot to be free')
    }
    // A connection is ready one turn after its last byte, and the next call may come before.
    assert.ok(origin.accepted <= 2, `${origin.accepted} connections`)
  })

  it('can still be read when it arrived long before', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('kept'))
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const response = await client.service('shop').fetch('/')
    await until(() => policy('bulkhead').inFlight === 0, 'the slot to be free')
    assert.equal(await response.text(), 'kept')
  })

  it('that its reader cancels closes the connection and is no failure', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.write('endless'))
    const { client, policy, exchanges } = clientOf(t, { endpoints: [origin.url], policies })
    const response = await client.service('shop').fetch('/')
    await response.body?.cancel()
    assert.equal(policy('bulkhead').inFlight, 0)
    await until(() => origin.open.size === 0, 'the connection to be closed')
    assert.equal(policy('circuitBreaker').totals.failures, 0)
    assert.equal(policy('circuitBreaker').totals.successes, 1)
    const { seconds: _, ...exchange } = exchanges[0] ?? assert.fail()
    assert.deepEqual(exchange, { service: 'shop', method: 'GET', status: 200, attempt: 1 })
  })
})

describe('a response cut in the middle', () => {
  const ways: Record<string, (response: ServerResponse) => void> = {
    'of chunks': (response) => response.write('half of '),
    'of a known length': (response) => response.writeHead(200, { 'content-length': '1000' }).write('half of '),
  }
  for (const [way, begin] of Object.entries(ways)) {
    it(`${way} errors its reader, naming the service, and is one further failure`, async (t) => {
      const origin = await httpOrigin(t, (_request, response) => {
        begin(response)
        setTimeout(() => response.destroy(), 50)
      })
      const { client, policy, exchanges, snapshot } = clientOf(t, { endpoints: [origin.url], policies })
      const response = await client.service('shop').fetch('/')
      assert.equal(response.status, 200)
      await assert.rejects(response.text(), (error: Error & { code: string }) => {
        assert.equal(error.code, 'SG_RESPONSE_CUT')
        assert.ok(
          error.message.startsWith(`shop: the response of ${origin.url} was cut in the middle of its body: `),
          error.message,
        )
        assert.ok(error.cause instanceof Error)
        return true
      })
      assert.equal(policy('circuitBreaker').totals.successes, 1)
      assert.equal(policy('circuitBreaker').totals.failures, 1)
      assert.equal(policy('circuitBreaker').consecutiveFailures, 1)
      assert.equal(policy('bulkhead').inFlight, 0)
      assert.equal(snapshot().calls?.inFlight, 0)
      const { seconds: _, ...exchange } = exchanges[0] ?? assert.fail()
      assert.deepEqual(exchange, {
        service: 'shop',
        method: 'GET',
        status: 200,
        errorCode: 'SG_RESPONSE_CUT',
        attempt: 1,
      })
    })
  }

  it('is counted when nobody reads, and nothing is unhandled', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => {
      response.write('half of ')
      setTimeout(() => response.destroy(), 20)
    })
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    await client.service('shop').fetch('/')
    await until(() => policy('circuitBreaker').totals.failures === 1, 'the failure')
    assert.equal(policy('bulkhead').inFlight, 0)
    // An unhandled rejection would surface in one of the next turns and fail this test.
    await sleep(50)
  })

  it('right behind the head is told to the reader', async (t) => {
    const origin = await rawOrigin(t, (socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'))
    })
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const response = await client.service('shop').fetch('/')
    await assert.rejects(response.text(), { code: 'SG_RESPONSE_CUT' })
    assert.equal(policy('circuitBreaker').totals.failures, 1)
  })

  it('opens the circuit where it is the trigger', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => {
      response.write('half of ')
      setTimeout(() => response.destroy(), 20)
    })
    const { client, policy } = clientOf(t, {
      endpoints: [origin.url],
      policies: policies.with(3, {
        circuitBreaker: { failureRatio: 0.5, minimumThroughput: 4, consecutiveFailures: false },
      }),
    })
    for (let call = 0; call < 2; call++) await assert.rejects((await client.service('shop').fetch('/')).text())
    assert.equal(policy('circuitBreaker').state, 'open')
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_CIRCUIT_OPEN' })
  })
})
