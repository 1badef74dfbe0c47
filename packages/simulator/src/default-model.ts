// The model of a system of which only the names of its services are known.
import { OptionsError } from '@switchgear/core'
import type { SimulationModel } from './model.ts'

/**
 * An `app` of two instances, with no policies in front of it, that calls each of `services` in turn for 100 requests a second
 * of users who wait at most a minute. Each service has two instances and works as services do by default.
 *
 * @example
 * await play({ model: defaultModel(['payments']), scenario: 'payments-dies' })
 */
export function defaultModel(services: readonly string[]): SimulationModel {
  if (services.length === 0) throw new OptionsError('defaultModel: it takes at least one service')
  const app = services.includes('app') ? 'front' : 'app'
  return {
    services: {
      [app]: { instances: 2, latency: '1ms', calls: services.map((to) => ({ to })) },
      ...Object.fromEntries(services.map((name) => [name, { instances: 2 }])),
    },
    load: [{ to: app, rate: 100, patience: '10s' }],
  }
}
