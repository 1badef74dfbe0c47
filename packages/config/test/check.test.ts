import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig, type Finding, parseConfig } from '../src/index.ts'
import { yaml } from './faulty.ts'

/** The findings for a service `a` with these policies, and with what stands beside them. */
function findings(policies: string, beside = ''): Finding[] {
  return checkConfig(
    parseConfig(
      yaml(
        'services:',
        '  a:',
        '    endpoints: [http://a]',
        `    policies: [${policies}]`,
        beside,
        'gateway: { routes: [{ path: /a, service: a }] }',
      ),
    ),
  )
}

/** `id path` of each. */
function found(policies: string, beside?: string): string[] {
  return findings(policies, beside).map(({ id, path }) => `${id} ${path}`)
}

const sound = '{ bulkhead: {} }, { timeout: 10s }, { retry: {} }, { circuitBreaker: {} }, { timeout: 3s }'

test('a sound stack, and one that is the standard, have no findings', () => {
  assert.deepEqual(found(sound), [])
  assert.deepEqual(checkConfig(parseConfig('services: { a: { endpoints: [http://a] } }')), [])
})

test('no timeout', () => {
  assert.deepEqual(found('{ circuitBreaker: {} }'), ['no-timeout services.a.policies'])
  assert.deepEqual(found('{ circuitBreaker: {} }, { retry: {} }'), ['no-timeout services.a.policies'])
})

test('no circuit breaker', () => {
  assert.deepEqual(found('{ timeout: 1s }'), ['no-circuit-breaker services.a.policies'])
  assert.deepEqual(found(''), ['no-timeout services.a.policies', 'no-circuit-breaker services.a.policies'])
})

test('a retry needs a timeout on both sides, unless it tries only once', () => {
  const inside = 'retry-without-attempt-timeout services.a.policies[1].retry'
  const outside = 'retry-without-total-timeout services.a.policies[0].retry'
  assert.deepEqual(found('{ timeout: 9s }, { retry: {} }, { circuitBreaker: {} }'), [inside])
  assert.deepEqual(found('{ retry: { maxAttempts: 2 } }, { circuitBreaker: {} }, { timeout: { after: 1s } }'), [
    outside,
  ])
  assert.deepEqual(found('{ retry: { maxAttempts: 1 } }, { circuitBreaker: {} }, { timeout: 1s }'), [])
})

const nested = (outer: string, inner: string): string[] =>
  found(`{ timeout: ${outer} }, { retry: {} }, { circuitBreaker: {} }, { timeout: ${inner} }`)

test('a timeout that is not shorter than one outside of it', () => {
  const id = ['attempt-timeout-over-total services.a.policies[3].timeout']
  assert.deepEqual(nested('2s', '3s'), id)
  assert.deepEqual(nested('2s', '2000ms'), id)
  assert.deepEqual(nested('2s', '1999'), [])
})

test('a circuit that closes before the calls of its outage have ended', () => {
  const of = (openFor: string, timeout: string): string[] =>
    found(`{ circuitBreaker: { openFor: ${openFor} } }, { timeout: ${timeout} }`)
  assert.deepEqual(of('2s', '3s'), ['open-shorter-than-timeout services.a.policies[0].circuitBreaker'])
  assert.deepEqual(of('3s', '3s'), [])
  // The shortest of the timeouts ends a call.
  assert.deepEqual(found('{ timeout: 40s }, { circuitBreaker: {} }, { timeout: 20s }'), [])
  // The default is nobody's choice, and a ramp brings the load back slowly; the presets have an open time too.
  assert.deepEqual(found('{ circuitBreaker: {} }, { timeout: 31s }'), [])
  assert.deepEqual(found('{ circuitBreaker: { openFor: 2s, rampFor: 5s } }, { timeout: 3s }'), [])
  assert.deepEqual(found('{ circuitBreaker: recommended }, { timeout: 3s }'), [])
  assert.deepEqual(found('{ circuitBreaker: critical }, { timeout: 16s }'), [
    'open-shorter-than-timeout services.a.policies[0].circuitBreaker',
  ])
})

const tripping = (failures: number): string[] =>
  found(`{ circuitBreaker: { consecutiveFailures: ${failures} } }, { timeout: 1s }`)

