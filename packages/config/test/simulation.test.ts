// The world in which outages are played: what a file may say of it, and that the simulator takes what is accepted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultModel, play, scenariosOf, type SimulationModel } from '@switchgear/simulator'
import { parseConfig, simulatedModel } from '../src/index.ts'
import { errorOf, problemsOf, yaml } from './faulty.ts'

const file = (...simulation: readonly string[]): string =>
  yaml(
    'services: { payments: { endpoints: [http://a] }, orders: { endpoints: [http://b] } }',
    'simulation:',
    ...simulation.map((line) => `  ${line}`),
  )

const sound = file(
  'services:',
  '  shop: { instances: 2, latency: 1ms, calls: [{ to: orders }, { to: payments, probability: 0.5, required: false }] }',
  '  orders: { latency: { median: 20ms, p99: 100ms }, concurrency: 50, queue: 10, failureRatio: 0.01, cancels: true }',
  'load: [{ to: shop, rate: 50, bursts: [{ at: 5s, for: 1s, factor: 3 }] }, { to: shop, users: 5, thinkTime: { mean: 2s }, patience: 9s, userRetries: 1 }]',
  'scenarios:',
  '  grey: { duration: 20s, faults: [{ service: payments, fault: { kind: slows, factor: 10 }, at: 5s, for: 5s, every: 1s, instances: 0.5 }] }',
  '  deep: { services: { stock: {}, orders: { instances: 3, calls: [{ to: stock }] } }, load: [{ to: orders, rate: 1 }], title: deep }',
  'policies:',
  '  payments: [{ cache: {} }, { hedge: { delay: 50ms } }, { fallback: { value: none } }, { chaos: { for: 1s } }, { timeout: 1s }]',
)

test('a simulation is read as it stands', () => {
  const { simulation } = parseConfig(sound)
  assert.deepEqual(simulation?.services['shop']?.calls, [
    { to: 'orders' },
    { to: 'payments', probability: 0.5, required: false },
  ])
  assert.equal(simulation?.policies?.['payments']?.length, 5)
  assert.ok(Object.isFrozen(simulation.load))
})

test('the model has the services of the file that it names, and no policies', async () => {
  const config = parseConfig(sound)
  const model = simulatedModel(config) as SimulationModel
  assert.deepEqual(Object.keys(model), ['services', 'load', 'scenarios'])
  assert.deepEqual(Object.keys(model.services), ['shop', 'orders', 'payments'])
  assert.deepEqual(model.services['payments'], {})
  for (const scenario of ['grey', 'deep', 'payments-hangs']) {
    const policies = { payments: { policies: config.simulation?.policies?.['payments'] ?? [] } }
    const { totals } = await play({ model, scenario: trimmed(model, scenario), policies })
    assert.ok(totals.offered > 10, scenario)
  }
  assert.equal(simulatedModel(parseConfig('services: {}')), undefined)
})

/** A scenario that is played for a few seconds only. */
function trimmed(model: SimulationModel, name: string): Parameters<typeof play>[0]['scenario'] {
  return { ...scenariosOf(model).get(name), name, duration: '12s' }
}

test('names that lead nowhere are told with the nearest one', () => {
  const text = file(
    'services: { shop: { calls: [{ to: orders }, { to: paymets }], guardedAs: ordrs } }',
    'load: [{ to: shp, rate: 1 }]',
    'scenarios:',
    '  x: { faults: [{ service: order, fault: { kind: dies }, at: 1s, for: 1s }], load: [{ to: stok, rate: 1 }], services: { stock: { calls: [{ to: shpo }] } } }',
    'policies: { paymentz: [{ timeout: 1s }], payments: [{ retry: {} }, { retry: { budget: b } }] }',
  )
  assert.deepEqual(problemsOf(text), [
    "3:53 simulation.services.shop.calls[1].to: unknown service 'paymets' ?payments",
    "3:76 simulation.services.shop.guardedAs: unknown service 'ordrs' ?orders",
    "4:16 simulation.load[0].to: unknown service 'shp' ?shop",
    "6:30 simulation.scenarios.x.faults[0].service: unknown service 'order' ?orders",
    "6:93 simulation.scenarios.x.load[0].to: unknown service 'stok' ?stock",
    "6:146 simulation.scenarios.x.services.stock.calls[0].to: unknown service 'shpo' ?shop",
    "7:15 simulation.policies.paymentz: unknown service 'paymentz' ?payments",
    '7:72 simulation.policies.payments[1].retry: a second retry, which multiplies the attempts of the first',
    "7:89 simulation.policies.payments[1].retry.budget: unknown shared budget 'b'",
  ])
})

