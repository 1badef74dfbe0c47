// From plain objects to pipelines: every policy, every preset, and errors that say where.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AdmittingPipeline,
  critical,
  database,
  failure,
  flakyExternal,
  fromSpec,
  LocalFleet,
  nonCritical,
  type PipelineSpec,
  type PolicySpec,
  presets,
  recommended,
  Registry,
  sharedFrom,
} from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { codeOf, hang, watch } from './watch.ts'

/** What a policy of this spec shows of its options. */
function shown(policy: PolicySpec, ...fields: string[]): unknown[] {
  const [snapshot] = fromSpec({ policies: [policy] }, { clock: new VirtualClock() }).snapshot().policies
  return fields.map((field) => (snapshot as unknown as Record<string, unknown>)[field])
}

const policies: [PolicySpec, string[], unknown[]][] = [
  [
    { circuitBreaker: {} },
    ['policy', 'name', 'state', 'mode'],
    ['circuitBreaker', 'circuitBreaker', 'closed', 'protect'],
  ],
  [{ circuitBreaker: { name: 'db', mode: 'observe' } }, ['name', 'mode'], ['db', 'observe']],
  [{ retry: {} }, ['policy', 'name', 'budgetBalance'], ['retry', 'retry', 30]],
  [{ retry: { name: 'again', budget: { minPerSecond: 5 } } }, ['name', 'budgetBalance'], ['again', 50]],
  [{ timeout: '800ms' }, ['policy', 'name', 'afterMs'], ['timeout', 'timeout', 800]],
  [{ timeout: 250 }, ['afterMs'], [250]],
  [{ timeout: { after: '2s', name: 'total' } }, ['afterMs', 'name'], [2000, 'total']],
  [{ bulkhead: {} }, ['policy', 'maxInFlight', 'maxQueue'], ['bulkhead', 100, 0]],
  [{ bulkhead: { maxInFlight: 5, maxQueue: 7 } }, ['maxInFlight', 'maxQueue'], [5, 7]],
  [{ fallback: { value: 1 } }, ['policy', 'name'], ['fallback', 'fallback']],
  [{ fallback: { value: null, name: 'cache' } }, ['name'], ['cache']],
  [{ rateLimit: { limit: 5 } }, ['policy', 'keys'], ['rateLimit', 0]],
  [{ adaptiveLimit: { algorithm: 'vegas', initialLimit: 7 } }, ['algorithm', 'limit'], ['vegas', 7]],
  [{ throttle: {} }, ['policy', 'requests', 'refusalChance'], ['throttle', 0, 0]],
  [{ shed: { target: '5ms' } }, ['policy', 'refusedFrom'], ['shed', 4]],
  [
    { hedge: { delay: '30ms', budget: { minPerSecond: 2 } } },
    ['policy', 'delayMs', 'budgetBalance'],
    ['hedge', 30, 20],
  ],
  [{ cache: { ttl: '5s', maxEntries: 9 } }, ['policy', 'maxEntries'], ['cache', 9]],
  [{ coalesce: {} }, ['policy', 'inFlight'], ['coalesce', 0]],
  [{ chaos: { for: '1m', hangs: { rate: 1 } } }, ['policy', 'remainingMs'], ['chaos', 60_000]],
]
for (const [policy, fields, values] of policies) {
  test(`the spec ${JSON.stringify(policy)} makes the policy it names`, () => {
    assert.deepEqual(shown(policy, ...fields), values)
  })
}

test('a spec guards calls as the same policies listed in code do', async () => {
  const clock = new VirtualClock()
  const guarded = fromSpec(
    {
      name: 'payments',
      policies: [
        { fallback: { value: 'instead' } },
        { bulkhead: { maxInFlight: 3 } },
        { timeout: '500ms' },
        { retry: { maxAttempts: 2, delay: 10, jitter: 0 } },
        { circuitBreaker: { consecutiveFailures: 2, openFor: '1s' } },
        { timeout: '100ms' },
      ],
    },
    { clock, random: seededRandom(1) },
  )
  const answer = watch(guarded.execute(hang), clock)
  await clock.advance(1000)
  assert.deepEqual([guarded.name, answer.result, answer.at], ['payments', 'instead', 210])
  const breaker = guarded.snapshot().policies[4]
  assert.ok(breaker?.policy === 'circuitBreaker' && breaker.state === 'open' && breaker.totals.failures === 2)
})