test('a trigger that is too eager or too patient', () => {
  assert.deepEqual(tripping(1), ['breaker-hair-trigger services.a.policies[0].circuitBreaker'])
  assert.deepEqual(tripping(2), [])
  assert.deepEqual(tripping(50), [])
  assert.deepEqual(tripping(51), ['breaker-too-patient services.a.policies[0].circuitBreaker'])
})

const breaking = (options: string): string[] => found(`{ circuitBreaker: { ${options} } }, { timeout: 1s }`)

test('a ratio of too few calls', () => {
  const low = ['breaker-low-throughput services.a.policies[0].circuitBreaker']
  assert.deepEqual(breaking('failureRatio: 0.5, minimumThroughput: 4'), low)
  assert.deepEqual(breaking('slowCallRatio: 0.5, minimumThroughput: 1'), low)
  assert.deepEqual(breaking('failureRatio: 0.5, minimumThroughput: 5'), [])
  assert.deepEqual(breaking('preset: recommended, minimumThroughput: 4'), low)
  assert.deepEqual(breaking('consecutiveFailures: 5, minimumThroughput: 1'), [])
  assert.deepEqual(breaking('failureRatio: 0.5, window: 4'), low)
  assert.deepEqual(breaking('failureRatio: 0.5, window: 5'), [])
  assert.deepEqual(breaking('failureRatio: 0.5, window: 9s'), [])
  assert.deepEqual(breaking('consecutiveFailures: 5, window: 4'), [])
})

test('a route to a service that is called non-critical and has no fallback', () => {
  const policies = '{ circuitBreaker: nonCritical }, { timeout: 1s }'
  assert.deepEqual(found(policies), ['no-fallback gateway.routes[0]'])
  assert.deepEqual(found('{ circuitBreaker: { preset: nonCritical, openFor: 9s } }, { timeout: 1s }'), [
    'no-fallback gateway.routes[0]',
  ])
  assert.deepEqual(found(policies, '    fallback: { cached: true }'), [])
  assert.deepEqual(found('{ circuitBreaker: critical }, { timeout: 1s }'), [])
})

test('every finding says what is there and what to do, and ids are words', () => {
  const all = [
    ...findings(''),
    ...findings('{ timeout: 1s }, { retry: {} }, { circuitBreaker: nonCritical }'),
    ...findings(
      '{ retry: {} }, { circuitBreaker: { openFor: 1ms, consecutiveFailures: 1, failureRatio: 1, minimumThroughput: 2, window: 1 } }, { timeout: 9 }',
    ),
    ...findings('{ timeout: 1 }, { timeout: 2 }, { circuitBreaker: { consecutiveFailures: 99 } }'),
  ]
  assert.deepEqual([...new Set(all.map(({ id }) => id))].toSorted(), [
    'attempt-timeout-over-total',
    'breaker-hair-trigger',
    'breaker-low-throughput',
    'breaker-too-patient',
    'no-circuit-breaker',
    'no-fallback',
    'no-timeout',
    'open-shorter-than-timeout',
    'retry-without-attempt-timeout',
    'retry-without-total-timeout',
  ])
  for (const { severity, path, message, advice } of all) {
    assert.ok(['error', 'warning', 'info'].includes(severity))
    assert.ok(path.startsWith('services.a.policies') || path.startsWith('gateway.routes['))
    assert.ok(message.length > 20 && advice.length > 20)
  }
})

/** `id path severity` of what is found in the policies of a simulation, where every policy may stand. */
function tried(policies: string): string[] {
  const text = yaml(
    'services: { a: { endpoints: [http://a] } }',
    'simulation:',
    '  services: {}',
    '  load: [{ to: a, rate: 1 }]',
    `  policies: { a: [${policies}] }`,
  )
  return checkConfig(parseConfig(text)).map(({ id, path }) => `${id} ${path.replace('simulation.policies.', '')}`)
}

test('what is tried in a simulation may lack a policy on purpose', () => {
  assert.deepEqual(tried('{ retry: {} }'), [])
  assert.deepEqual(tried('{ circuitBreaker: { consecutiveFailures: 1 } }'), [])
})

