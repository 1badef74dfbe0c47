import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PolicySpec, systemClock } from '@switchgear/core'
import { clientOf, httpOrigin, rawOrigin, until } from './origin.ts'

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 1, maxQueue: 1 } },
  { timeout: { after: '8s', name: 'total' } },
  { retry: { maxAttempts: 2, delay: 3000, jitter: 0 } },
  { circuitBreaker: { consecutiveFailures: 3 } },
  { timeout: { after: '4s', name: 'try' } },
]

/** Answers nothing, ever. */
const silence = (): void => undefined

describe("the caller's abort", () => {
  const reason = new Error('the customer left')

  it('answers at once with its reason and ends the request', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy, exchanges, snapshot } = clientOf(t, { endpoints: [origin.url], policies })
    const controller = new AbortController()
    const call = client.service('shop').fetch('/', { signal: controller.signal })
    await until(() => origin.open.size === 1, 'the request to arrive')
    controller.abort(reason)
    await assert.rejects(call, (error) => error === reason)
    await until(() => origin.open.size === 0, 'the connection to be closed')
    assert.equal(policy('circuitBreaker').totals.ignored, 1)
    assert.equal(policy('circuitBreaker').totals.failures, 0)
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.equal(snapshot().calls?.ignored, 1)
    assert.equal(exchanges[0]?.errorCode, 'aborted')
  })

  it('may have any reason, also one that is no error', async (t) => {
    const origin = await httpOrigin(t, (request, response) => {
      if (request.url === '/body') response.write('begun')
    })
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    for (const path of ['/head', '/body']) {
      const controller = new AbortController()
      setTimeout(() => controller.abort('enough'), 50)
      const call = client.service('shop').fetch(path, { signal: controller.signal })
      await assert.rejects(
        call.then((response) => response.text()),
        (error) => error === 'enough',
      )
    }
  })

  it('that came before keeps the call from running', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    await assert.rejects(
      client.service('shop').fetch('/', { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    )
    const controller = new AbortController()
    const call = client.service('shop').fetch('/', { signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(call, (error) => error === reason)
    await sleep(20)
    assert.equal(origin.accepted, 0)
    assert.equal(policy('bulkhead').inFlight, 0)
  })

  it('ends a response while it is read, and is no failure', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.write('begun'))
    const { client, policy, exchanges } = clientOf(t, { endpoints: [origin.url], policies })
    const controller = new AbortController()
    const response = await client.service('shop').fetch('/', { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 30)
    await assert.rejects(response.text(), (error) => error === reason)
    await until(() => origin.open.size === 0, 'the connection to be closed')
    assert.equal(policy('circuitBreaker').totals.failures, 0)
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.equal(exchanges[0]?.errorCode, 'aborted')
  })

  it('ends a wait between tries', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.writeHead(503).end())
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const controller = new AbortController()
    const begun = performance.now()
    const call = client.service('shop').fetch('/', { signal: controller.signal })
    await until(() => policy('retry').totals.retries === 1, 'the wait')
    controller.abort(reason)
    await assert.rejects(call, (error) => error === reason)
    assert.ok(performance.now() - begun < 2500, 'it waited for the next try')
    assert.equal(policy('bulkhead').inFlight, 0)
  })

  it('leaves the queue of the bulkhead', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const first = new AbortController()
    const second = new AbortController()
    const running = client.service('shop').fetch('/', { signal: first.signal })
    const queued = client.service('shop').fetch('/', { signal: second.signal })
    await until(() => policy('bulkhead').queued === 1, 'the queue')
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_BULKHEAD_FULL' })
    second.abort(reason)
    await assert.rejects(queued, (error) => error === reason)
    assert.equal(policy('bulkhead').queued, 0)
    await until(() => origin.accepted === 1, 'the first call to arrive')
    first.abort(reason)
    await assert.rejects(running, (error) => error === reason)
  })

  it('does not wait for a connection that never stands', async (t) => {
    const origin = await rawOrigin(t, silence)
    // TLS that is never answered: the connection stays in the making.
    const { client } = clientOf(t, { endpoints: [`https://127.0.0.1:${origin.port}`], policies })
    const controller = new AbortController()
    const call = client.service('shop').fetch('/', { signal: controller.signal })
    await until(() => origin.open.size === 1, 'the connection')
    const begun = performance.now()
    controller.abort(reason)
    await assert.rejects(call, (error) => error === reason)
    assert.ok(performance.now() - begun < 1000)
  })

  it('leaves no listener on a signal that lives on', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('done'))
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
    for (let call = 0; call < 5; call++) await (await client.service('shop').fetch('/', { signal })).text()
    assert.equal(listeners, 0)
  })
})

