import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { createClient, type ServiceBody } from '../src/index.ts'
import { clientOf, httpOrigin, until } from './origin.ts'

/** Answers what it was sent. */
const echo: Parameters<typeof httpOrigin>[1] = (request, response) => {
  void text(request).then((body) => {
    const { method, url, headers } = request
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ method, url, headers, body }))
  })
}

interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one ')
  yield Buffer.from('two')
}

describe('service.fetch', () => {
  it('answers a web-standard response', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => {
      response.statusMessage = 'Made'
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.setHeader('x-latin', Buffer.from('é').toString('latin1'))
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"paid":true}')
    })
    const { client, exchanges, snapshot } = clientOf(t, { endpoints: [origin.url] })
    const response = await client.service('shop').fetch('/charge?order=7', { method: 'post' })
    assert.ok(response instanceof Response)
    assert.equal(response.status, 201)
    assert.equal(response.statusText, 'Made')
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
    assert.deepEqual(await response.json(), { paid: true })
    await until(() => exchanges.length === 1, 'the exchange to be reported')
    const { seconds, ...exchange } = exchanges[0] ?? assert.fail()
    assert.deepEqual(exchange, { service: 'shop', method: 'POST', status: 201, attempt: 1 })
    assert.ok(seconds > 0 && seconds < 5, `${seconds} s`)
    assert.deepEqual(snapshot().calls, { successes: 1, failures: 0, ignored: 0, inFlight: 0 })
  })

  it('sends path, method and headers as given, without those of a connection', async (t) => {
    const origin = await httpOrigin(t, echo)
    const { client } = clientOf(t, { endpoints: [origin.url] })
    const headers = {
      Accept: 'text/plain',
      Connection: 'close',
      'Transfer-Encoding': 'chunked',
      'Content-Length': '999',
      TE: 'trailers',
    }
    const response = await client.service('shop').fetch('//not.a.host/%2e?q=1&r=%20', { headers })
    const seen = (await response.json()) as Echo
    assert.equal(seen.method, 'GET')
    assert.equal(seen.url, '//not.a.host/%2e?q=1&r=%20')
    assert.equal(seen.headers['accept'], 'text/plain')
    assert.equal(seen.headers['host'], new URL(origin.url).host)
    assert.equal(seen.headers['connection'], 'keep-alive')
    for (const name of ['transfer-encoding', 'content-length', 'te']) assert.equal(seen.headers[name], undefined, name)
  })

  const form = new FormData()
  form.set('a', '1 2')
  const bodies: [string, () => ServiceBody, RegExp | undefined, string | RegExp][] = [
    ['text', () => 'hellö', /^text\/plain;charset=UTF-8$/, 'hellö'],
    ['empty text', () => '', /^text\/plain/, ''],
    ['bytes', () => new TextEncoder().encode('--bytes--').subarray(2, 7), undefined, 'bytes'],
    ['an array buffer', () => new TextEncoder().encode('buffer').buffer, undefined, 'buffer'],
    ['search parameters', () => new URLSearchParams({ a: '1 2' }), /^application\/x-www-form-urlencoded/, 'a=1+2'],
    ['a form', () => form, /^multipart\/form-data; boundary=/, /name="a"\r\n\r\n1 2\r\n/],
    ['a blob', () => new Blob(['blob'], { type: 'text/css' }), /^text\/css$/, 'blob'],
    ['a web stream', () => ReadableStream.from(pieces()), undefined, 'one two'],
    ['an async iterable', () => pieces(), undefined, 'one two'],
    ['a Node stream', () => Readable.from([Buffer.from('one '), Buffer.from('two')]), undefined, 'one two'],
  ]
  for (const [name, body, type, expected] of bodies) {
    it(`sends ${name}`, async (t) => {
      const origin = await httpOrigin(t, echo)
      const { client } = clientOf(t, { endpoints: [origin.url] })
      const response = await client.service('shop').fetch('/', { method: 'POST', body: body() })
      const seen = (await response.json()) as Echo
      if (type === undefined) assert.equal(seen.headers['content-type'], undefined)
      else assert.match(seen.headers['content-type'] ?? '', type)
      if (typeof expected === 'string') assert.equal(seen.body, expected)
      else assert.match(seen.body, expected)
    })
  }

  it('leaves a given content type alone', async (t) => {
    const origin = await httpOrigin(t, echo)
    const { client } = clientOf(t, { endpoints: [origin.url] })
    const headers = new Headers({ 'content-type': 'application/json' })
    const response = await client.service('shop').fetch('/', { method: 'PUT', headers, body: '{}' })
    assert.equal(((await response.json()) as Echo).headers['content-type'], 'application/json')
  })

  it('gives back its slot for answers that have no body', async (t) => {
    const origin = await httpOrigin(t, (request, response) => {
      if (request.url === '/head') response.setHeader('content-length', '12345').end()
      else response.writeHead(Number(request.url?.slice(1))).end()
    })
    const { client, policy } = clientOf(t, { endpoints: [origin.url] })
    const service = client.service('shop')
    for (const path of ['/204', '/205', '/304']) {
      const response = await service.fetch(path)
      assert.equal(response.status, Number(path.slice(1)))
      assert.equal(response.body, null)
      await until(() => policy('bulkhead').inFlight === 0, 'the slot to be free')
    }
    const head = await service.fetch('/head', { method: 'HEAD' })
    assert.equal(head.headers.get('content-length'), '12345')
    assert.equal(await head.text(), '')
    await until(() => policy('bulkhead').inFlight === 0, 'the slot to be free')
    assert.equal(policy('bulkhead').totals.admitted, 4)
    // A connection is ready one turn after its last byte, and the next call may come before.
    assert.ok(origin.accepted <= 2, `${origin.accepted} connections`)
  })

  it('does not follow redirects', async (t) => {
    const origin = await httpOrigin(t, (_request, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    )
    const { client } = clientOf(t, { endpoints: [origin.url] })
    const response = await client.service('shop').fetch('/')
    assert.equal(response.status, 302)
    assert.equal(response.headers.get('location'), 'http://127.0.0.1:1/')
  })

  it('takes turns between endpoints', async (t) => {
    const hits = [0, 0, 0]
    const origins = await Promise.all(
      hits.map((_, index) =>
        httpOrigin(t, (_request, response) => {
          hits[index] = (hits[index] ?? 0) + 1
          response.end()
        }),
      ),
    )
    const { client } = clientOf(t, { endpoints: origins.map(({ url }) => url), balancer: 'roundRobin' })
    for (let call = 0; call < 9; call++) await (await client.service('shop').fetch('/')).text()
    assert.deepEqual(hits, [3, 3, 3])
  })
})

