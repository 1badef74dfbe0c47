import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { SwitchgearError } from '@switchgear/core'
import type { RegisterOptions } from '../../../src/registry/service/register-options.ts'
import { register, type Registering } from '../../../src/registry/service/register.ts'
import { createRegistryServer } from '../../../src/registry/service/server.ts'
import { MemoryCatalog } from './memory-catalog.ts'
import { ordersToken, rig, tokens, until } from './rig.ts'

interface Begun {
  readonly registering: Registering
  readonly problems: SwitchgearError[]
}

async function begin(
  t: TestContext,
  registry: string | readonly string[],
  options: Partial<RegisterOptions> = {},
): Promise<Begun> {
  const problems: SwitchgearError[] = []
  const onProblem = (problem: SwitchgearError): void => void problems.push(problem)
  const registering = await register({
    ...{ service: 'orders', id: 'a', port: 8080, registry, token: ordersToken, lease: 1000, onProblem },
    ...options,
  })
  t.after(() => registering.close())
  return { registering, problems }
}

/** A server that answers as it is told. */
async function oddServer(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ids = (catalog: MemoryCatalog): string[] => catalog.view('orders').instances.map(({ endpoint }) => endpoint.id)

describe('a registration from code', { concurrency: true }, () => {
  it('registers with what it was told, beats thrice a lease, and deregisters', async (t) => {
    const { catalog, url } = await rig(t)
    const { registering, problems } = await begin(t, url, {
      ...{ zone: 'b', weight: 3, version: '1.2.3', metadata: { team: 'x' }, scheme: 'https' },
      health: { http: '/healthz', interval: '5s', failures: 4 },
    })
    assert.equal(registering.state, 'registered')
    const [{ endpoint, ...rest } = assert.fail('nothing was registered')] = catalog.registrations
    assert.deepEqual(endpoint, {
      ...{ address: '127.0.0.1', port: 8080, scheme: 'https', zone: 'b', weight: 3, version: '1.2.3' },
      metadata: { team: 'x' },
    })
    assert.deepEqual(rest.check, { kind: 'http', path: '/healthz', intervalMs: 5000, failures: 4 })
    assert.equal(rest.incarnation, registering.incarnation)
    assert.ok(Math.abs(registering.incarnation - Date.now()) < 60_000)
    const begun = performance.now()
    await until(() => catalog.beats.length >= 3, 'three heartbeats')
    const took = performance.now() - begun
    assert.ok(took > 700 && took < 3000, `three heartbeats took ${took} ms`)
    await registering.close()
    assert.deepEqual(ids(catalog), [])
    assert.equal(registering.state, 'closed')
    const { length } = catalog.beats
    await elapse(500)
    assert.equal(catalog.beats.length, length, 'no heartbeat after the end')
    assert.deepEqual(problems, [])
    await registering.close()
  })

  it('grows in incarnation, and has an id that survives a restart', async (t) => {
    const { catalog, url } = await rig(t)
    const first = await begin(t, url, { id: undefined })
    await first.registering.close()
    const second = await begin(t, url, { id: undefined })
    assert.ok(second.registering.incarnation > first.registering.incarnation)
    assert.equal(catalog.registrations[0]?.id, catalog.registrations[1]?.id)
    assert.match(String(catalog.registrations[0]?.id), /:8080$/)
  })

  it('registers again, as the same life, when the registry has forgotten it', async (t) => {
    const { catalog, url } = await rig(t)
    const { registering, problems } = await begin(t, url)
    catalog.wipe(false)
    await until(() => ids(catalog).length === 1, 'it is back')
    assert.equal(catalog.registrations.length, 2)
    assert.equal(catalog.registrations[1]?.incarnation, registering.incarnation)
    assert.deepEqual(problems, [], 'a registry that restarts is no problem')
  })

  it('is not registered without end by a registry that forgets at once', async (t) => {
    let registrations = 0
    const forgetful = await oddServer(t, ({ method }, response) => {
      if (method === 'PUT') registrations++
      response.writeHead(method === 'PUT' ? 201 : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ secret: 'secret', leaseMs: 1000, code: 'SG_NOT_REGISTERED' }))
    })
    const { problems } = await begin(t, forgetful, { health: () => true })
    await elapse(1200)
    assert.ok(registrations >= 2 && registrations <= 6, `${registrations} registrations`)
    assert.equal(problems[0]?.code, 'SG_NOT_REGISTERED')
  })

  it('survives its registry: told once, registered again, and deregistered in the end', async (t) => {
    const first = await rig(t)
    const { registering, problems } = await begin(t, first.url)
    await first.registry.stop()
    await until(() => problems.length > 0, 'a problem')
    await elapse(600)
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['SG_REGISTRY_UNREACHABLE'],
      'told once',
    )
    assert.equal(registering.problem?.code, 'SG_REGISTRY_UNREACHABLE')
    const empty = new MemoryCatalog()
    await rig(t, { port: first.port }, empty)
    await until(() => ids(empty).length === 1, 'it is registered again')
    await until(() => registering.problem === undefined, 'the problem is over')
    await registering.close()
    assert.deepEqual(ids(empty), [])
  })

  it('begins without a registry, and is found when there is one', async (t) => {
    const probe = await rig(t)
    await probe.registry.stop()
    const { registering, problems } = await begin(t, probe.url)
    assert.equal(registering.state, 'registering')
    assert.equal(problems[0]?.code, 'SG_REGISTRY_UNREACHABLE')
    const { catalog } = await rig(t, { port: probe.port })
    // The books have it before the instance has heard of it.
    await until(() => registering.state === 'registered', 'it is registered')
    assert.equal(ids(catalog).length, 1)
  })

  it('takes another registry when one fails or is not well', async (t) => {
    const dead = await rig(t)
    await dead.registry.stop()
    const sick = await oddServer(t, (_request, response) => response.writeHead(503).end('<html>'))
    const { catalog, url } = await rig(t)
    const { problems } = await begin(t, [dead.url, sick, url])
    assert.deepEqual(ids(catalog), ['a'])
    await until(() => catalog.beats.length > 0, 'a heartbeat')
    assert.deepEqual(problems, [])
  })

  it('goes on trying when it is refused, and tells why without the token', async (t) => {
    const { catalog, url } = await rig(t)
    const wrong = 'wrong-token-0123456789ab'
    const { registering, problems } = await begin(t, url, { token: wrong })
    assert.equal(registering.state, 'registering')
    assert.equal(problems[0]?.code, 'SG_REGISTRY_DENIED')
    assert.doesNotMatch(inspect(problems, { depth: 9 }), new RegExp(wrong))
    assert.equal(catalog.registrations.length, 0)
  })

  it('does not fight with a later life of the same id', async (t) => {
    const { catalog, url } = await rig(t)
    const { problems } = await begin(t, url)
    catalog.register({ service: 'orders', id: 'a', endpoint: { address: '10.0.0.9', port: 1 }, incarnation: 2 ** 50 })
    await until(() => problems.length > 0, 'a problem')
    assert.equal(problems[0]?.code, 'SG_STALE_REGISTRATION')
    assert.equal(catalog.view('orders').instances[0]?.endpoint.address, '10.0.0.9')
  })

  it('asks the health function before each heartbeat; false, a throw and silence say unready', async (t) => {
    const { catalog, url } = await rig(t)
    const answers: (() => boolean | Promise<boolean>)[] = [
      () => true,
      () => false,
      () => {
        throw new Error('no database')
      },
      () => Promise.reject(new Error('no database')),
      () => new Promise(() => undefined),
    ]
    let asked = 0
    const health = (): boolean | Promise<boolean> => (answers[asked++] ?? (() => true))()
    const { registering, problems } = await begin(t, url, { health, requestTimeout: 300 })
    await until(() => catalog.beats.length >= 6, 'six heartbeats', 8000)
    assert.deepEqual(
      catalog.beats.slice(0, 6).map(({ ready }) => ready),
      [true, false, false, false, false, true],
    )
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['SG_HEALTH_FAILED'],
    )
    await until(() => registering.problem === undefined, 'the problem is over')
  })

  it('says at once that it wants no traffic, and keeps to it', async (t) => {
    const { catalog, url } = await rig(t)
    const { registering } = await begin(t, url, { lease: '1m' })
    registering.ready(false)
    await until(() => catalog.beats.length === 1, 'a heartbeat at once', 1000)
    assert.equal(catalog.beats[0]?.ready, false)
    catalog.wipe(true)
    registering.ready(true)
    registering.ready(false)
    await until(
      () => catalog.view('orders').instances[0]?.endpoint.readiness === 'unready',
      'registered again as unready',
    )
  })

  it('that is being made when it ends is deregistered too', async (t) => {
    const { catalog, port } = await rig(t)
    const slow = await oddServer(t, (request, response) => {
      void elapse(200).then(async () => {
        const { method = '', url = '', headers } = request
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk as Buffer)
        const target = `http://127.0.0.1:${port}${url}`
        const body = chunks.length === 0 ? null : Buffer.concat(chunks)
        const { authorization = '' } = headers
        const sent = { authorization, 'content-type': 'application/json' }
        const answer = await fetch(target, { method, headers: sent, body })
        response.writeHead(answer.status).end(await answer.text())
      })
    })
    const beginning = register({ service: 'orders', id: 'a', port: 80, registry: slow, token: ordersToken })
    await elapse(20)
    const registering = await beginning
    registering.ready(false)
    await registering.close()
    assert.equal(catalog.registrations.length, 1)
    assert.deepEqual(ids(catalog), [])
  })

  it('whose registry dies in the midst of registering begins again', async (t) => {
    let attempts = 0
    const { port, catalog } = await rig(t)
    const dying = await oddServer(t, (request) => {
      attempts++
      request.socket.destroy()
    })
    const { problems } = await begin(t, dying)
    assert.equal(problems[0]?.code, 'SG_REGISTRY_UNREACHABLE')
    await until(() => attempts >= 2, 'another attempt')
    const { registering } = await begin(t, [dying, `http://127.0.0.1:${port}`])
    assert.equal(registering.state, 'registered')
    assert.deepEqual(ids(catalog), ['a'])
  })

  it('ends in time although the registry hangs, and although it does not answer with sense', async (t) => {
    let isHanging = false
    const odd = await oddServer(t, (_request, response) => {
      if (isHanging) return
      response.writeHead(201).end('{"secret":"s","leaseMs":1000}')
    })
    const { registering, problems } = await begin(t, odd, { closeTimeout: 150 })
    isHanging = true
    const begun = performance.now()
    await registering.close()
    assert.ok(performance.now() - begun < 1500)
    assert.ok(problems.length <= 1)
    for (const answer of [
      '',
      '[]',
      'x',
      '{"secret":7,"leaseMs":1000}',
      '{"secret":"a\\r\\nb","leaseMs":1000}',
      '{"secret":"s"}',
    ]) {
      const senseless = await oddServer(t, (_request, response) => response.writeHead(201).end(answer))
      const one = await begin(t, senseless)
      assert.equal(one.registering.state, 'registering', answer)
      assert.match(String(one.problems[0]?.code), /SG_REGISTRY_(?:ANSWER|UNREACHABLE)/)
    }
    const flood = await oddServer(t, (_request, response) => {
      response.writeHead(201)
      const pour = setInterval(() => response.write('x'.repeat(65_536)), 1)
      response.on('close', () => clearInterval(pour))
    })
    const one = await begin(t, flood)
    assert.equal(one.problems[0]?.code, 'SG_REGISTRY_UNREACHABLE')
    const redirect = await oddServer(t, (_request, response) => response.writeHead(307, { location: odd }).end())
    assert.equal((await begin(t, redirect)).problems[0]?.code, 'SG_REGISTRY_ANSWER', 'a redirect is not followed')
  })
})

