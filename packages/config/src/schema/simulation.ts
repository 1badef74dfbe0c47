// What stands under `simulation`: the world in which outages are played. Bounds and words are those of the simulator's model.
import type { PolicySpec } from '@switchgear/core'
import type { CallModel, LoadModel, ServiceModel, SimulationModel } from '@switchgear/simulator'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, between, count, duration, option } from './field.ts'
import { latency } from './latency.ts'
import { policies } from './policy.ts'
import { scenario } from './scenario.ts'
import { serviceName } from './service.ts'

/** The simulator's model, and policies to try in it. */
export interface SimulationConfig extends SimulationModel {
  /** Policies by service, instead of those that the service has. */
  readonly policies?: Readonly<Record<string, readonly PolicySpec[]>> | undefined
}

const call: z.ZodType<CallModel> = expecting(
  z.strictObject({
    to: z.string().meta({ description: 'The service that is called, under the policies of that name.' }),
    probability: option(amount(0, 1), 'Share of requests that make this call.', 1),
    required: option(z.boolean(), 'Whether a failure of the call is a failure of the request.', true),
  }),
  "a mapping with the key 'to'",
)

/** A simulated service. */
const service: z.ZodType<ServiceModel> = expecting(
  z.strictObject({
    instances: option(count(1, 100_000), 'How many there are.', 1),
    latency: option(latency, "Its own work for a request. Unless given: { median: '20ms', p99: '100ms' }."),
    concurrency: option(count(1, 10_000_000), 'Requests that one instance works on at once.', 100),
    queue: option(count(0, 10_000_000), 'Requests that wait at one instance at most.', 1000),
    failureRatio: option(amount(0, 1), 'Share of requests that fail although all is well.', 0),
    cancels: option(z.boolean(), 'Whether it stops working on a request whose caller gave up.', false),
    calls: option(
      expecting(z.array(call).max(100), 'a list of at most 100 calls'),
      'What it calls for each request, in this order.',
    ),
    guardedAs: option(z.string(), 'The policies of this service guard the calls to it. Unless given: its own.'),
  }),
  'a mapping of options ({} takes the defaults)',
)

const burst = expecting(
  z.strictObject({
    at: duration(0).meta({ description: 'When it begins.' }),
    for: duration(0).meta({ description: 'How long it lasts.' }),
    factor: amount(0, 1_000_000).meta({ description: 'The load is multiplied by it.' }),
  }),
  "a mapping with the keys 'at', 'for' and 'factor'",
)

/** Load from outside. */
const load: z.ZodType<LoadModel> = expecting(
  z.strictObject({
    to: z.string().meta({ description: 'The service that requests arrive at.' }),
    rate: option(amount(0, 10_000_000), 'Requests a second, at random moments, whatever happens.'),
    users: option(count(0, 1_000_000), 'Users who send, wait for the answer, think, and send again.'),
    thinkTime: option(latency, "What a user does between two requests. Unless given: { mean: '1s' }."),
    patience: option(duration(1), 'When a user gives up on an answer.', '10s'),
    userRetries: option(count(0, 100), 'How often a user tries again at once after a failure.', 0),
    bursts: option(
      expecting(z.array(burst).max(1000), 'a list of at most 1000 bursts'),
      'For a while, more load or less.',
    ),
  }),
  "a mapping with the key 'to' and either 'rate' or 'users'",
)
  .refine(
    ({ rate, users }) => rate !== undefined || users !== undefined,
    between('rate', "either 'rate', requests a second, or 'users'"),
  )
  .refine(
    ({ rate, users }) => rate === undefined || users === undefined,
    between('users', "either 'rate' or 'users', not both"),
  )

const loads = expecting(z.array(load).min(1).max(1000), 'a list of at least one load')
const services = expecting(z.record(serviceName, service), 'a mapping from names to simulated services')

/** The simulation. */
export const simulation: z.ZodType<SimulationConfig> = expecting(
  z.strictObject({
    services: services.meta({ description: 'How services behave; those not named behave by the defaults.' }),
    load: loads.meta({ description: 'What arrives from outside.' }),
    scenarios: option(
      expecting(z.record(serviceName, scenario({ loads, services })), 'a mapping from names to scenarios'),
      'Outages to play, by name; the built-in ones are there anyway.',
    ),
    policies: option(
      expecting(z.record(serviceName, policies), 'a mapping from names of services to policies'),
      'Policies by service, which are simulated instead of those that the service has.',
    ),
  }),
  "a mapping with the keys 'services' and 'load'",
)
