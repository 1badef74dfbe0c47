import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { createRegistryServer } from '../../../src/registry/service/server.ts'
import { MemoryCatalog } from './memory-catalog.ts'
import { ask, ordersToken, rig, shopToken, tokens } from './rig.ts'

const instance = '/v1/services/orders/instances/orders-1'

describe('plain HTTP', () => {
  it('registers, beats, reads and deregisters', async (t) => {
    const { catalog, port } = await rig(t)
    const body = {
      port: 8080,
      zone: 'b',
      metadata: { team: 'x' },
      leaseMs: 9000,
      incarnation: 7,
      check: { kind: 'tcp' },
    }
    const registered = await ask(port, 'PUT', instance, { token: ordersToken, body })
    assert.equal(registered.status, 201)
    assert.equal(registered.headers['cache-control'], 'no-store')
    const { secret, ...rest } = registered.json
    assert.deepEqual(rest, { service: 'orders', id: 'orders-1', incarnation: 7, leaseMs: 9000 })
    assert.ok(typeof secret === 'string' && secret.length > 30)
    assert.equal(catalog.registrations[0]?.endpoint.address, '127.0.0.1')

    const beat = await ask(port, 'POST', `${instance}/heartbeat`, { token: secret })
    assert.deepEqual([beat.status, beat.json], [200, { leaseMs: 9000 }])
    const unready = await ask(port, 'POST', `${instance}/heartbeat`, { token: secret, body: { ready: false } })
    assert.equal(unready.status, 200)
    assert.deepEqual(
      catalog.beats.map(({ ready }) => ready),
      [undefined, false],
    )

    const names = await ask(port, 'GET', '/v1/services')
    assert.deepEqual(names.json, { services: ['orders'] })
    const view = await ask(port, 'GET', '/v1/services/orders')
    assert.equal(view.json.complete, true)
    const [seen] = view.json.instances as { endpoint: { id: string; zone: string; readiness: string } }[]
    assert.equal(seen?.endpoint.id, 'orders-1')
    assert.equal(seen?.endpoint.readiness, 'unready')
    assert.ok(!view.text.includes(secret), 'no view holds a secret')

    const gone = await ask(port, 'DELETE', instance, { token: secret })
    assert.deepEqual([gone.status, gone.text], [204, ''])
    const again = await ask(port, 'POST', `${instance}/heartbeat`, { token: secret })
    assert.deepEqual([again.status, again.json.code], [404, 'SG_NOT_REGISTERED'])
    assert.equal(again.headers['content-type'], 'application/problem+json')
    const unknown = await ask(port, 'GET', '/v1/services/nobody')
    assert.deepEqual([unknown.status, unknown.json.instances], [200, []])
  })

  it('names an instance by anything printable, encoded', async (t) => {
    const { catalog, port } = await rig(t)
    const path = `/v1/services/orders/instances/${encodeURIComponent('[fd00::1]:80/å')}`
    assert.equal((await ask(port, 'PUT', path, { token: ordersToken, body: { port: 80 } })).status, 201)
    assert.equal(catalog.registrations[0]?.id, '[fd00::1]:80/å')
  })

  it('refuses bodies with what is wrong and where', async (t) => {
    const { catalog, port } = await rig(t)
    const wrong: readonly (readonly [body: unknown, status: number, detail: RegExp])[] = [
      ['{', 400, /not JSON/],
      ['\ud800{', 400, /not JSON/],
      ['[]', 400, /must be a JSON object/],
      ['null', 400, /must be a JSON object/],
      ['"text"', 400, /must be a JSON object/],
      [{}, 400, /port/],
      [{ port: '8080' }, 400, /port/],
      [{ port: 0 }, 400, /port/],
      [{ port: 70_000 }, 400, /port/],
      [{ port: 1.5 }, 400, /port/],
      [{ port: 80, pert: 1 }, 400, /pert is not an option/],
      [{ port: 80, id: 'other' }, 400, /id is not an option/],
      [{ port: 80, service: 'other' }, 400, /service is not an option/],
      [{ port: 80, readiness: 'ready' }, 400, /readiness is not an option/],
      ['{"port":80,"__proto__":{"zone":"x"}}', 400, /__proto__ is not an option/],
      [{ port: 80, address: 7 }, 400, /address/],
      [{ port: 80, address: 'evil.example' }, 403, /must be an IP address/],
      [{ port: 80, address: '169.254.169.254' }, 403, /link-local/],
      [{ port: 80, address: '10.0.0.1' }, 403, /not that of the connection/],
      [{ port: 80, scheme: 'gopher' }, 400, /scheme/],
      [{ port: 80, zone: 'a\nb' }, 400, /zone/],
      [{ port: 80, weight: -1 }, 400, /weight/],
      [{ port: 80, version: 'x'.repeat(300) }, 400, /version/],
      [{ port: 80, metadata: [] }, 400, /metadata/],
      [{ port: 80, metadata: { a: 1 } }, 400, /metadata/],
      [
        { port: 80, metadata: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 'v'])) },
        400,
        /metadata/,
      ],
      [{ port: 80, incarnation: 'now' }, 400, /incarnation/],
      [{ port: 80, leaseMs: 10 }, 400, /leaseMs/],
      [{ port: 80, leaseMs: null }, 400, /leaseMs/],
      [{ port: 80, heartbeats: 'no' }, 400, /heartbeats/],
      [{ port: 80, heartbeats: false }, 400, /check/],
      [{ port: 80, check: 'http' }, 400, /check/],
      [{ port: 80, check: {} }, 400, /kind/],
      [{ port: 80, check: { kind: 'exec' } }, 400, /kind/],
      [{ port: 80, check: { kind: 'http', url: 'http://evil' } }, 400, /url is not an option/],
      [{ port: 80, check: { kind: 'http', host: 'evil' } }, 400, /host is not an option/],
      [{ port: 80, check: { kind: 'tcp', port: 0 } }, 400, /port/],
      [{ port: 80, check: { kind: 'tcp', intervalMs: 1 } }, 400, /intervalMs/],
    ]
    for (const [body, status, detail] of wrong) {
      const reply = await ask(port, 'PUT', instance, { token: ordersToken, body })
      assert.equal(reply.status, status, `${JSON.stringify(body)}: ${reply.text}`)
      assert.match(String(reply.json.detail), detail)
      assert.match(String(reply.json.code), /^SG_/)
    }
    for (const path of [
      'http://evil/healthz',
      '//evil/healthz',
      '/a//b',
      'healthz',
      '',
      '/health z',
      '/user@evil',
      '/healthz#x',
      '/a\\b',
      '/a\r\nX: y',
      '/%0d%0aX:y',
      '/%2fevil',
      '/%5cevil',
      '/%zz',
      '/å',
      `/${'x'.repeat(300)}`,
      7,
    ]) {
      const body = { port: 80, check: { kind: 'http', path } }
      const reply = await ask(port, 'PUT', instance, { token: ordersToken, body })
      assert.equal(reply.status, 400, `${path}: ${reply.text}`)
      assert.match(String(reply.json.detail), /check\.path/)
    }
    assert.equal(catalog.registrations.length, 0)
    const fine = { port: 80, check: { kind: 'http', path: '/health/z?full=1&x=%20' } }
    assert.equal((await ask(port, 'PUT', instance, { token: ordersToken, body: fine })).status, 201)
  })

  it('refuses targets, methods and types that it does not have', async (t) => {
    const { port } = await rig(t)
    const rows: readonly (readonly [method: string, path: string, status: number])[] = [
      ['GET', '/', 404],
      ['GET', '/v1', 404],
      ['GET', '/v1/services/', 404],
      ['GET', '//v1/services', 404],
      ['GET', '/v1/services/orders/', 404],
      ['GET', '/v1/services/..', 400],
      ['GET', '/v1/services/-a', 400],
      ['GET', '/v1/services/a%20b', 400],
      ['GET', '/v1/services/a%2fb', 400],
      ['GET', '/v1/services/%', 400],
      ['GET', '/v1/services/%ff', 400],
      ['GET', '/v1/services?x=1', 400],
      ['GET', `/v1/services/${'a'.repeat(254)}`, 400],
      ['GET', '/v1/services/orders?token=secret', 400],
      ['GET', '/v1/watch', 400],
      ['GET', '/v1/watch?name=orders', 400],
      ['GET', '/v1/watch?service', 400],
      ['GET', '/v1/watch?service=', 400],
      ['GET', `/v1/watch?${Array.from({ length: 65 }, (_, at) => `service=s${at}`).join('&')}`, 400],
      ['GET', `/v1/services/${'a/'.repeat(7000)}`, 414],
      ['GET', 'http://elsewhere/v1/services', 400],
      ['GET', '*', 400],
      ['POST', '/v1/services', 405],
      ['HEAD', '/v1/services', 405],
      ['OPTIONS', '/v1/services', 405],
      ['PATCH', instance, 405],
      ['GET', instance, 405],
      ['GET', `${instance}/heartbeat`, 405],
    ]
    for (const [method, path, status] of rows) {
      const reply = await ask(port, method, path)
      assert.equal(reply.status, status, `${method} ${path.slice(0, 60)}: ${reply.text}`)
      assert.equal(reply.headers['access-control-allow-origin'], undefined)
    }
    const allow = await ask(port, 'POST', instance)
    assert.equal(allow.headers.allow, 'PUT, DELETE')
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=latin1',
      'multipart/form-data',
    ]) {
      const headers = { 'content-type': type }
      assert.equal(
        (await ask(port, 'PUT', instance, { token: ordersToken, body: '{"port":80}', headers })).status,
        415,
        type,
      )
    }
    const encoded = { 'content-encoding': 'gzip' }
    assert.equal((await ask(port, 'PUT', instance, { token: ordersToken, body: {}, headers: encoded })).status, 415)
  })
})

