// `discovery`: the schema restates what each source checks by hand, so both are asked about the same values; and what is wrong is told
// at its place.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OptionsError } from '@switchgear/core'
import { createDirectory, fileResolver, registryResolver, staticResolver } from '@switchgear/discovery'
import type { z } from 'zod'
import { consulSettings } from '../../discovery/src/consul/options.ts'
import { completeOptions } from '../../discovery/src/dns/options.ts'
import { etcdSettings } from '../../discovery/src/etcd/options.ts'
import { kubernetesSettings } from '../../discovery/src/kubernetes/options.ts'
import { natsSettings } from '../../discovery/src/nats/options.ts'
import { checkConfig, parseConfig } from '../src/index.ts'
import { discovery } from '../src/schema/discovery.ts'
import { errorOf, problemsOf, yaml } from './faulty.ts'
import { edges } from './values.ts'

type Make = (options: object) => unknown

/** Each source with what it needs at least, who checks it in code, and its options that mean the same in both. */
const sources: Readonly<Record<string, readonly [needed: object, make: Make, names: string]>> = {
  registry: [
    { urls: 'http://a' },
    (options) => void registryResolver(options as never).close(),
    'urls connectTimeout maxServices x',
  ],
  dns: [
    { port: 80 },
    (options) => completeOptions(options),
    'name type port scheme family servers search ndots timeout attempts resolvConf hosts minTtl maxTtl maxNegativeTtl backoff ' +
      'maxBackoff maxInFlight maxEndpoints x',
  ],
  file: [{ path: 'a.json' }, (options) => void fileResolver(options as never).close(), 'path every maxBytes x'],
  consul: [
    { url: 'http://a' },
    (options) => consulSettings(options as never),
    'url datacenter tag namespace passingOnly stale maxStale wait timeout atMostEvery settleFor maxAnswerBytes x',
  ],
  kubernetes: [
    { server: 'http://a', namespace: 'shop' },
    (options) => kubernetesSettings(options as never),
    'server namespace tokenFile caFile port watchFor timeout atMostEvery gatherFor pageSize maxAnswerBytes maxSlices x',
  ],
  etcd: [
    { urls: 'http://a' },
    (options) => etcdSettings(options as never),
    'urls prefix timeout checkEvery maxEndpoints x',
  ],
  nats: [
    { servers: 'a:4222', bucket: 'services' },
    (options) => natsSettings(options as never),
    'servers bucket timeout checkEvery maxEndpoints x',
  ],
}

const urls = [
  'http://a',
  'https://a:1/b',
  'http://u:p@a',
  'ftp://a',
  'http://a?x',
  'http://a/#b',
  'a:4222',
  'u@a',
  'http://a/',
]
const names = [
  '{service}',
  '{service}:80',
  'a.{service}',
  '/x/{service}/',
  '/x/{service}',
  'shop',
  'Shop',
  '-a',
  'a b',
  'A',
  'SRV',
]
const lists = [
  ['a'],
  ['http://a'],
  ['http://a', 'http://u@b'],
  [''],
  ['10.0.0.1'],
  ['10.0.0.1:0'],
  ['[::1]:53'],
  ['::1'],
  ['a b'],
]
const words = ['any', 'ipv4', 'http', 'https', '10m', '601s', '10s', '3600001ms', '5m']
const values: readonly unknown[] = [
  ...edges,
  ...urls,
  ...names,
  ...lists,
  ...words,
  65_535,
  65_536,
  4096,
  4095,
  1024,
  1023,
]

function accepted(make: Make, options: object): boolean {
  try {
    make(options)
    return true
  } catch (error) {
    // What is of another type altogether TypeScript forbids: it need not be an error of ours, but an error.
    assert.ok(error instanceof OptionsError || error instanceof TypeError, String(error))
    return false
  }
}

/** Texts that code takes and a file does not: nobody means them. */
const stricter = new Set([
  'path',
  'tokenFile',
  'caFile',
  'resolvConf',
  'hosts',
  'name',
  'urls',
  'servers',
  'tag',
  'search',
  // A number that reads like a name.
  'namespace',
])