it('its options are checked by name, and its token is not shown', async () => {
  const good = { service: 'orders', port: 80, registry: 'http://localhost:1', token: ordersToken }
  for (const [wrong, message] of [
    [{ service: 'a b' }, /register\.service/],
    [{ port: 0 }, /register\.port/],
    [{ registry: [] }, /register\.registry/],
    [{ registry: 'localhost:4330' }, /register\.registry\[0\]/],
    [{ registry: 'ftp://x' }, /register\.registry\[0\]/],
    [{ registry: 'http://user:hunter2@x' }, /register\.registry\[0\]/],
    [{ registry: 'http://x/?a=b' }, /register\.registry\[0\]/],
    [{ token: 'hunter2 hunter2' }, /register\.token/],
    [{ lease: '10m' }, /register\.lease/],
    [{ lease: 10 }, /register\.lease/],
    [{ health: { http: 'healthz' } }, /register\.health\.http/],
    [{ health: {} }, /register\.health/],
    [{ health: { http: '/', tcp: true } }, /register\.health/],
    [{ metadata: { a: 'b\n' } }, /register\.metadata/],
    [{ healthcheck: true }, /healthcheck is not an option/],
  ] as const)
    await assert.rejects(register({ ...good, ...wrong } as never), (error: SwitchgearError) => {
      assert.equal(error.code, 'SG_BAD_OPTIONS')
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    })
})

it('no token and no secret is in what anybody is told, logged or shown', async (t) => {
  const said: unknown[] = []
  const onWarning = (warning: Error): void => void said.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const catalog = new MemoryCatalog()
  const secrets: string[] = [ordersToken]
  const heartbeat = catalog.heartbeat.bind(catalog)
  catalog.heartbeat = (service, id, secret, ready) => {
    secrets.push(secret)
    if (secrets.length > 2) throw new Error('the books are broken')
    return heartbeat(service, id, secret, ready)
  }
  const registry = createRegistryServer({ catalog, port: 0, tokens, onError: (error) => said.push(error) })
  await registry.start()
  t.after(() => registry.stop())
  const { registering, problems } = await begin(t, String(registry.url))
  await until(() => problems.length > 0, 'a problem')
  await registry.stop()
  await registering.close()
  said.push(...problems, registering, registry, registry.handler)
  const shown = inspect(said, { depth: 12, showHidden: true, maxArrayLength: 1000, maxStringLength: 100_000 })
  assert.match(shown, /the books are broken/)
  for (const secret of secrets) assert.ok(!shown.includes(secret), 'a secret is shown')
})