test('calls in a circle are told with the whole way round', () => {
  const circle = file(
    'services: { a: { calls: [{ to: b }] }, b: { calls: [{ to: orders }, { to: c }] }, c: { calls: [{ to: c }, { to: a }] } }',
    'load: [{ to: a, rate: 1 }]',
  )
  assert.deepEqual(problemsOf(circle), [
    '3:104 simulation.services.c.calls[0].to: closes a circle of calls: c -> c',
    '3:115 simulation.services.c.calls[1].to: closes a circle of calls: a -> b -> c -> a',
  ])
  const overlaid = (services: string): string =>
    file(
      'services: { a: { calls: [{ to: b }] }, b: { instances: 2 } }',
      'load: [{ to: a, rate: 1 }]',
      `scenarios: { x: { services: ${services} } }`,
    )
  assert.deepEqual(problemsOf(overlaid('{ b: { calls: [{ to: a }] } }')), [
    '5:52 simulation.scenarios.x.services.b.calls[0].to: closes a circle of calls: b -> a -> b',
  ])
  assert.ok(parseConfig(overlaid('{ b: { calls: [{ to: orders }] }, a: { calls: [] } }')))
  // A long chain costs no stack.
  const length = 5000
  const chain = Array.from({ length }, (_, index) => `    s${index}: { calls: [{ to: s${(index + 1) % length} }] }`)
  assert.equal(
    errorOf(`services: {}\nsimulation:\n  services:\n${chain.join('\n')}\n  load: [{ to: s0, rate: 1 }]\n`).problems
      .length,
    1,
  )
})

test('no scenario has the name of a built-in one', () => {
  const calling = 'services: { a: { calls: [{ to: payments }] } }'
  const named = (name: string): string => file(calling, 'load: [{ to: a, rate: 1 }]', `scenarios: { ${name}: {} }`)
  const model: SimulationModel = {
    services: { a: { calls: [{ to: 'payments' }] }, payments: {} },
    load: [{ to: 'a', rate: 1 }],
  }
  const builtIn = [...scenariosOf(model).keys()]
  assert.ok(builtIn.length >= 12)
  for (const name of builtIn)
    assert.deepEqual(
      problemsOf(named(name)).map((one) => one.replace(/^.*: /, '')),
      [`'${name}' is built in`],
      name,
    )
  // A service that nobody calls has none.
  for (const name of ['orders-dies', 'a-dies', 'payments-burns']) assert.ok(parseConfig(named(name)), name)
})

test('what is out of bounds, missing or too much', () => {
  const text = file(
    'services: { payments: { instances: 2, latency: { median: 5s, p99: 1s } }, orders: { latency: { mean: 1s, max: 2s }, queue: -1 }, c: { latency: { min: 2s, max: 1s }, failureRatio: 1.1 } }',
    'load: [{ to: payments, rate: 1, users: 1 }, { to: payments }, { to: payments, rate: -1 }]',
    'scenarios:',
    '  a: { duration: 25h, faults: [{ service: payments, fault: { kind: hang }, at: 1s, for: 1s }] }',
    '  b: { faults: [{ service: payments, fault: { kind: slows }, at: 1s, for: 1s, instances: 3 }] }',
    '  c: { faults: [{ service: payments, fault: { kind: dies, factor: 2 }, at: 1s, for: 1s, instances: 1.5 }] }',
    '  d: { faults: [{ service: payments, fault: { kind: fails, ratio: 2 }, at: -1, for: 0 }] }',
    'policiez: {}',
  )
  assert.deepEqual(
    errorOf(text).problems.map(
      ({ path, message, nearest }) => `${path.slice(11)}: ${message}${nearest === undefined ? '' : ` ?${nearest}`}`,
    ),
    [
      "services.payments.latency.p99: got '1s'",
      "services.orders.latency.max: cannot stand beside 'mean'",
      'services.orders.queue: got -1',
      "services.c.latency.max: got '1s'",
      'services.c.failureRatio: got 1.1',
      'load[0].users: got 1',
      'load[1].rate: missing',
      'load[2].rate: got -1',
      "scenarios.a.duration: got '25h'",
      "scenarios.a.faults[0].fault.kind: got 'hang' ?hangs",
      'scenarios.b.faults[0].fault.factor: missing',
      'scenarios.b.faults[0].instances: got 3',
      'scenarios.c.faults[0].fault.factor: got 2',
      'scenarios.c.faults[0].instances: got 1.5',
      'scenarios.d.faults[0].fault.ratio: got 2',
      'scenarios.d.faults[0].at: got -1',
      'scenarios.d.faults[0].for: got 0',
      'policiez: unknown key ?policies',
    ],
  )
  assert.match(errorOf(text).message, /expected one of dies, hangs, slows, fails, trickles/)
})

test('a simulation that would be made of nothing is refused', () => {
  assert.deepEqual(problemsOf('services: {}\nsimulation: { services: {}, load: [] }\n'), [
    '2:35 simulation.load: got an empty list',
  ])
  assert.deepEqual(problemsOf('services: {}\nsimulation: {}\n'), [
    '2:1 simulation.services: missing',
    '2:1 simulation.load: missing',
  ])
})

test('the model of a file without a simulation is one that a file may have', () => {
  const simulation = defaultModel(['payments', 'orders'])
  assert.ok(parseConfig(JSON.stringify({ services: {}, simulation })))
})