describe('who may what', () => {
  it('needs a token of the service to register', async (t) => {
    const { catalog, port } = await rig(t, { failedAttempts: 100 })
    const body = { port: 80 }
    const rows: readonly (readonly [token: string | undefined, service: string, status: number])[] = [
      [undefined, 'orders', 401],
      ['', 'orders', 401],
      ['wrong-token-0123456789ab', 'orders', 401],
      [`${ordersToken}x`, 'orders', 401],
      [ordersToken.slice(0, -1), 'orders', 401],
      [ordersToken.toUpperCase(), 'orders', 401],
      [createHash('sha256').update(ordersToken).digest('hex'), 'orders', 401],
      [ordersToken, 'payments', 403],
      [ordersToken, 'orders2', 403],
      [ordersToken, 'Orders', 403],
      [shopToken, 'orders', 403],
      [shopToken, 'shop', 403],
      [shopToken, 'shop-cart', 201],
      [shopToken, 'shop-', 201],
      [ordersToken, 'orders', 201],
    ]
    for (const [token, service, status] of rows) {
      const path = `/v1/services/${service}/instances/a`
      const reply = await ask(port, 'PUT', path, { body, ...(token === undefined ? {} : { token }) })
      assert.equal(reply.status, status, `${token} for ${service}: ${reply.text}`)
      if (status === 401) assert.equal(reply.headers['www-authenticate'], 'Bearer')
      if (status > 400) assert.equal(reply.json.code, 'SG_REGISTRY_DENIED')
      if (token !== undefined && token !== '') assert.ok(!reply.text.includes(token), 'an answer repeats no token')
    }
    const basic = { authorization: `Basic ${Buffer.from(`a:${ordersToken}`).toString('base64')}` }
    assert.equal((await ask(port, 'PUT', instance, { body, headers: basic })).status, 401)
    assert.equal(catalog.registrations.length, 3)
  })

  it('takes tokens as hashes, and refuses bad grants without showing them', () => {
    const catalog = new MemoryCatalog()
    const make = (grant: object) => () => createRegistryServer({ catalog, tokens: [grant as never] })
    const sha256 = createHash('sha256').update(ordersToken).digest('hex')
    assert.doesNotThrow(make({ sha256, services: ['orders'] }))
    for (const grant of [
      { services: ['orders'] },
      { token: 'short-secret', services: ['orders'] },
      { token: 'has spaces in it, which is wrong', services: ['orders'] },
      { token: ordersToken, sha256, services: ['orders'] },
      { sha256: 'secret', services: ['orders'] },
      { token: ordersToken, services: [] },
      { token: ordersToken, services: ['a*b'] },
      { token: ordersToken, services: [''] },
      { token: ordersToken, service: 'orders' },
      { token: ordersToken },
    ]) {
      assert.throws(make(grant), (error: Error) => {
        assert.match(error.message, /registry\.tokens\[0\]/)
        assert.doesNotMatch(error.message, /secret|spaces in|orders-token/)
        return true
      })
    }
  })

  it('registers by a token that is known by its hash only', async (t) => {
    const sha256 = createHash('sha256').update(ordersToken).digest('hex')
    const { port } = await rig(t, { tokens: [{ sha256, services: ['*'] }] })
    assert.equal((await ask(port, 'PUT', instance, { token: ordersToken, body: { port: 80 } })).status, 201)
  })

  it('needs the secret of the instance to beat and to leave', async (t) => {
    const { catalog, port } = await rig(t, { failedAttempts: 100 })
    const own = await ask(port, 'PUT', instance, { token: ordersToken, body: { port: 80 } })
    const other = await ask(port, 'PUT', `${instance}b`, { token: ordersToken, body: { port: 81 } })
    for (const token of [ordersToken, String(other.json.secret), `${String(own.json.secret)}x`, 'a'.repeat(500)]) {
      const beat = await ask(port, 'POST', `${instance}/heartbeat`, { token })
      assert.deepEqual([beat.status, beat.json.code], [403, 'SG_WRONG_SECRET'])
      assert.equal((await ask(port, 'DELETE', instance, { token })).status, 403)
    }
    assert.equal((await ask(port, 'POST', `${instance}/heartbeat`)).status, 401)
    assert.equal((await ask(port, 'DELETE', instance)).status, 401)
    const { secret } = own.json as { secret: string }
    const inUrl = await ask(port, 'DELETE', `${instance}?secret=${secret}`)
    assert.equal(inUrl.status, 400)
    assert.equal(catalog.beats.length, 0)
    assert.equal(catalog.view('orders').instances.length, 2)
  })

  it('puts off a peer that fails too often, but never a heartbeat with the right secret', async (t) => {
    const { port } = await rig(t, { failedAttempts: 3 })
    const own = await ask(port, 'PUT', instance, { token: ordersToken, body: { port: 80 } })
    const { secret } = own.json as { secret: string }
    for (let attempt = 0; attempt < 3; attempt++)
      assert.equal(
        (await ask(port, 'PUT', instance, { token: 'wrong-token-0123456789ab', body: { port: 80 } })).status,
        401,
      )
    const off = await ask(port, 'PUT', instance, { token: 'wrong-token-0123456789ab', body: { port: 80 } })
    assert.deepEqual([off.status, off.json.code], [429, 'SG_REGISTRY_BUSY'])
    assert.ok(Number(off.headers['retry-after']) >= 1 && Number(off.headers['retry-after']) <= 60)
    assert.equal((await ask(port, 'PUT', instance, { token: ordersToken, body: { port: 80 } })).status, 429)
    assert.equal((await ask(port, 'POST', `${instance}/heartbeat`, { token: 'wrong' })).status, 429)
    assert.equal((await ask(port, 'POST', `${instance}/heartbeat`, { token: secret })).status, 200)
  })

  it('reads with a token where reading is not open, and only what the token is for', async (t) => {
    const reader = 'reader-token-0123456789'
    const { catalog, port } = await rig(t, { read: 'token', readTokens: [{ token: reader, services: ['pay*'] }] })
    for (const name of ['orders', 'payments', 'paypal']) catalog.put(name, 'a')
    assert.equal((await ask(port, 'GET', '/v1/services')).status, 401)
    assert.equal((await ask(port, 'GET', '/v1/services/orders')).status, 401)
    assert.equal((await ask(port, 'GET', '/v1/services/orders/watch')).status, 401)
    assert.deepEqual((await ask(port, 'GET', '/v1/services', { token: reader })).json, {
      services: ['payments', 'paypal'],
    })
    assert.equal((await ask(port, 'GET', '/v1/services/payments', { token: reader })).status, 200)
    assert.equal((await ask(port, 'GET', '/v1/services/orders', { token: reader })).status, 403)
    assert.equal((await ask(port, 'GET', '/v1/watch?service=orders', { token: reader })).status, 403)
    assert.equal((await ask(port, 'GET', '/v1/services/orders', { token: ordersToken })).status, 200)
    assert.equal((await ask(port, 'PUT', instance, { token: reader, body: { port: 80 } })).status, 401)
  })

  it('is open by default on loopback only', async (t) => {
    const { port } = await rig(t, { host: '127.0.0.1' })
    assert.equal((await ask(port, 'GET', '/v1/services')).status, 200)
    const wide = await rig(t, { host: '0.0.0.0' })
    assert.equal((await ask(wide.port, 'GET', '/v1/services')).status, 401)
  })

  it('serves only the hosts that it was told of, and no page from elsewhere', async (t) => {
    const { port } = await rig(t, { hosts: ['registry.internal', 'fd00::7'] })
    const get = async (headers: Record<string, string>) => (await ask(port, 'GET', '/v1/services', { headers })).status
    const own = ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]', 'registry.internal', '[fd00::7]']
    for (const host of own) {
      assert.equal(await get({ host }), 200, host)
      assert.equal(await get({ host: `${host}:${port}` }), 200, host)
    }
    for (const host of [
      'evil.example',
      '127.0.0.1.nip.io',
      'localhost.',
      '10.0.0.1',
      'a b',
      'registry.internal@evil',
      '127.0.0.1:x',
    ])
      assert.equal(await get({ host }), 421, host)
    const here = `127.0.0.1:${port}`
    assert.equal(await get({ host: here, origin: `http://${here}` }), 200)
    for (const origin of ['http://evil.example', 'null', `https://${here}`, 'http://127.0.0.1', ''])
      assert.equal(await get({ host: here, origin }), 403, origin)
    const wide = await rig(t, { host: '0.0.0.0', read: 'open' })
    assert.equal((await ask(wide.port, 'GET', '/v1/services', { headers: { host: '127.0.0.1' } })).status, 200)
    assert.equal((await ask(wide.port, 'GET', '/v1/services', { headers: { host: 'box.lan' } })).status, 421)
  })
})

it('its options are checked by name', () => {
  const catalog = new MemoryCatalog()
  for (const [options, message] of [
    [{ catalog: {} }, /registry\.catalog\.register/],
    [{ catalog, hots: [] }, /hots is not an option/],
    [{ catalog, host: '' }, /registry\.host/],
    [{ catalog, port: 70_000 }, /registry\.port/],
    [{ catalog, read: 'yes' }, /registry\.read/],
    [{ catalog, hosts: ['a:80'] }, /registry\.hosts\[0\]/],
    [{ catalog, hosts: 'a' }, /registry\.hosts/],
    [{ catalog, addresses: ['x'] }, /registry\.addresses\[0\]/],
    [{ catalog, heartbeat: '2m' }, /registry\.heartbeat/],
    [{ catalog, maxWatchers: 10, maxConnections: 10 }, /registry\.maxWatchers/],
    [{ catalog, tokens: 'x' }, /registry\.tokens/],
  ] as const)
    assert.throws(() => createRegistryServer(options as never), { code: 'SG_BAD_OPTIONS', message })
  assert.doesNotThrow(() => createRegistryServer({ catalog, tokens }))
})