for (const [kind, [needed, make, options]] of Object.entries(sources)) {
  test(`${kind}: what the schema accepts is accepted in code, and mostly the other way round`, () => {
    let [both, neither] = [0, 0]
    for (const name of options.split(' ')) {
      for (const value of values) {
        const given = { ...needed, [name]: value }
        const inFile = discovery.safeParse({ [kind]: given }).success
        const inCode = accepted(make, given)
        const said = `${JSON.stringify(given)}: file ${inFile}, code ${inCode}`
        if (inFile) assert.ok(inCode, said)
        if (!stricter.has(name)) assert.equal(inFile, inCode, said)
        if (inFile) both++
        else if (!inCode) neither++
      }
    }
    assert.ok(both > 20 && neither > 200, `${both} accepted, ${neither} refused`)
  })
}

test('how what is found is kept: schema and directory agree', () => {
  const resolver = staticResolver({})
  for (const name of ['absentFor', 'emptyFor', 'maxServices', 'maxEndpoints']) {
    for (const value of values) {
      const inFile = discovery.safeParse({ kubernetes: true, [name]: value }).success
      assert.equal(
        inFile,
        accepted((options) => createDirectory({ resolver, ...options }), { [name]: value }),
        `${name} ${String(value)}`,
      )
    }
  }
})

test('the bounds between two durations of DNS are those of code', () => {
  const times = [undefined, '1s', '2s', '29s', '30s', '31s', '5m', '6m']
  const dns = (options: object): z.ZodSafeParseResult<unknown> => discovery.safeParse({ dns: { port: 1, ...options } })
  for (const [least, most] of [
    ['minTtl', 'maxTtl'],
    ['minTtl', 'maxNegativeTtl'],
    ['backoff', 'maxBackoff'],
  ] as const) {
    for (const low of times) {
      for (const high of times) {
        const given = {
          ...(low === undefined ? {} : { [least]: low }),
          ...(high === undefined ? {} : { [most]: high }),
        }
        assert.equal(dns(given).success, accepted(completeOptions, { port: 1, ...given }), JSON.stringify(given))
      }
    }
  }
})

const found = (...lines: readonly string[]): string[] => problemsOf(yaml('services: { a: {} }', ...lines))

test('a source is one of those there are, and alone', () => {
  assert.deepEqual(found('discovery: {}'), ['2:12 discovery: got an empty mapping'])
  assert.deepEqual(found('discovery: { lastKnown: x }'), ['2:12 discovery: got a mapping'])
  assert.deepEqual(found('discovery: { consl: { url: http://a }, kubernetes: true }'), [
    '2:14 discovery.consl: unknown key ?consul',
  ])
  assert.deepEqual(found('discovery: { kubernetes: true, file: { path: x } }'), ['2:26 discovery.kubernetes: got true'])
  assert.deepEqual(
    found('discovery: { prefer: [{ kubernetes: true }, { kubernetes: false }, {}], fallBackAfter: 1s }'),
    [
      '2:59 discovery.prefer[1].kubernetes: got false',
      '2:68 discovery.prefer[2]: got an empty mapping',
      "2:88 discovery.fallBackAfter: got '1s'",
    ],
  )
  const { message } = errorOf(yaml('services: {}', 'discovery: { kubernetes: true, file: { path: x } }'))
  assert.match(message, /expected it alone: several sources stand in a list under prefer, fallBack or merge/)
})

test('what a source needs, and what cannot stand together', () => {
  assert.deepEqual(found('discovery: { registry: {} }'), ['2:14 discovery.registry.urls: missing'])
  const both = '{ urls: http://a, tokenFile: x, tokenVariable: X }'
  assert.deepEqual(found(`discovery: { registry: ${both} }`), ["2:71 discovery.registry.tokenVariable: got 'X'"])
  assert.deepEqual(found('discovery: { registry: { urls: http://a, token: abc } }'), [
    '2:42 discovery.registry.token: unknown key',
  ])
  assert.deepEqual(found('discovery: { etcd: { urls: http://a, username: u, certFile: c } }'), [
    '2:14 discovery.etcd.passwordFile: missing',
    '2:14 discovery.etcd.keyFile: missing',
  ])
  assert.deepEqual(found('discovery: { kubernetes: { server: http://a } }'), [
    '2:14 discovery.kubernetes.namespace: missing',
  ])
  assert.deepEqual(found("discovery: { dns: { name: 'a.{service}.example' } }"), ['2:14 discovery.dns.port: missing'])
})