const opening: [keyof typeof presets, () => object, number, number][] = [
  ['critical', critical, 5, 15_000],
  ['nonCritical', nonCritical, 10, 60_000],
  ['flakyExternal', flakyExternal, 3, 60_000],
  ['database', database, 5, 30_000],
]
for (const [name, preset, failures, openForMs] of opening) {
  for (const circuitBreaker of [name, { preset: name }, preset()]) {
    test(`${JSON.stringify(circuitBreaker)} opens after ${failures} failures for ${openForMs} ms`, async () => {
      const clock = new VirtualClock()
      const guarded = fromSpec({ policies: [{ circuitBreaker }] }, { clock })
      for (let call = 0; call < failures; call++) {
        assert.equal((guarded.snapshot().policies[0] as { state?: string }).state, 'closed')
        await assert.rejects(
          guarded.execute(() => Promise.reject(new Error('down'))),
          { message: 'down' },
        )
      }
      await assert.rejects(guarded.execute(hang), { code: 'SG_CIRCUIT_OPEN', retryAfterMs: openForMs })
    })
  }
}

test('the preset recommended is one of ratios with a ramp, and options beside a preset win', async () => {
  assert.equal(recommended().rampFor, '8s')
  const clock = new VirtualClock()
  const guarded = fromSpec(
    { policies: [{ circuitBreaker: { preset: 'recommended', minimumThroughput: 2, openFor: '7s', jitter: 0 } }] },
    { clock },
  )
  for (let call = 0; call < 2; call++) await assert.rejects(guarded.execute(() => Promise.reject(new Error('down'))))
  await assert.rejects(guarded.execute(hang), { code: 'SG_CIRCUIT_OPEN', retryAfterMs: 7000 })
})

test('each preset answers a fresh object', () => {
  for (const preset of Object.values(presets)) {
    assert.deepEqual(preset(), preset())
    assert.notEqual(preset(), preset())
  }
})

test('the classifier is chosen by name, and one in the options wins', async () => {
  const bad = { status: 503 }
  const failuresOf = async (spec: PipelineSpec, options = {}): Promise<unknown> => {
    const guarded = fromSpec(spec, options)
    await guarded.execute(() => bad)
    return (guarded.snapshot().policies[0] as { totals?: { failures?: number } }).totals?.failures
  }
  const breaker: PolicySpec[] = [{ circuitBreaker: {} }]
  assert.equal(await failuresOf({ policies: breaker }), 0)
  assert.equal(await failuresOf({ classify: 'default', policies: breaker }), 0)
  assert.equal(await failuresOf({ classify: 'http', policies: breaker }), 1)
  assert.equal(await failuresOf({ policies: breaker }, { classify: { ofValue: () => failure } }), 1)
})

test('what specs share by name is one object for all of them', async () => {
  const shared = sharedFrom({
    budgets: { checkout: { ratio: 0, minPerSecond: 0.1 } },
    circuitBreakers: { db: { preset: 'database', consecutiveFailures: 1 } },
  })
  const clock = new VirtualClock()
  const policies: PolicySpec[] = [{ retry: { budget: 'checkout', delay: 1 } }, { circuitBreaker: { shared: 'db' } }]
  const [one, other] = [fromSpec({ policies }, { shared, clock }), fromSpec({ policies }, { shared, clock })]
  const down = one.execute(() => Promise.reject(new Error('down'))).catch(() => undefined)
  await clock.advance(10)
  await down
  await assert.rejects(other.execute(hang), { code: 'SG_CIRCUIT_OPEN' })
  assert.equal(one.policies[1], other.policies[1])
  assert.equal(shared.budgets['checkout']?.balance(clock.now()), 0)
  const wrong = { circuitBreakers: { db: { failureRatio: 2 } } }
  assert.throws(() => sharedFrom(wrong), {
    message: /^shared\.circuitBreakers\.db: circuitBreaker\.failureRatio must be/,
  })
})

test('breakers of a spec belong to the fleet they are made in', async () => {
  const clock = new VirtualClock()
  const fleet = new LocalFleet({ clock })
  const watcher = fleet.join()
  const spec = { name: 'db', policies: [{ circuitBreaker: { consecutiveFailures: 1 } }] }
  const guarded = fromSpec(spec, { clock, fleet: fleet.join() })
  await guarded.execute(() => Promise.reject(new Error('down'))).catch(() => undefined)
  assert.deepEqual(watcher.others('db/circuitBreaker'), { instances: 1, open: 1 })
})

test('a spec goes to a registry under its name', () => {
  const registry = new Registry()
  const made = fromSpec({ name: 'payments', policies: [{ timeout: 5 }] }, { registry })
  assert.ok(registry.get('payments') === made)
  assert.throws(() => fromSpec({ name: 'payments', policies: [] }, { registry }), { code: 'SG_DUPLICATE_NAME' })
  assert.throws(() => fromSpec({ policies: [] }, { registry }), { code: 'SG_BAD_OPTIONS', message: /pipeline\.name/ })
})

test('a spec that can be cut at its retry has admit', () => {
  const guarded = fromSpec({ policies: [{ timeout: 50 }, { retry: {} }, { circuitBreaker: {} }] })
  assert.equal((guarded as AdmittingPipeline<unknown>).admit().kind, 'permit')
  assert.equal('admit' in fromSpec({ policies: [{ fallback: { value: 1 } }] }), false)
})

