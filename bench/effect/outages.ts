// The system that is played and what goes wrong with it. Everything a number depends on stands here: the services, the load,
// the outages. When an outage begins and how long it takes differs with the seed, so that no subject wins because its open
// time happens to end when the outage does.
import type { ScenarioModel, SimulationModel } from '@switchgear/simulator'
import { seededRandom } from '@switchgear/core/testing'

/** A scenario, and the model it is laid over. */
export interface Outage {
  readonly id: string
  readonly title: string
  /** What happens and what is expected of a good breaker, for the reader of the report. */
  readonly about: string
  /** Nothing works while it lasts: a breaker that never opens has protected nobody, and is no peer to compare with. */
  readonly total: boolean
  /** Whether `--quick` plays it. */
  readonly quick: boolean
  readonly model: SimulationModel
  scenario(seed: number): ScenarioModel & { readonly name: string }
}

/**
 * Five instances of a shop. Two of three requests need a payment: 100 calls a second, 20 for each breaker. When all is well an
 * instance works on one or two requests at once; 12 that wait for payments fill it.
 */
const shop = {
  instances: 5,
  latency: { median: '5ms', p99: '20ms' },
  concurrency: 12,
  queue: 200,
  calls: [{ to: 'payments', probability: 2 / 3 }],
} as const

/** 8 requests at once and 160 a second: well loaded by 100, overloaded by twice as many. */
const payments = { instances: 4, latency: { median: '40ms', p99: '200ms' }, concurrency: 2, queue: 50 } as const

/** Users give up after 3 s. */
const load = { to: 'shop', rate: 150, patience: '3s' } as const

const model: SimulationModel = { services: { shop, payments }, load: [load] }

/** Room in payments for slow requests, so that they are only slow and not queued: the callers suffer, not the callee. */
const roomy: SimulationModel = {
  services: {
    shop: { ...shop, concurrency: 6 },
    payments: { ...payments, latency: { median: '20ms', p99: '100ms' }, concurrency: 100 },
  },
  load: [load],
}

/** The same for five times the load: each breaker sees 100 calls a second. */
const busy: SimulationModel = {
  services: {
    shop: { ...shop, concurrency: 30, queue: 1000 },
    payments: { ...payments, latency: { median: '20ms', p99: '100ms' }, concurrency: 500 },
  },
  load: [{ ...load, rate: 750 }],
}

/** Room in the shop, so that payments itself is what the load overwhelms. */
const wide: SimulationModel = { services: { shop: { ...shop, concurrency: 100 }, payments }, load: [load] }

const ten: SimulationModel = {
  services: { shop, payments: { ...payments, instances: 10, concurrency: 1 } },
  load: [load],
}

const hops: SimulationModel = {
  services: {
    edge: { instances: 4, latency: '1ms', concurrency: 400, queue: 400, calls: [{ to: 'shop' }] },
    shop: { ...shop, concurrency: 100, calls: [{ to: 'payments' }] },
    payments,
  },
  load: [{ to: 'edge', rate: 100, patience: '5s' }],
}

const durationMs = 100_000

/**
 * Begins after 15 to 20 s and takes 25 to 45 s. The lengths of successive seeds are spread evenly (multiples of the golden
 * ratio), so that a few seeds meet the open times of all subjects at all phases.
 */
function times(seed: number): { readonly at: number; readonly for: number } {
  const spread = (seed * 0.618034) % 1
  return { at: Math.round(15_000 + 5000 * seededRandom(seed)()), for: Math.round(25_000 + 20_000 * spread) }
}

type Faults = (when: { readonly at: number; readonly for: number }) => Omit<ScenarioModel, 'duration'>

function outage(
  id: string,
  title: string,
  about: string,
  scene: Faults,
  { on = model, quick = false, total = false }: { on?: SimulationModel; quick?: boolean; total?: boolean } = {},
): Outage {
  const scenario = (seed: number): ScenarioModel & { name: string } => ({
    name: id,
    title,
    duration: durationMs,
    ...scene(times(seed)),
  })
  return { id, title, about, total, quick, model: on, scenario }
}

