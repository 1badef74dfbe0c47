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
  // The default and the presets have an open time too.
  assert.deepEqual(found('{ circuitBreaker: {} }, { timeout: 31s }'), [
    'open-shorter-than-timeout services.a.policies[0].circuitBreaker',
  ])
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
