// How endpoints of a service are used: the schema restates what the client checks by hand. Here both are asked about the same values
// and must answer the same, and the defaults that editors are told must be the client's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUpstream, type ServiceOptions } from '@switchgear/client'
import { OptionsError, Registry } from '@switchgear/core'
import * as fc from 'fast-check'
import { loadSettings } from '../../client/src/balancing/load.ts'
import { ejectionRules } from '../../client/src/ejection/options.ts'
import { endpointsSettings } from '../../client/src/endpoints/options.ts'
import { transportSettings } from '../../client/src/transport/options.ts'
import { jsonSchema, parseConfig } from '../src/index.ts'
import { service } from '../src/schema/service.ts'
import { problemsOf, yaml } from './faulty.ts'
import { edges, kinds, strange } from './values.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

const options = {
  ejection:
    'consecutiveFailures successRate failureShare interval baseTime maxTime jitter maxShare panicThreshold probation toString',
  load: 'slowStart aggression timeConstant failurePenalty toString',
  presence: 'drainFor waitFor maxWaiting toString',
  connections: 'maxConnections connectTimeout keepAlive maxAge http2 maxStreams toString',
} as const
const inside = { successRate: 'stdevFactor endpoints calls gap x', failureShare: 'share endpoints calls x' } as const

async function clientAccepts(one: object): Promise<boolean> {
  try {
    const upstream = createUpstream('a', { endpoints: ['http://a'], ...one } as ServiceOptions, {
      registry: new Registry(),
    })
    await upstream.close()
    return true
  } catch (error) {
    // `{ ejection: 5 }` is no mapping, which TypeScript forbids and the client does not look for.
    assert.ok(error instanceof OptionsError || error instanceof TypeError, String(error))
    return false
  }
}

async function agree(one: object): Promise<void> {
  const found = service.safeParse({ endpoints: ['http://a'], ...one })
  const wanted = await clientAccepts(one)
  assert.equal(found.success, wanted, `client ${wanted ? 'accepts' : 'refuses'} ${JSON.stringify(one)}`)
  if (found.success) assert.deepEqual(found.data, { endpoints: ['http://a'], ...one })
}

test('schema and client agree on every option at every edge', async () => {
  const primes = [250, 251, 252, 4093, 4095, 5_000_011, 5_000_012, 5_000_023]
  for (const value of [...edges, ...primes]) {
    for (const [key, names] of Object.entries(options))
      for (const name of names.split(' ')) await agree({ [key]: { [name]: value } })
    for (const [key, names] of Object.entries(inside))
      for (const name of names.split(' ')) await agree({ ejection: { [key]: { [name]: value } } })
    await agree({ balancer: { maglev: { tableSize: value } } })
  }
})

test('they agree on the bounds between options, on names and on what is off', async () => {
  const times = [undefined, '1ms', '29s', '30s', '31s', '5m', '6m']
  for (const baseTime of times) for (const maxTime of times) await agree({ ejection: given({ baseTime, maxTime }) })
  for (const name of ['peakEwma', 'leastRequest', 'roundRobin', 'weighted', 'random', 'maglev', 'best', 'toString', ''])
    await agree({ balancer: name })
  for (const http2 of ['auto', 'never', 'always', 'maybe']) await agree({ connections: { http2 } })
  for (const one of [
    { balancer: {} },
    { balancer: { random: {} } },
    { ejection: false },
    { ejection: {} },
    { load: {} },
  ])
    await agree(one)
  for (const key of ['consecutiveFailures', 'successRate', 'failureShare']) await agree({ ejection: { [key]: false } })
  for (const tls of [true, false, {}, { serverName: 'a.b' }]) await agree({ connections: { tls } })
})

test('property: a hedge that the schema accepts beside the policies is one that the client accepts, and the other way round', async () => {
  await fc.assert(
    fc.asyncProperty(kinds['hedge'] ?? fc.constant({}), async (hedge) => {
      // A shared budget has to be there, which is not the schema's to know.
      fc.pre(typeof (hedge as { budget?: unknown }).budget !== 'string')
      await agree({ hedge })
    }),
    { seed, numRuns: 1000 },
  )
})

test('property: whatever is accepted, be it ever so strange, the client accepts too', async () => {
  const keys = [...Object.keys(options), 'balancer', 'hedge']
  const value = fc.oneof(strange, fc.dictionary(fc.constantFrom('maglev', 'interval', 'tls', 'waitFor'), strange))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...keys), value, async (key, one) => {
      if (service.safeParse({ endpoints: ['http://a'], [key]: one }).success)
        assert.ok(await clientAccepts({ [key]: one }))
    }),
    { seed, numRuns: 1000 },
  )
})

