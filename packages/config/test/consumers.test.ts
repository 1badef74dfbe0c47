// What a configuration is for: client and gateway take what the schema accepts, whatever it was, without a word.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, createUpstream, type ServiceOptions } from '@switchgear/client'
import { OptionsError, type PolicySpec, Registry, sharedFrom } from '@switchgear/core'
import { createGateway, type GatewayOptions } from '@switchgear/gateway'
import * as fc from 'fast-check'
import { parseConfig } from '../src/index.ts'
import { references } from '../src/references/references.ts'
import { gateway } from '../src/schema/gateway.ts'
import { service } from '../src/schema/service.ts'
import { yaml } from './faulty.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

test('a configuration is handed to client and gateway as it is', async () => {
  const config = parseConfig(
    yaml(
      'gateway: { port: 0, stallTimeout: 5s, requestTimeout: 1m, routes: [{ path: /a, service: a }, { path: /, service: b, methods: [GET] }] }',
      'services:',
      '  a: { endpoints: [http://127.0.0.1:1], policies: [{ circuitBreaker: { preset: database } }, { timeout: 1s }] }',
      '  b: { endpoints: [http://127.0.0.1:1], fallback: { cached: { maxEntries: 5 }, body: none } }',
    ),
  )
  const client = createClient({ services: config.services })
  assert.deepEqual(
    client.registry.snapshot().pipelines.map(({ name, policies }) => [name, policies.length]),
    [
      ['a', 2],
      ['b', 5],
    ],
  )
  await client.close()
  const options: GatewayOptions = { ...config.gateway, routes: config.gateway?.routes ?? [], services: config.services }
  const front = createGateway(options)
  const { port } = await front.start()
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/x`)
    assert.equal(answer.headers.get('switchgear-fallback'), 'fallback')
    assert.equal(await answer.text(), 'none')
  } finally {
    await front.stop()
  }
})

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }))
const endpoint = fc
  .tuple(
    fc.constantFrom('http://', 'https://', 'HTTP://', 'http:', '//', ''),
    fc.oneof(
      fc.constantFrom('a', '127.0.0.1', '[::1]', 'a.b', 'ä', '[::', '1.2.3', 'a_b', '%41', '0x7f.1', 'xn--a'),
      text,
    ),
    fc.oneof(fc.constantFrom('', ':80', ':0', ':65535', ':65536', '/', '/x', '?', '#', ':', ':80/'), text),
  )
  .map((parts) => parts.join(''))
const header = fc.oneof(fc.constantFrom('content-type', 'x-a', 'Content-Length', 'a b', '', 'x:y'), text)

test('property: a service that the schema accepts is one that the client accepts', async () => {
  let accepted = 0
  const services = fc.record(
    {
      endpoints: fc.oneof(fc.constant(['http://a']), fc.array(endpoint, { maxLength: 2 })),
      fallback: fc.record(
        {
          name: fc.oneof(fc.constantFrom('stale', 'a b', ''), text),
          cached: fc.oneof(
            fc.boolean(),
            fc.record(
              {
                maxEntries: fc.oneof(fc.integer({ min: -1, max: 9 }), fc.double()),
                maxBytes: fc.oneof(
                  fc.constantFrom('1mb', '0.5b', '0.0001kb', '0kb', '1.5gb', '9'.repeat(17) + 'b', '1 kb', '1e3kb'),
                  fc.integer(),
                  fc.double(),
                ),
              },
              { requiredKeys: [], noNullPrototype: true },
            ),
          ),
          status: fc.oneof(fc.constantFrom(200, 204, 304, 503, 199, 600), fc.double()),
          headers: fc.dictionary(
            header,
            fc.oneof(fc.constantFrom('text/plain', 'a\r\nb: c', ' x ', '\u0000', 'é', '☃'), text),
            { noNullPrototype: true },
          ),
          body: text,
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    },
    { requiredKeys: ['endpoints'], noNullPrototype: true },
  )
  await fc.assert(
    fc.asyncProperty(services, async (options) => {
      if (!service.safeParse(options).success) return
      accepted++
      await createUpstream('a', options as ServiceOptions, { registry: new Registry() }).close()
    }),
    { seed, numRuns: 4000 },
  )
  assert.ok(accepted > 300, `only ${accepted} of 4000 were accepted`)
})

test('property: routes that the schema accepts are routes that the gateway accepts', async () => {
  let accepted = 0
  const piece = fc.oneof(
    {
      arbitrary: fc.constantFrom('/', 'a', '/orders', '/v1', '/a.b', '/~x', '/%C3%A9', '/%20', '/healthz', '/metrics'),
      weight: 9,
    },
    fc.constantFrom(
      '.',
      '..',
      '%2F',
      '%2f',
      '%2e',
      '%41',
      '%c3%a9',
      '%FF',
      '%C0%AF',
      '%252F',
      '%',
      ';',
      '\\',
      '//',
      '?x',
      '#',
      ' ',
      'é',
      '%00',
      '%7F',
      '%3F',
    ),
    text,
  )
  const path = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''))
  await fc.assert(
    fc.asyncProperty(
      path,
      fc.subarray(['GET', 'HEAD', 'POST', 'get', 'FOO'], { minLength: 1 }),
      fc.boolean(),
      async (prefix, methods, all) => {
        const routes = [{ path: prefix, service: 'a', ...(all ? {} : { methods }) }]
        if (!gateway.safeParse({ routes }).success) return
        accepted++
        await createGateway({ routes, services: { a: { endpoints: ['http://a'] } } }).stop()
      },
    ),
    { seed, numRuns: 4000 },
  )
  assert.ok(accepted > 300, `only ${accepted} of 4000 were accepted`)
})

test('property: two routes collide here exactly where they collide in the gateway', async () => {
  const route = fc.record(
    {
      path: fc.constantFrom('/', '/a', '/a/', '/a/b', '/b'),
      service: fc.constant('a'),
      methods: fc.subarray(['GET', 'HEAD', 'POST', 'PUT'], { minLength: 1 }),
    },
    { requiredKeys: ['path', 'service'], noNullPrototype: true },
  )
  let collided = 0
  await fc.assert(
    fc.asyncProperty(fc.array(route, { minLength: 1, maxLength: 4 }), async (routes) => {
      const services = { a: { endpoints: ['http://a'] } }
      const mistakes = references({ gateway: { routes }, services })
      if (mistakes.length === 0) return await createGateway({ routes, services }).stop()
      collided++
      assert.throws(() => createGateway({ routes, services }), OptionsError)
      return undefined
    }),
    { seed, numRuns: 2000 },
  )
  assert.ok(collided > 200 && collided < 1800, `${collided} of 2000 collided`)
})

test('property: policies are refused here exactly where the client refuses them', async () => {
  const shared = { budgets: { a: {} }, circuitBreakers: { a: 'critical' } } as const
  const one = fc.constantFrom<PolicySpec>(
    { circuitBreaker: {} },
    { circuitBreaker: { shared: 'a' } },
    { circuitBreaker: { shared: 'b' } },
    { retry: { budget: 'a' } },
    { retry: { budget: 'b' } },
    { timeout: '1s' },
    { timeout: '1s' },
    { bulkhead: {} },
    { bulkhead: { maxQueue: 5 } },
    { adaptiveLimit: { maxQueue: 5 } },
    { rateLimit: {} },
    { throttle: {} },
    { shed: {} },
    { hedge: {} },
    { cache: {} },
    { coalesce: {} },
    { chaos: { for: '1m' } },
    { fallback: { value: 1 } },
  )
  let refused = 0
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 4 }), async (policies) => {
      const service = { endpoints: ['http://a'], policies }
      const make = () => createUpstream('s', service, { registry: new Registry(), shared: sharedFrom(shared) })
      if (references({ services: { s: service }, shared }).length === 0) return await make().close()
      refused++
      assert.throws(make, OptionsError)
      return undefined
    }),
    { seed, numRuns: 2000 },
  )
  assert.ok(refused > 500 && refused < 1700, `${refused} of 2000 were refused`)
})
