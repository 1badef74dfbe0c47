// What several services share: it is named, it exists, and it reaches the client as one thing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@switchgear/client'
import { sharedFrom } from '@switchgear/core'
import { parseConfig } from '../src/index.ts'
import { errorOf, problemsOf, yaml } from './faulty.ts'

const shared = (...policies: string[]): string =>
  yaml(
    'shared:',
    '  budgets: { checkout: { ratio: 0.1 } }',
    '  circuitBreakers: { host: critical, other: { preset: database, openFor: 20s } }',
    'services:',
    ...policies.map((list, index) => `  ${'ab'[index]}: { endpoints: [http://127.0.0.1:1], policies: [${list}] }`),
  )

test('a configuration with shared parts is handed on, and two services have the same', async () => {
  const list = '{ retry: { budget: checkout } }, { circuitBreaker: { shared: host } }'
  const { services, shared: spec } = parseConfig(shared(list, list))
  assert.deepEqual(spec, {
    budgets: { checkout: { ratio: 0.1 } },
    circuitBreakers: { host: 'critical', other: { preset: 'database', openFor: '20s' } },
  })
  const made = sharedFrom(spec ?? {})
  const client = createClient({ services, shared: made })
  const [a = [], b = []] = ['a', 'b'].map((name) => client.service(name).pipeline.policies)
  assert.equal(a[1], b[1])
  assert.equal(a[1], made.circuitBreakers['host'])
  assert.notEqual(a[0], b[0])
  const budgets = [a, b].map(([retry]) => (retry as { budget?: unknown } | undefined)?.budget)
  assert.deepEqual([...new Set(budgets)], [made.budgets['checkout']])
  await client.close()
})

test('a name that leads nowhere is told with the nearest one', () => {
  const text = shared(
    '{ retry: { budget: chekout } }, { circuitBreaker: { shared: hots } }',
    '{ circuitBreaker: { shared: constructor } }',
  )
  assert.deepEqual(problemsOf(text), [
    "5:71 services.a.policies[0].retry.budget: unknown shared budget 'chekout' ?checkout",
    "5:112 services.a.policies[1].circuitBreaker.shared: unknown shared circuit breaker 'hots' ?host",
    "6:80 services.b.policies[0].circuitBreaker.shared: unknown shared circuit breaker 'constructor'",
  ])
  const none = 'services: { a: { endpoints: [http://a], policies: [{ retry: { budget: x } }] } }'
  assert.match(errorOf(none).message, /unknown shared budget 'x', expected a shared budget, but none is defined/)
})

test('what is shared is itself shared no further, and knows its words', () => {
  const text = yaml(
    'services: {}',
    'shared:',
    '  budget: {}',
    '  budgets: { a: checkout, b: { ratoi: 1 }, "c d": {} }',
    '  circuitBreakers: { a: critcal, b: { shared: a } }',
  )
  assert.deepEqual(problemsOf(text), [
    '3:3 shared.budget: unknown key ?budgets',
    "4:17 shared.budgets.a: got 'checkout'",
    '4:32 shared.budgets.b.ratoi: unknown key ?ratio',
    '4:44 shared.budgets["c d"]: got \'c d\'',
    "5:25 shared.circuitBreakers.a: got 'critcal' ?critical",
    '5:39 shared.circuitBreakers.b.shared: unknown key',
  ])
})

test('a shared circuit breaker has no options beside its name', () => {
  assert.deepEqual(problemsOf(shared('{ circuitBreaker: { shared: host, openFor: 5s } }')), [
    "5:86 services.a.policies[0].circuitBreaker.openFor: cannot stand beside 'shared'",
  ])
})

test('what cannot guard a service is refused in its place, with what to do instead', () => {
  const { problems } = errorOf(
    shared('{ hedge: {} }, { cache: {} }, { timeout: 1s }, { coalesce: {} }, { chaos: { for: 1m } }'),
  )
  assert.deepEqual(
    problems.map(({ path, message }) => [path, message]),
    [
      ['services.a.policies[0].hedge', 'a hedge among the policies of a service'],
      ['services.a.policies[1].cache', 'a cache among the policies of a service'],
      ['services.a.policies[3].coalesce', 'a coalesce among the policies of a service'],
      ['services.a.policies[4].chaos', 'a chaos among the policies of a service'],
    ],
  )
  const [hedge, ...others] = problems
  assert.equal(hedge?.expected, 'it beside them, as services.a.hedge')
  for (const { expected } of others)
    assert.equal(
      expected,
      'it in code, in a pipeline around client.service("a"): a service cannot have one yet; only simulation.policies can',
    )
})

test('a queue stands outermost, or only beside other gates', () => {
  const found = (list: string): string[] =>
    errorOf(shared(list)).problems.map(({ path, message, expected }) => `${path}: ${message}; ${expected}`)
  assert.deepEqual(found('{ circuitBreaker: {} }, { timeout: 1s }, { bulkhead: { maxQueue: 5 } }'), [
    'services.a.policies[2].bulkhead.maxQueue: a queue inside of circuitBreaker, with timeout between: ' +
      'who waits would hold a permit of it; the bulkhead before services.a.policies[0].circuitBreaker',
  ])
  assert.deepEqual(
    found('{ rateLimit: {} }, { retry: {} }, { shed: {} }, { adaptiveLimit: { maxQueue: 1 } }').map((one) =>
      one.slice(0, 80),
    ),
    ['services.a.policies[3].adaptiveLimit.maxQueue: a queue inside of rateLimit, with'],
  )
  for (const good of [
    '{ timeout: 1s }, { circuitBreaker: {} }, { bulkhead: { maxQueue: 5 } }, { retry: {} }, { bulkhead: {} }',
    '{ bulkhead: { maxQueue: 5 } }, { timeout: 1s }, { adaptiveLimit: {} }',
  ])
    assert.ok(parseConfig(shared(good)))
})
