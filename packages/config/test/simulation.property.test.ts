// The schema of a simulation restates what the simulator checks. Here the two are asked about the same models.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenariosOf, type SimulationModel } from '@switchgear/simulator'
import * as fc from 'fast-check'
import { planOf } from '../../simulator/src/plan.ts'
import { ConfigError, parseConfig } from '../src/index.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

const often = <T>(sensible: fc.Arbitrary<T>, ...strange: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: sensible, weight: 60 }, { arbitrary: fc.constantFrom<unknown>(...strange), weight: 1 })
const optional = (known: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[] = []): fc.Arbitrary<object> =>
  fc.record(known, { requiredKeys, noNullPrototype: true })

const time = often(fc.constantFrom('1ms', '5s', '20s', 10), -1, 0, '0s', '25h', 'x')
const name = often(fc.constantFrom('a', 'b', 'c'), 'd', 5)
const latency = fc.oneof(
  time,
  optional({ median: time, p99: time }, ['median', 'p99']),
  optional({ min: time, max: time }, ['min', 'max']),
  optional({ mean: time }, ['mean']),
  optional({ mean: time, min: time }),
)
const share = often(fc.constantFrom(0, 0.5, 1), 1.1, -0.1, '1')
const call = optional({ to: name, probability: share, required: often(fc.boolean(), 1) }, ['to'])
const service = optional({
  instances: often(fc.constantFrom(1, 2, 100_000), 0, 1.5, 100_001),
  latency,
  concurrency: often(fc.constantFrom(1, 10_000_000), 0, 10_000_001),
  queue: often(fc.constantFrom(0, 10), -1, 10_000_001),
  failureRatio: share,
  cancels: often(fc.boolean(), 'no'),
  calls: often(fc.array(call, { maxLength: 1 }), {}),
  guardedAs: name,
})
const burst = optional({ at: time, for: time, factor: often(fc.constantFrom(0, 3), -1, 1_000_001) }, [
  'at',
  'for',
  'factor',
])
const load = fc.oneof(
  {
    weight: 9,
    arbitrary: optional(
      { to: name, rate: often(fc.constantFrom(0, 5), -1), bursts: fc.array(burst, { maxLength: 1 }) },
      ['to', 'rate'],
    ),
  },
  {
    weight: 9,
    arbitrary: optional(
      {
        to: name,
        users: often(fc.constantFrom(0, 5), 1.5),
        thinkTime: latency,
        patience: time,
        userRetries: often(fc.nat(3), 101),
      },
      ['to', 'users'],
    ),
  },
  { weight: 1, arbitrary: optional({ to: name, rate: fc.nat(), users: fc.nat() }) },
)
const fault = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom<unknown>(
      { kind: 'dies' },
      { kind: 'slows', factor: 3 },
      { kind: 'fails', ratio: 0.5 },
      { kind: 'trickles', hold: '1s' },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      { kind: 'dies', factor: 1 },
      { kind: 'slows' },
      { kind: 'fails', ratio: 2 },
      { kind: 'burns' },
      { kind: 'trickles', hold: -1 },
    ),
  },
)
const scenario = optional({
  duration: often(fc.constantFrom('20s', 1000, '24h'), 999, '25h'),
  faults: fc.array(
    optional(
      { service: name, fault, at: time, for: time, instances: often(fc.constantFrom(1, 0.5), 0, 2, 1.5), every: time },
      ['service', 'fault', 'at', 'for'],
    ),
    { maxLength: 2 },
  ),
  load: fc.array(load, { minLength: 1, maxLength: 2 }),
  services: fc.dictionary(fc.constantFrom('a', 'c', 'd'), service, { maxKeys: 2, noNullPrototype: true }),
})
const model = optional(
  {
    services: fc.record({ a: service, b: service, c: fc.constant({}) }, { noNullPrototype: true }),
    load: fc.array(load, { minLength: 1, maxLength: 2 }),
    scenarios: fc.dictionary(fc.constantFrom('x', 'a-dies'), scenario, { maxKeys: 1, noNullPrototype: true }),
  },
  ['services', 'load'],
)

/** Whether the simulator takes the model and each of its own scenarios. */
function simulatorAccepts(simulation: SimulationModel): boolean {
  try {
    planOf(simulation, {}, 'x')
    for (const [own, one] of Object.entries(simulation.scenarios ?? {})) planOf(simulation, one, own)
    scenariosOf(simulation)
    return true
  } catch {
    return false
  }
}

test('property: a file is accepted exactly where the simulator takes its model', () => {
  let accepted = 0
  fc.assert(
    fc.property(model, (simulation) => {
      const wanted = simulatorAccepts(simulation as SimulationModel)
      let told = ''
      try {
        parseConfig(JSON.stringify({ services: {}, simulation }))
      } catch (error) {
        assert.ok(error instanceof ConfigError)
        told = error.message
      }
      assert.equal(told === '', wanted, `${JSON.stringify(simulation)}: ${told}`)
      if (wanted) accepted++
    }),
    { seed, numRuns: 2000 },
  )
  assert.ok(accepted > 300 && accepted < 1700, `${accepted} of 2000 were accepted`)
})