describe("the caller's deadline", () => {
  it('caps a call', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const begun = performance.now()
    await assert.rejects(client.service('shop').fetch('/', { deadline: systemClock.now() + 150 }), {
      code: 'SG_DEADLINE_EXCEEDED',
      message: /^shop: /,
    })
    const took = performance.now() - begun
    assert.ok(took >= 149 && took < 2000, `${took} ms`)
    await until(() => origin.open.size === 0, 'the connection to be closed')
    assert.equal(policy('circuitBreaker').totals.failures, 1)
  })

  it('caps the body too', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.write('begun'))
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const response = await client.service('shop').fetch('/', { deadline: systemClock.now() + 200 })
    await assert.rejects(response.text(), { code: 'SG_DEADLINE_EXCEEDED' })
  })

  it('that has passed lets nothing run', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    await assert.rejects(client.service('shop').fetch('/', { deadline: systemClock.now() - 1 }), {
      code: 'SG_DEADLINE_EXCEEDED',
    })
    assert.equal(policy('bulkhead').totals.admitted, 0)
    assert.equal(origin.accepted, 0)
  })

  it('caps a wait in the queue', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const controller = new AbortController()
    const running = client.service('shop').fetch('/', { signal: controller.signal })
    const queued = client.service('shop').fetch('/', { deadline: systemClock.now() + 100 })
    await assert.rejects(queued, { code: 'SG_DEADLINE_EXCEEDED' })
    assert.equal(policy('bulkhead').queued, 0)
    controller.abort()
    await assert.rejects(running, { name: 'AbortError' })
  })
})