test('specs are not changed', () => {
  const freeze = <T extends object>(value: T): T => {
    for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part as object)
    return Object.freeze(value)
  }
  const spec: PipelineSpec = freeze({
    name: 'frozen',
    classify: 'http',
    policies: [
      { fallback: { value: { any: 1 }, name: 'x' } },
      { retry: { budget: { ratio: 0.1 } } },
      { circuitBreaker: { preset: 'critical', openFor: '1s' } },
      { timeout: { after: 5 } },
      { bulkhead: { maxInFlight: 1 } },
    ],
  })
  assert.equal(fromSpec(spec).policies.length, 5)
})

const bad: [unknown, RegExp][] = [
  [null, /pipeline must be an object of options, got null/],
  [{}, /pipeline\.policies must be a list, got undefined/],
  [{ policies: {} }, /pipeline\.policies must be a list/],
  [{ policies: [], nmae: 'x' }, /pipeline\.nmae is not an option; known are name, classify, policies/],
  [{ policies: [], classify: 'grpc' }, /pipeline\.classify must be one of default, http, got 'grpc'/],
  [{ policies: [], classify: 'constructor' }, /got 'constructor'/],
  [{ policies: [{ timeout: 5 }, 'retry'] }, /policies\[1\]: a policy must be an object with one key, got 'retry'/],
  [{ policies: [null] }, /policies\[0\]: .* got null/],
  [{ policies: [{}] }, /policies\[0\]: a policy must be an object with one key/],
  [{ policies: [{ timeout: 5, retry: {} }] }, /policies\[0\]: a policy must be an object with one key/],
  [{ policies: [{ ratelimit: {} }] }, /policies\[0\]: 'ratelimit' is not a policy; known are circuitBreaker, retry/],
  [
    { policies: [{ retry: { budget: 'none' } }] },
    /policies\[0\]: retry\.budget must be the name of something shared \(there is none\), got 'none'/,
  ],
  [{ policies: [{ circuitBreaker: { shared: 'toString' } }] }, /circuitBreaker\.shared must be the name of .*shared/],
  [{ policies: [{ circuitBreaker: { shared: 'a', window: 5 } }] }, /circuitBreaker\.window is not an option/],
  [{ policies: [{ chaos: {} }] }, /policies\[0\]: chaos\.for must be a duration/],
  [{ policies: [{ shed: null }] }, /policies\[0\]: shed must be an object/],
  [
    { policies: [{ retry: {} }, { circuitBreaker: { failureRatio: 50 } }] },
    /policies\[1\]: circuitBreaker\.failureRatio must be in \(0, 1\], got 50/,
  ],
  [
    { policies: [{ circuitBreaker: 'importnat' }] },
    /policies\[0\]: circuitBreaker\.preset must be one of critical, .*got 'importnat'/,
  ],
  [{ policies: [{ circuitBreaker: 'toString' }] }, /circuitBreaker\.preset .* got 'toString'/],
  [{ policies: [{ circuitBreaker: { preset: 'critical', openfor: 1 } }] }, /circuitBreaker\.openfor is not an option/],
  [
    { policies: [{ retry: { maxAttempts: 0 } }] },
    /policies\[0\]: retry\.maxAttempts must be a whole number >= 1, got 0/,
  ],
  [{ policies: [{ retry: { budget: { ratio: -1 } } }] }, /policies\[0\]: retryBudget\.ratio .* got -1/],
  [{ policies: [{ retry: {} }, { retry: {} }] }, /two retries/],
  [{ policies: [{ timeout: 'soon' }] }, /policies\[0\]: timeout\.after must be a duration .* got 'soon'/],
  [{ policies: [{ timeout: null }] }, /policies\[0\]: timeout/],
  [{ policies: [{ bulkhead: { maxInFlight: 'many' } }] }, /policies\[0\]: bulkhead\.maxInFlight .* got 'many'/],
  [{ policies: [{ fallback: {} }] }, /policies\[0\]: fallback must be .* an object \{ value \}/],
  [{ policies: [{ fallback: { value: 1, valeu: 2 } }] }, /policies\[0\]: fallback\.valeu/],
  // A number where the options belong is no licence for the defaults.
  [{ policies: [{ bulkhead: 5 }] }, /policies\[0\]: bulkhead/],
  [{ policies: [{ retry: 5 }] }, /policies\[0\]: retry/],
  [{ policies: [{ circuitBreaker: 5 }] }, /policies\[0\]: circuitBreaker/],
]
for (const [spec, message] of bad) {
  test(`the spec ${JSON.stringify(spec)} is refused with place, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => fromSpec(spec as PipelineSpec), isOptionsError)
  })
}