test('a password in a URL is not shown', () => {
  const { message } = errorOf(yaml('services: {}', 'discovery: { consul: { url: http://u:geheim@a } }'))
  assert.match(message, /discovery\.consul\.url/)
  assert.doesNotMatch(message, /geheim/)
})

test('a service without endpoints needs discovery, and a name that can be looked for', () => {
  assert.deepEqual(problemsOf('services: { a: {}, b: { endpoints: [http://b] } }'), [
    '1:13 services.a.endpoints: missing',
  ])
  const { problems } = errorOf('services: { a: { policies: [] } }')
  assert.match(problems[0]?.expected ?? '', /at least one origin, or discovery: in this file/)
  const discovered = yaml(
    'services: { Orders: {}, a..b: {}, Carts: { endpoints: [http://c] } }',
    'discovery: { kubernetes: true }',
  )
  assert.deepEqual(problemsOf(discovered), [
    "1:13 services.Orders: got 'Orders'",
    '1:25 services["a..b"]: got \'a..b\'',
  ])
  assert.deepEqual(parseConfig(yaml('services: { a: {} }', 'discovery: { kubernetes: true }')), {
    services: { a: {} },
    discovery: { kubernetes: true },
  })
})

test('the check finds discovery that finds nothing, forgets at once, or is not there at a start', () => {
  const findings = (discovered: string, services = '{ a: {} }'): string[] =>
    checkConfig(parseConfig(yaml(`services: ${services}`, `discovery: ${discovered}`))).map(
      ({ id, path }) => `${id} ${path}`,
    )
  assert.deepEqual(findings('{ dns: {} }'), ['dns-without-port discovery.dns'])
  for (const sound of ['{ port: 80 }', '{ type: SRV }', "{ name: '{service}:80' }"])
    assert.deepEqual(findings(`{ dns: ${sound} }`), [], sound)
  assert.deepEqual(findings('{ fallBack: [{ file: { path: x } }, { dns: {} }] }'), [
    'dns-without-port discovery.fallBack[1].dns',
  ])
  assert.deepEqual(findings('{ file: { path: x }, absentFor: 0, emptyFor: 0ms }'), [
    'forgets-at-once discovery.absentFor',
    'forgets-at-once discovery.emptyFor',
  ])
  assert.deepEqual(findings('{ kubernetes: true }'), ['no-last-known discovery'])
  assert.deepEqual(findings('{ merge: [{ file: { path: x } }, { registry: { urls: http://a } }] }'), [
    'no-last-known discovery',
  ])
  assert.deepEqual(findings('{ kubernetes: true, lastKnown: x }'), [])
})

test('the check finds endpoints that stay in spite of failing, and a hedge that comes too late', () => {
  const findings = (options: string, beside = 'zone: a'): string[] =>
    checkConfig(parseConfig(yaml('services:', `  a: { ${options} }`, beside))).map(({ id, path }) => `${id} ${path}`)
  const two = 'endpoints: [http://a, http://b]'
  assert.deepEqual(findings(`${two}, ejection: false`), ['no-ejection services.a.ejection'])
  assert.deepEqual(findings('endpoints: [http://a], ejection: false'), [])
  assert.deepEqual(findings('ejection: false', 'discovery: { file: { path: x } }'), ['no-ejection services.a.ejection'])
  assert.deepEqual(findings(`${two}, ejection: { panicThreshold: 0 }`), [])
  assert.deepEqual(findings(`${two}, ejection: { panicThreshold: 0, maxShare: 0.9 }`), [
    'ejection-without-panic services.a.ejection',
  ])
  // The standard stack ends a call after 10 s, an attempt after 3 s.
  assert.deepEqual(findings(`${two}, hedge: { delay: 9s }`), [])
  assert.deepEqual(findings(`${two}, hedge: { delay: 10s }`), ['hedge-after-timeout services.a.hedge'])
  assert.deepEqual(findings(`${two}, hedge: { delay: 10s, maxHedges: 0 }`), [])
  assert.deepEqual(findings(`${two}, hedge: { budget: { ratio: 2 } }`), [
    'retry-budget-too-generous services.a.hedge.budget',
  ])
  assert.deepEqual(findings(`${two}, hedge: { budget: all }`, 'shared: { budgets: { all: {} } }'), [])
  const outside = 'external: { b.example: { policies: [{ circuitBreaker: {} }], ejection: false } }'
  assert.deepEqual(findings(two, outside), ['no-timeout external["b.example"].policies'])
})