describe('an upstream that never answers', () => {
  const quick = policies
    .with(0, { bulkhead: {} })
    .with(2, { retry: { maxAttempts: 2, delay: 1 } })
    .with(4, { timeout: { after: 100, name: 'try' } })

  it('gives SG_TIMEOUT, and opens the circuit', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy, exchanges } = clientOf(t, { endpoints: [origin.url], policies: quick })
    await assert.rejects(client.service('shop').fetch('/'), {
      code: 'SG_TIMEOUT',
      policy: 'try',
      message: 'shop: try: no answer within 100 ms',
    })
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_CIRCUIT_OPEN' })
    assert.equal(policy('circuitBreaker').totals.failures, 3)
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_CIRCUIT_OPEN' })
    await until(() => origin.open.size === 0, 'the connections to be closed')
    assert.deepEqual(
      exchanges.map(({ attempt, errorCode }) => [attempt, errorCode]),
      [
        [1, 'SG_TIMEOUT'],
        [2, 'SG_TIMEOUT'],
        [1, 'SG_TIMEOUT'],
      ],
    )
    assert.equal(policy('bulkhead').inFlight, 0)
  })

  it('is told to a pipeline without retry', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client, policy } = clientOf(t, {
      endpoints: [origin.url],
      policies: [{ circuitBreaker: {} }, { timeout: 100 }],
    })
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_TIMEOUT', policy: 'timeout' })
    assert.equal(policy('circuitBreaker').totals.failures, 1)
    assert.equal(policy('timeout').totals.timeouts, 1)
  })

  it('is ended by the total timeout where that is earlier', async (t) => {
    const origin = await httpOrigin(t, silence)
    const { client } = clientOf(t, {
      endpoints: [origin.url],
      policies: quick.with(1, { timeout: { after: 50, name: 'total' } }),
    })
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_TIMEOUT', policy: 'total' })
  })

  it('may be one that never makes a connection', async (t) => {
    const origin = await rawOrigin(t, (socket) => socket.resume())
    const { client } = clientOf(t, { endpoints: [`https://127.0.0.1:${origin.port}`], policies: quick })
    const begun = performance.now()
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_TIMEOUT' })
    assert.ok(performance.now() - begun < 2000)
    assert.ok(origin.open.size > 0, 'nothing was in the making')
    const closing = performance.now()
    await client.close()
    await until(() => origin.open.size === 0, 'the connections to be closed')
    // Much less than the time-out of a connection.
    assert.ok(performance.now() - closing < 1500)
  })

  it('is left to its connection for three seconds and not longer', async (t) => {
    const origin = await rawOrigin(t, (socket) => socket.resume())
    const { client } = clientOf(t, { endpoints: [`https://127.0.0.1:${origin.port}`], policies: [{ timeout: '20s' }] })
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_UNREACHABLE' })
    await until(() => origin.open.size === 0, 'the connection to be closed')
  })

  it('may stop in the middle of its body: the total timeout ends that, as a failure', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.write('a part and then nothing'))
    const { client, policy, exchanges } = clientOf(t, {
      endpoints: [origin.url],
      policies: quick.with(1, { timeout: { after: 300, name: 'total' } }),
    })
    const response = await client.service('shop').fetch('/')
    await assert.rejects(response.text(), { code: 'SG_TIMEOUT', policy: 'total' })
    assert.equal(policy('circuitBreaker').totals.failures, 1)
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.equal(exchanges[0]?.errorCode, 'SG_TIMEOUT')
    await until(() => origin.open.size === 0, 'the connection to be closed')
  })

  it('is not blamed for a reader that is too slow', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end(Buffer.alloc(20_000_000)))
    const { client, policy } = clientOf(t, {
      endpoints: [origin.url],
      policies: quick.with(1, { timeout: { after: 300, name: 'total' } }),
    })
    const response = await client.service('shop').fetch('/')
    await until(() => policy('bulkhead').inFlight === 0, 'the slot to be free')
    await assert.rejects(response.text(), { code: 'SG_TIMEOUT' })
    assert.equal(policy('circuitBreaker').totals.failures, 0)
  })
})

describe('client.close', () => {
  it('ends calls, waits and bodies, and leaves no connection', async (t) => {
    const origin = await httpOrigin(t, (request, response) => {
      if (request.url === '/body') response.write('begun')
      if (request.url === '/503') response.writeHead(503).end()
    })
    const wide = policies.with(0, { bulkhead: { maxInFlight: 3, maxQueue: 1 } })
    const { client, policy, snapshot } = clientOf(t, { endpoints: [origin.url], policies: wide })
    const service = client.service('shop')
    const closed = { code: 'SG_CLIENT_CLOSED', message: 'shop: the client was closed' }
    const reading = assert.rejects((await service.fetch('/body')).text(), closed)
    const hanging = assert.rejects(service.fetch('/silence'), closed)
    const waiting = assert.rejects(service.fetch('/503'), closed)
    const queued = assert.rejects(service.fetch('/'), closed)
    await until(() => policy('retry').totals.retries === 1 && origin.open.size >= 2, 'all to be under way')
    assert.equal(policy('bulkhead').queued, 1)
    await client.close()
    await Promise.all([reading, hanging, waiting, queued])
    await until(() => origin.open.size === 0, 'the connections to be closed')
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.equal(policy('circuitBreaker').totals.failures, 1)
    assert.equal(snapshot().calls?.inFlight, 0)
    const { admitted } = policy('bulkhead').totals
    await assert.rejects(service.fetch('/'), closed)
    assert.equal(policy('bulkhead').totals.admitted, admitted)
    await client.close()
  })

  it('closes idle connections', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('done'))
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    await (await client.service('shop').fetch('/')).text()
    assert.equal(origin.open.size, 1)
    await client.close()
    await until(() => origin.open.size === 0, 'the connection to be closed')
  })
})