describe('a request that cannot be sent', () => {
  const secret = 'Bearer top-secret\nx'
  const cases: [string, string, object, RegExp][] = [
    ['a relative path', 'charge', {}, /^shop: path must begin with '\/' .* got 'charge'$/],
    ['a whole URL', 'http://elsewhere/', {}, /path must begin with/],
    ['a space in the path', '/a b', {}, /got '\/a b'/],
    ['a line break in the path', '/a\r\nx: y', {}, /path must begin .* got '\/a\ufffd\ufffdx: y'$/],
    ['a letter outside ASCII', '/ü', {}, /percent-encoded/],
    ['a fragment', '/a#b', {}, /without '#'/],
    ['a secret in the query', '/ x?token=top-secret', {}, /got '\/ x\?\.\.\.'/],
    ['a bad method', '/', { method: 'GET /' }, /method must be an HTTP method/],
    ['CONNECT', '/', { method: 'CONNECT' }, /a CONNECT request cannot be sent/],
    ['GET with a body', '/', { body: 'x' }, /a GET request cannot be sent with a body/],
    ['a bad header name', '/', { headers: { 'a b': 'c' } }, /'a b' is not a valid header/],
    ['a bad header value', '/', { headers: { authorization: secret } }, /'authorization' is not a valid header, or/],
    ['a bad idempotency key', '/', { idempotencyKey: 'top-secret\n1' }, /'idempotency-key' is not a valid header, or/],
    ['an empty idempotency key', '/', { idempotencyKey: ' ' }, /^shop: idempotencyKey must not be empty$/],
    ['a body of no known kind', '/', { method: 'POST', body: 42 }, /body must be .* got number/],
  ]
  for (const [name, path, init, message] of cases) {
    it(`is refused before any policy is asked: ${name}`, async (t) => {
      const origin = await httpOrigin(t, (_request, response) => response.end())
      const { client, snapshot, policy } = clientOf(t, { endpoints: [origin.url] })
      await assert.rejects(client.service('shop').fetch(path, init), (error: Error & { code: string }) => {
        assert.equal(error.code, 'SG_BAD_OPTIONS')
        assert.match(error.message, message)
        assert.doesNotMatch(`${error.message} ${error.stack} ${String(error.cause)}`, /top-secret/)
        return true
      })
      assert.equal(policy('bulkhead').totals.admitted, 0)
      assert.equal(snapshot().calls?.failures, 0)
      assert.equal(origin.accepted, 0)
    })
  }
})

describe('client.service', () => {
  it('names the nearest known service and lists the known', () => {
    const services = Object.fromEntries(
      ['payments', 'orders', 'inventory'].map((name) => [name, { endpoints: ['http://127.0.0.1:1'] }]),
    )
    const client = createClient({ services })
    assert.throws(() => client.service('paymets'), {
      code: 'SG_UNKNOWN_SERVICE',
      message: "unknown service 'paymets'; did you mean 'payments'?; known are payments, orders, inventory",
    })
    assert.throws(() => client.service('zzz'), {
      message: "unknown service 'zzz'; known are payments, orders, inventory",
    })
    assert.throws(() => client.service('toString'), { code: 'SG_UNKNOWN_SERVICE' })
    assert.throws(() => client.service('__proto__'), { code: 'SG_UNKNOWN_SERVICE' })
    assert.throws(() => createClient({ services: {} }).service('a'), { message: /no service is configured/ })
  })

  it('lists only so many', () => {
    const services = Object.fromEntries(
      Array.from({ length: 25 }, (_, index) => [`s${index}`, { endpoints: ['http://127.0.0.1:1'] }]),
    )
    assert.throws(() => createClient({ services }).service('other'), { message: /s19, and 5 more$/ })
  })

  it('answers the same service each time', () => {
    const client = createClient({ services: { a: { endpoints: ['http://127.0.0.1:1'] } } })
    assert.equal(client.service('a'), client.service('a'))
    assert.equal(client.registry.get('a'), client.service('a').pipeline)
  })
})