interface Node {
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node
  readonly anyOf?: readonly Node[]
  readonly default?: unknown
}

/** The defaults that the schema tells of an option of a service. */
function told(...steps: readonly string[]): Record<string, unknown> {
  let node = (jsonSchema() as Node).properties?.['services']?.additionalProperties
  for (const step of steps)
    node = (node?.anyOf?.find(({ properties }) => properties !== undefined) ?? node)?.properties?.[step]
  const { properties = {} } = node?.anyOf?.find(({ properties }) => properties !== undefined) ?? node ?? {}
  const known = Object.entries(properties).filter(([, one]) => one.default !== undefined)
  assert.ok(known.length > 0, steps.join('.'))
  return Object.fromEntries(known.map(([key, one]) => [key, one.default]))
}

test('the defaults that are told are those of the client', () => {
  const successRate = told('ejection', 'successRate')
  const failureShare = told('ejection', 'failureShare')
  const ejection = told('ejection')
  assert.deepEqual([Object.keys(ejection).length, Object.keys(successRate).length], [8, 4])
  assert.deepEqual(ejectionRules({ ...ejection, successRate, failureShare }, 'x'), ejectionRules({}, 'x'))
  assert.deepEqual(loadSettings(told('load')), loadSettings())
  assert.deepEqual(endpointsSettings(told('presence')), endpointsSettings())
  assert.deepEqual(transportSettings(told('connections'), 'x', 7), transportSettings({}, 'x', 7))
  assert.equal(told('balancer', 'maglev')['tableSize'], 16_381)
})

test('what is misspelled or out of bounds is told at its place', () => {
  const text = yaml(
    'services:',
    '  a:',
    '    endpoints: [http://a]',
    '    balancer: peakEwm',
    '    ejection: { consecutivFailures: 3, baseTime: 1m, maxTime: 30s, successRate: true }',
    '    load: { slowStart: soon }',
    '    connections: { http2: maybe, tls: { ca: x } }',
    '  b:',
    '    endpoints: [http://a]',
    '    balancer: { maglev: { tableSize: 4095 } }',
    '    hedge: { budget: shop }',
    '    presense: {}',
  )
  assert.deepEqual(problemsOf(text), [
    "4:15 services.a.balancer: got 'peakEwm' ?peakEwma",
    '5:17 services.a.ejection.consecutivFailures: unknown key ?consecutiveFailures',
    "5:63 services.a.ejection.maxTime: got '30s'",
    '5:81 services.a.ejection.successRate: got true',
    "6:24 services.a.load.slowStart: got 'soon'",
    "7:27 services.a.connections.http2: got 'maybe'",
    '7:41 services.a.connections.tls.ca: unknown key',
    '10:38 services.b.balancer.maglev.tableSize: got 4095',
    "11:22 services.b.hedge.budget: unknown shared budget 'shop'",
    '12:5 services.b.presense: unknown key ?presence',
  ])
})

test('hosts outside have what services have, under names of their own', () => {
  const host = 'api.example.com: { policies: [{ timeout: 2s }, { circuitBreaker: {} }], deadlines: true }'
  const config = parseConfig(yaml('services: {}', 'external:', `  ${host}`, '  localhost:8443: {}', 'zone: eu-1a'))
  assert.deepEqual(Object.keys(config.external ?? {}), ['api.example.com', 'localhost:8443'])
  assert.deepEqual([config.external?.['api.example.com']?.deadlines, config.zone], [true, 'eu-1a'])
  const wrong = yaml(
    'services: { api: { endpoints: [http://a] } }',
    'external:',
    '  api: {}',
    '  Api.example.com: {}',
    '  https://b: {}',
    '  c:0: {}',
    '  d: { policies: [{ retry: {} }, { retry: { budget: x } }, { hedge: {} }, { cache: {} }], deadline: true }',
  )
  assert.deepEqual(problemsOf(wrong), [
    "3:3 external.api: 'api' is a service too",
    `4:3 external["Api.example.com"]: got 'Api.example.com'`,
    `5:3 external["https://b"]: got 'https://b'`,
    `6:3 external["c:0"]: got 'c:0'`,
    '7:36 external.d.policies[1].retry: a second retry, which multiplies the attempts of the first',
    "7:53 external.d.policies[1].retry.budget: unknown shared budget 'x'",
    '7:62 external.d.policies[2].hedge: a hedge among the policies of a host',
    '7:77 external.d.policies[3].cache: a cache among the policies of a host',
    '7:91 external.d.deadline: unknown key ?deadlines',
  ])
})

/** The options that have a value: a file cannot say undefined. */
function given(all: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
