import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../src/index.ts'
import { errorOf, problemsOf, yaml } from './faulty.ts'

const policies = (...items: readonly string[]): string =>
  yaml('services:', '  a:', '    endpoints: [http://a]', '    policies:', ...items.map((item) => `      - ${item}`))

test('a configuration is read with its defaults and frozen throughout', () => {
  const config = parseConfig(
    yaml(
      'gateway:',
      '  routes: [{ path: /pay, service: payments, stripPrefix: true, methods: [POST] }]',
      'services:',
      '  payments:',
      '    endpoints: [http://127.0.0.1:8081, https://payments.example/]',
      '    policies: [{ retry: { budget: { ratio: 0.1 } } }, { circuitBreaker: critical }, { timeout: 800ms }]',
      '    fallback: { status: 202, headers: { content-type: text/plain }, body: later }',
    ),
  )
  assert.deepEqual(config, {
    gateway: {
      host: '127.0.0.1',
      port: 8080,
      drainTimeout: '10s',
      routes: [{ path: '/pay', service: 'payments', stripPrefix: true, methods: ['POST'] }],
    },
    services: {
      payments: {
        endpoints: ['http://127.0.0.1:8081', 'https://payments.example/'],
        policies: [{ retry: { budget: { ratio: 0.1 } } }, { circuitBreaker: 'critical' }, { timeout: '800ms' }],
        fallback: { status: 202, headers: { 'content-type': 'text/plain' }, body: 'later' },
      },
    },
  })
  const thawed: string[] = []
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    if (!Object.isFrozen(value)) thawed.push(path)
    for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`)
  }
  walk(config, 'config')
  assert.deepEqual(thawed, [])
})

test('without a gateway there is none, and a service needs only endpoints', () => {
  assert.deepEqual(parseConfig('services: { a: { endpoints: [http://a] } }'), {
    services: { a: { endpoints: ['http://a'] } },
  })
  assert.deepEqual(parseConfig('services: {}'), { services: {} })
})

test('the message names file, line, column, path, the known key and what else there is, and shows the line', () => {
  const text = policies('timeout: 5s', 'retry: { maxAttempts: 2 }', 'retry:', '    maxAttempt: 3')
  const [, second] = text
    .replace('      -     maxAttempt', '          maxAttempt')
    .split('- retry: { maxAttempts: 2 }\n')
  const { message } = errorOf(
    yaml('services:', '  payments:', '    endpoints: [http://a]', '    policies:', '      - timeout: 5s').concat(
      second ?? '',
    ),
  )
  assert.equal(
    message,
    [
      '1 problem in switchgear.yaml',
      "switchgear.yaml:7:11 services.payments.policies[1].retry.maxAttempt: unknown key, did you mean 'maxAttempts'? " +
        'expected one of name, maxAttempts, backoff, delay, maxDelay, jitter, budget',
      '    7 |           maxAttempt: 3',
      '      |           ^',
    ].join('\n'),
  )
})

test('the file is named as it was given', () => {
  assert.throws(() => parseConfig('a: 1', 'conf/shop.yaml'), {
    file: 'conf/shop.yaml',
    message: /^2 problems in conf\/shop.yaml\nconf\/shop.yaml:1:1 /,
  })
})

test('all problems come at once, in the order of their positions', () => {
  const text = yaml(
    'gateway:',
    '  prot: 80',
    '  port: 80800',
    '  drainTimeout: 10 s',
    '  routes:',
    '    - { path: orders, service: odrers }',
    'services:',
    '  orders:',
    '    endpoints: [ftp://a]',
    '    policies:',
    '      - timeout: 0',
    '      - circuitBreaker: { failureRatio: 50, openFor: 10m, openForMax: 5m }',
    '  payments:',
    '    policies: { retry: {} }',
  )
  assert.deepEqual(problemsOf(text), [
    '2:3 gateway.prot: unknown key ?port',
    '3:9 gateway.port: got 80800',
    "4:17 gateway.drainTimeout: got '10 s'",
    "6:15 gateway.routes[0].path: got 'orders'",
    "6:32 gateway.routes[0].service: unknown service 'odrers' ?orders",
    "9:17 services.orders.endpoints[0]: got 'ftp://a'",
    '11:18 services.orders.policies[0].timeout: got 0',
    '12:41 services.orders.policies[1].circuitBreaker.failureRatio: got 50',
    "12:71 services.orders.policies[1].circuitBreaker.openForMax: got '5m'",
    '13:3 services.payments.endpoints: missing',
    '14:15 services.payments.policies: got a mapping',
  ])
})

test('an item of policies is one known policy', () => {
  const text = policies('{}', 'timeout', 'timout: 5s', '{ retry: {}, timeout: 0 }', '[]', '~', '{ retry: {}, foo: 1 }')
  assert.deepEqual(problemsOf(text), [
    '5:9 services.a.policies[0]: got an empty mapping',
    "6:9 services.a.policies[1]: got 'timeout'",
    '7:9 services.a.policies[2].timout: unknown key ?timeout',
    "8:22 services.a.policies[3].timeout: cannot stand beside 'retry'",
    '8:31 services.a.policies[3].timeout: got 0',
    '9:9 services.a.policies[4]: got an empty list',
    '10:9 services.a.policies[5]: got nothing',
    '11:11 services.a.policies[6].retry: a second retry, which multiplies the attempts of the first',
    '11:22 services.a.policies[6].foo: unknown key',
  ])
})

test('a policy without a value asks for {}', () => {
  const { problems } = errorOf(policies('circuitBreaker:', 'retry:', 'timeout:', 'bulkhead:'))
  assert.deepEqual(
    problems.map(({ line, column, message }) => [line, column, message]),
    [5, 6, 7, 8].map((line) => [line, 9, 'got nothing']),
  )
  assert.match(problems[1]?.expected ?? '', /\{\} takes the defaults/)
})

test('a preset is known by name, and its options count in the bounds between options', () => {
  assert.deepEqual(problemsOf(policies('circuitBreaker: critcal', 'circuitBreaker: { preset: databse }')), [
    "5:25 services.a.policies[0].circuitBreaker: got 'critcal' ?critical",
    "6:35 services.a.policies[1].circuitBreaker.preset: got 'databse' ?database",
  ])
  // flakyExternal is open for 60 s; recommended has ratios, so that the count may be off.
  assert.deepEqual(problemsOf(policies('circuitBreaker: { preset: flakyExternal, openForMax: 45s }')), [
    "5:62 services.a.policies[0].circuitBreaker.openForMax: got '45s'",
  ])
  assert.ok(parseConfig(policies('circuitBreaker: { preset: critical, openForMax: 15s }')))
  assert.ok(parseConfig(policies('circuitBreaker: { preset: recommended, consecutiveFailures: false }')))
  assert.deepEqual(problemsOf(policies('circuitBreaker: { preset: critical, consecutiveFailures: false }')), [
    '5:66 services.a.policies[0].circuitBreaker.consecutiveFailures: got false',
  ])
})

const withFallback = (fallback: string): string => `services: { a: { endpoints: [http://a], fallback: ${fallback} } }`

test('a fallback of a service stands beside its policies', () => {
  const { problems } = errorOf(policies('fallback: { value: 1 }'))
  assert.deepEqual(
    problems.map(({ line, column, message, expected }) => [line, column, message, expected]),
    [[5, 9, 'a fallback among the policies of a service', 'it beside them, as services.a.fallback']],
  )
  assert.deepEqual(parseConfig(withFallback('{ cached: true }')).services['a']?.fallback, { cached: true })
  assert.deepEqual(parseConfig(withFallback('{ cached: { maxBytes: 64kb }, status: 204 }')).services['a']?.fallback, {
    cached: { maxBytes: '64kb' },
    status: 204,
  })
  for (const empty of ['{}', '{ cached: false }', '{ headers: { a: b } }']) {
    assert.match(
      errorOf(withFallback(empty)).message,
      /services\.a\.fallback: got .* expected cached: true, a status or a body in it/,
    )
  }
  assert.deepEqual(
    problemsOf(
      withFallback('{ status: 100, body: { a: 1 }, headers: { "a b": x, transfer-encoding: x, c: "d\\ne" } }'),
    ),
    [
      '1:61 services.a.fallback.status: got 100',
      '1:72 services.a.fallback.body: got a mapping',
      '1:93 services.a.fallback.headers["a b"]: got \'a b\'',
      "1:103 services.a.fallback.headers.transfer-encoding: got 'transfer-encoding'",
      "1:128 services.a.fallback.headers.c: got 'd\uFFFDe'",
    ],
  )
})

const ofEndpoints = (...endpoints: string[]): string[] =>
  problemsOf(`services: { a: { endpoints: ${JSON.stringify(endpoints)} } }`)

test('endpoints are origins, each once', () => {
  for (const wrong of [
    'a:80',
    'http://',
    'http://a/b',
    'http://a?b',
    'http://a#b',
    'ws://a',
    'http://a:0',
    'http://a:99999',
    '//a',
    'http://a b',
  ]) {
    assert.deepEqual(ofEndpoints(wrong), [`1:30 services.a.endpoints[0]: got '${wrong}'`])
  }
  assert.deepEqual(ofEndpoints(), ['1:29 services.a.endpoints: got an empty list'])
  assert.deepEqual(ofEndpoints('http://a', 'http://a:80/'), [
    "1:41 services.a.endpoints[1]: 'http://a:80/' is listed already",
  ])
  assert.ok(parseConfig('services: { a: { endpoints: ["http://[::1]:80", http://127.0.0.1:80, https://a.b] } }'))
})

test('a password in an endpoint is refused and shown nowhere', () => {
  const error = errorOf('services: { a: { endpoints: [http://user:geheim@a] } }')
  assert.equal(error.problems.length, 1)
  assert.doesNotMatch(JSON.stringify([error.message, error.problems, error.cause]), /geheim|user/)
})

const named = (name: string): string => `services: { ${JSON.stringify(name)}: { endpoints: [http://a] } }`

test('names of services', () => {
  for (const good of ['a', 'A1', 'payments.v2', 'a_b-c', '0', 'a'.repeat(63)]) assert.ok(parseConfig(named(good)), good)
  for (const bad of ['', 'a b', '-a', 'a.', 'a/b', 'ä', 'a'.repeat(64)])
    assert.match(problemsOf(named(bad))[0] ?? '', /^1:13 services.*: got '/, bad)
})

const routedTo = (service: string, services: string): string =>
  `gateway: { routes: [{ path: /, service: ${service} }] }\nservices: { ${services} }\n`

test('a route needs a service that exists', () => {
  assert.deepEqual(
    problemsOf(routedTo('paymets', 'payments: { endpoints: [http://a] }, orders: { endpoints: [http://a] }')),
    ["1:41 gateway.routes[0].service: unknown service 'paymets' ?payments"],
  )
  assert.match(errorOf(routedTo('a', '')).message, /unknown service 'a', expected a service, but none is defined/)
  // Names that every object has are not services.
  assert.deepEqual(problemsOf(routedTo('constructor', '')), [
    "1:41 gateway.routes[0].service: unknown service 'constructor'",
  ])
  // It is told also when the services themselves are wrong.
  assert.equal(problemsOf('gateway: { routes: [{ path: /, service: a }] }\nservices: []\n').length, 2)
  assert.equal(problemsOf('gateway: { routes: [{ path: /, service: a }] }\n').length, 2)
})

const routed = (...routes: string[]): string =>
  yaml(
    'services: { a: { endpoints: [http://a] } }',
    'gateway:',
    '  routes:',
    ...routes.map((route) => `    - { service: a, ${route} }`),
  )

test('no path and method is routed twice', () => {
  assert.deepEqual(
    problemsOf(routed('path: /x, methods: [GET]', 'path: /x, methods: [POST]', 'path: /x/, methods: [HEAD]')),
    ["6:27 gateway.routes[2].path: '/x/' is routed already, by gateway.routes[0]"],
  )
  assert.deepEqual(problemsOf(routed('path: /x, methods: [POST]', 'path: /x')), [
    "5:27 gateway.routes[1].path: '/x' is routed already, by gateway.routes[0]",
  ])
  assert.deepEqual(problemsOf(routed('path: /x', 'path: /x, methods: [POST]', 'path: /x')), [
    "5:27 gateway.routes[1].path: '/x' is routed already, by gateway.routes[0]",
    "6:27 gateway.routes[2].path: '/x' is routed already, by gateway.routes[0]",
  ])
  assert.ok(parseConfig(routed('path: /x, methods: [GET]', 'path: /x, methods: [POST]', 'path: /y', 'path: /')))
})