test('a budget that is none', () => {
  const generous = 'retry-budget-too-generous services.a.policies[1].retry.budget'
  const retrying = (budget: string): string[] =>
    found(`{ timeout: 9s }, { retry: { budget: ${budget} } }, { circuitBreaker: {} }, { timeout: 1s }`)
  assert.deepEqual(retrying('{ ratio: 1.1 }'), [generous])
  assert.deepEqual(retrying('{ ratio: 1 }'), [])
  assert.deepEqual(retrying('{ minPerSecond: 9 }'), [])
  assert.deepEqual(tried('{ hedge: { budget: { ratio: 2 } } }'), ['retry-budget-too-generous a[0].hedge.budget'])
})

test('a limit on the wrong side of retry', () => {
  const around = (before: string, after: string): string[] =>
    found(`{ timeout: 9s }, ${before}{ retry: {} }, ${after}{ circuitBreaker: {} }, { timeout: 1s }`)
  assert.deepEqual(around('', '{ rateLimit: {} }, '), ['rate-limit-inside-retry services.a.policies[2].rateLimit'])
  assert.deepEqual(around('{ rateLimit: {} }, ', ''), [])
  assert.deepEqual(around('{ throttle: {} }, ', ''), ['throttle-outside-retry services.a.policies[1].throttle'])
  assert.deepEqual(around('', '{ throttle: {} }, '), [])
  assert.deepEqual(
    found('{ retry: { maxAttempts: 1 } }, { rateLimit: {} }, { circuitBreaker: {} }, { timeout: 1s }'),
    [],
  )
})

test('a bulkhead inside an adaptive limit: one of the two is idle', () => {
  const limited = (limits: string): Finding[] => findings(`${limits}, { circuitBreaker: {} }, { timeout: 1s }`)
  const messages = (limits: string): string[] => limited(limits).map(({ id, message }) => `${id} ${message}`)
  assert.deepEqual(messages('{ adaptiveLimit: {} }, { bulkhead: {} }'), [
    'adaptive-limit-with-bulkhead bulkhead (100) stands inside adaptiveLimit, which can never find a limit above it',
  ])
  assert.deepEqual(messages('{ adaptiveLimit: { maxLimit: 50 } }, { bulkhead: { maxInFlight: 50 } }'), [
    'adaptive-limit-with-bulkhead bulkhead (50) stands inside adaptiveLimit (at most 50) and never refuses anything',
  ])
  assert.deepEqual(messages('{ bulkhead: {} }, { adaptiveLimit: {} }'), [])
})

test('load shedding that is not outermost', () => {
  const rest = '{ circuitBreaker: {} }, { timeout: 1s }'
  assert.deepEqual(found(`{ bulkhead: {} }, { shed: {} }, ${rest}`), ['shed-not-outermost services.a.policies[1].shed'])
  assert.deepEqual(found(`{ shed: {} }, { bulkhead: {} }, ${rest}`), [])
})

test('a cache that stands too far in', () => {
  assert.deepEqual(tried('{ circuitBreaker: {} }, { cache: {} }'), ['cache-inside-breaker a[1].cache'])
  assert.deepEqual(tried('{ retry: {} }, { cache: {} }, { circuitBreaker: {} }'), ['cache-inside-retry a[1].cache'])
  assert.deepEqual(tried('{ cache: {} }, { retry: {} }, { circuitBreaker: {} }'), [])
})

test('a hedge that multiplies, pays twice, or comes too late', () => {
  assert.deepEqual(tried('{ retry: {} }, { hedge: {} }'), ['hedge-with-retry a[1].hedge'])
  assert.deepEqual(tried('{ hedge: { maxHedges: 0 } }, { retry: {} }'), [])
  assert.deepEqual(tried('{ timeout: 1s }, { hedge: { delay: 1s } }'), ['hedge-after-timeout a[1].hedge'])
  assert.deepEqual(tried('{ hedge: { delay: 1s } }, { timeout: 500ms }'), ['hedge-after-timeout a[0].hedge'])
  assert.deepEqual(tried('{ timeout: 1s }, { hedge: { delay: 999ms } }'), [])
  assert.deepEqual(tried('{ timeout: 1s }, { hedge: {} }'), [])
  const text = yaml(
    'shared: { budgets: { one: {}, two: {} } }',
    'services: { a: { endpoints: [http://a] } }',
    'simulation:',
    '  services: {}',
    '  load: [{ to: a, rate: 1 }]',
    '  policies:',
    '    a: [{ retry: { maxAttempts: 1, budget: one } }, { hedge: { budget: one } }]',
    '    b: [{ retry: { maxAttempts: 1, budget: one } }, { hedge: { budget: two } }]',
  ).replace('services: {}', 'services: { b: {} }')
  assert.deepEqual(
    checkConfig(parseConfig(text)).map(({ id, path }) => `${id} ${path}`),
    ['budget-deposited-twice simulation.policies.a[1].hedge.budget'],
  )
})