const service = 'payments'

/** Every outage, in the order of the report. */
export const outages: readonly Outage[] = [
  outage(
    'dies',
    'Payments dies',
    'Connections are refused at once. Little can be saved; what counts is how soon it is used again.',
    (when) => ({ faults: [{ service, fault: { kind: 'dies' }, ...when }] }),
    { quick: true, total: true },
  ),
  outage(
    'hangs',
    'Payments hangs',
    'No answer, ever. Each call costs its caller the whole attempt timeout, unless the circuit opens.',
    (when) => ({ faults: [{ service, fault: { kind: 'hangs' }, ...when }] }),
    { quick: true, total: true },
  ),
  outage(
    'slows',
    'Payments slows down (grey failure)',
    'Twenty times as slow; most calls still succeed within the attempt timeout. They fill the shop until also those requests fail that need no payment.',
    (when) => ({ faults: [{ service, fault: { kind: 'slows', factor: 20 }, ...when }] }),
    { on: roomy, quick: true },
  ),
  outage(
    'slows-busy',
    'Payments slows down under five times the load',
    'The same grey failure, with 100 calls a second for each breaker instead of 20: what is slow must not depend on the rate.',
    (when) => ({ faults: [{ service, fault: { kind: 'slows', factor: 20 }, ...when }] }),
    { on: busy },
  ),
  outage(
    'slows-and-queues',
    'Payments slows down and queues',
    'Five times as slow with as little room as before: it can do 32 a second of the 100 that come, and works on requests whose callers gave up.',
    (when) => ({ faults: [{ service, fault: { kind: 'slows', factor: 5 }, ...when }] }),
  ),
  outage('flaps', 'Payments flaps', 'Dead for 5 s, well for 5 s, and so on.', (when) => ({
    faults: [{ service, fault: { kind: 'dies' }, ...when, every: '5s' }],
  })),
  outage(
    'half-dies',
    'Half of payments dies',
    'Two of four instances refuse connections. Every second call would be answered; a breaker that opens refuses it too.',
    (when) => ({ faults: [{ service, fault: { kind: 'dies' }, instances: 0.5, ...when }] }),
  ),
  outage(
    'overload',
    'Three times the load',
    'Payments can do about half of what is asked. Its queues make every answer too late, so that without restraint it works for nobody.',
    ({ at, for: length }) => ({ load: [{ ...load, bursts: [{ at, for: length, factor: 3 }] }] }),
    { on: wide, quick: true },
  ),
  outage(
    'retry-storm',
    'Retry storm through three hops',
    'Edge, shop and payments, each guarded and, in the stacks, each retrying: up to 27 calls of one request. Payments fails three of four.',
    (when) => ({ faults: [{ service, fault: { kind: 'fails', ratio: 0.75 }, ...when }] }),
    { on: hops },
  ),
  outage(
    'herd',
    'Thundering herd at recovery',
    'Payments dies and comes back cold: for another 15 s everything takes three times as long, so that it can do 53 a second.',
    ({ at, for: length }) => ({
      faults: [
        { service, fault: { kind: 'dies' }, at, for: length },
        { service, fault: { kind: 'slows', factor: 3 }, at: at + length, for: '15s' },
      ],
    }),
    { quick: true, total: true },
  ),
  outage(
    'one-bad-of-ten',
    'One bad instance of ten',
    'One of ten instances refuses connections. Nine of ten calls are well; the circuit must stay closed.',
    (when) => ({ faults: [{ service, fault: { kind: 'dies' }, instances: 1, ...when }] }),
    { on: ten },
  ),
  outage(
    'errors',
    'Three of ten calls fail for a minute',
    'A partial failure. Seven of ten calls are well; the circuit must stay closed.',
    ({ at }) => ({ faults: [{ service, fault: { kind: 'fails', ratio: 0.3 }, at, for: '60s' }] }),
  ),
]
