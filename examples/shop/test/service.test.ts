import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { BadRequest, Service } from '../src/service.ts'

async function serve(t: TestContext): Promise<{ service: Service; origin: string; aborted: Promise<void> }> {
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>()
  const service = new Service({
    'GET /hello': () => ({ status: 200, body: 'hello' }),
    'POST /echo': ({ body, idempotencyKey }) => ({ status: 201, body: { body, idempotencyKey } }),
    'GET /wait': async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      abort()
      return { status: 200, body: null }
    },
    'GET /bad': () => {
      throw new BadRequest('say please')
    },
    'GET /broken': () => {
      throw new Error('a bug')
    },
  })
  const origin = await service.listen(0)
  t.after(() => service.stop())
  return { service, origin, aborted }
}

test('it serves its routes and nothing else', async (t) => {
  const { origin } = await serve(t)
  assert.equal(await (await fetch(`${origin}/hello?x=1`)).json(), 'hello')
  const headers = { 'idempotency-key': 'k1' }
  const echo = await fetch(`${origin}/echo`, { method: 'POST', body: '{"a":1}', headers })
  assert.equal(echo.status, 201)
  assert.deepEqual(await echo.json(), { body: { a: 1 }, idempotencyKey: 'k1' })
  assert.equal((await fetch(`${origin}/nowhere`)).status, 404)
  assert.equal((await fetch(`${origin}/hello`, { method: 'DELETE' })).status, 404)
})

test('a bad request is 400 with its reason, a bug 500, a body that is no JSON or too large 400', async (t) => {
  const { origin } = await serve(t)
  const bad = await fetch(`${origin}/bad`)
  assert.deepEqual([bad.status, await bad.json()], [400, { error: 'say please' }])
  assert.equal((await fetch(`${origin}/broken`)).status, 500)
  assert.equal((await fetch(`${origin}/echo`, { method: 'POST', body: '{' })).status, 400)
  assert.equal((await fetch(`${origin}/echo`, { method: 'POST', body: 'x'.repeat(70_000) })).status, 400)
})

test('the signal aborts when the caller goes away', async (t) => {
  const { origin, aborted } = await serve(t)
  await assert.rejects(fetch(`${origin}/wait`, { signal: AbortSignal.timeout(50) }))
  await aborted
})

test('told to fail, every request gets 500; healed, it serves again', async (t) => {
  const { service, origin } = await serve(t)
  service.faults.set('fail')
  assert.equal((await fetch(`${origin}/hello`)).status, 500)
  service.faults.set('none')
  assert.equal((await fetch(`${origin}/hello`)).status, 200)
})

test('told to hang, it accepts and never answers; healed, what hung is dropped and not answered late', async (t) => {
  const { service, origin } = await serve(t)
  service.faults.set('hang')
  const hung = fetch(`${origin}/hello`)
  hung.catch(() => {})
  while (service.faults.held === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(await Promise.race([hung, new Promise((resolve) => setTimeout(resolve, 200, 'silence'))]), 'silence')
  service.faults.set('none')
  await assert.rejects(hung)
  assert.equal(service.faults.held, 0)
  assert.equal((await fetch(`${origin}/hello`)).status, 200)
})

test('a caller who leaves a hanging service is forgotten by it', async (t) => {
  const { service, origin } = await serve(t)
  service.faults.set('hang')
  await assert.rejects(fetch(`${origin}/hello`, { signal: AbortSignal.timeout(100) }))
  while (service.faults.held > 0) await new Promise((resolve) => setTimeout(resolve, 5))
})

test('told to be slow, it answers late', async (t) => {
  const { service, origin } = await serve(t)
  service.faults.set('slow')
  const begun = performance.now()
  assert.equal((await fetch(`${origin}/hello`)).status, 200)
  assert.ok(performance.now() - begun >= 1400)
})

test('a taken port is an error, unless it may move', async (t) => {
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  t.after(() => squatter.close())
  const { port } = squatter.address() as AddressInfo
  const stubborn = new Service({})
  await assert.rejects(stubborn.listen(port), { code: 'EADDRINUSE' })
  const movable = new Service({})
  t.after(() => movable.stop())
  assert.notEqual(new URL(await movable.listen(port, true)).port, String(port))
})