test('chaos in a file is always told, with its time', () => {
  assert.deepEqual(tried('{ timeout: 1s }, { chaos: { for: 10m } }'), ['chaos-in-file a[1].chaos'])
  assert.deepEqual(tried('{ chaos: { for: 10m } }, { timeout: 1s }'), [
    'chaos-in-file a[0].chaos',
    'chaos-outermost a[0].chaos',
  ])
  const config = (chaos: string): string =>
    `services: { a: { endpoints: [http://a] } }\nsimulation: { services: {}, load: [{ to: a, rate: 1 }], policies: { a: [{ chaos: ${chaos} }] } }`
  const [first] = checkConfig(parseConfig(config('{ for: 10m, allowInProduction: true }')))
  assert.equal(first?.message, 'faults are injected on purpose, for 10m after each start, in production too')
  assert.match(checkConfig(parseConfig(config('{ for: 500 }')))[0]?.message ?? '', /for 500 ms after/)
})

test('what is shared by too many, by none, or out of proportion', () => {
  const sharing = (shared: string, ...lists: string[]): string[] => {
    const services = lists.map((list, index) => `  ${'abc'[index]}: { endpoints: [http://a], policies: [${list}] }`)
    return checkConfig(parseConfig(yaml(`shared: { ${shared} }`, 'services:', ...services))).map(
      ({ id, path }) => `${id} ${path}`,
    )
  }
  const host = '{ circuitBreaker: { shared: host } }, { timeout: 1s }'
  const own = '{ circuitBreaker: {} }, { timeout: 1s }'
  assert.deepEqual(sharing('circuitBreakers: { host: critical }', host, host), [
    'one-global-breaker shared.circuitBreakers.host',
  ])
  assert.deepEqual(sharing('circuitBreakers: { host: critical }', host, own), [])
  // Twice in one service is still one service.
  assert.deepEqual(
    sharing('circuitBreakers: { host: critical }', `{ circuitBreaker: { shared: host } }, ${host}`, own),
    [],
  )
  assert.deepEqual(sharing('circuitBreakers: { host: critical }, budgets: { all: {} }', own), [
    'shared-unused shared.budgets.all',
    'shared-unused shared.circuitBreakers.host',
  ])
  // What it trips on is told once, and its open time where it meets a timeout.
  assert.deepEqual(sharing('circuitBreakers: { host: { consecutiveFailures: 1, openFor: 500ms } }', host, own), [
    'open-shorter-than-timeout services.a.policies[0].circuitBreaker',
    'breaker-hair-trigger shared.circuitBreakers.host',
  ])
  const retrying = '{ timeout: 9s }, { retry: { budget: all } }, { circuitBreaker: {} }, { timeout: 1s }'
  assert.deepEqual(sharing('budgets: { all: { ratio: 1.5 } }', retrying, retrying), [
    'retry-budget-too-generous shared.budgets.all',
  ])
})

test('a shared circuit breaker that is non-critical wants a fallback too', () => {
  const text = yaml(
    'shared: { circuitBreakers: { host: nonCritical } }',
    'services: { a: { endpoints: [http://a], policies: [{ circuitBreaker: { shared: host } }, { timeout: 1s }] } }',
    'gateway: { routes: [{ path: /a, service: a }] }',
  )
  assert.deepEqual(
    checkConfig(parseConfig(text)).map(({ id }) => id),
    ['no-fallback'],
  )
})
