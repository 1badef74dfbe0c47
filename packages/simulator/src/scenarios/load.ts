// Too much load: more than there is capacity for, a chain that multiplies its own requests, and everybody coming back at once.
// Each limits the capacity of the service in question, because a service without limits cannot be overloaded.
import type { ScenarioModel, ServiceModel } from '../model.ts'
import { type Called, doorTo, slotsFor, type Surroundings } from './surroundings.ts'

/** Three times the load for 50 s, where 1.7 times would be the most. */
export function overload({ loads }: Surroundings, called: Called): ScenarioModel {
  return {
    title: `three times the load; ${called.name} bears 1.7 times`,
    reason:
      'Work that is started and not finished in time is lost. Refusing early keeps what capacity there is useful.',
    duration: '120s',
    load: loads.map((load) => ({ ...load, bursts: [...(load.bursts ?? []), { at: '20s', for: '50s', factor: 3 }] })),
    services: { [called.name]: { concurrency: slotsFor(called, called.rate, 0.6) } },
  }
}

/** A hop that is no bottleneck itself. */
const roomy: ServiceModel = Object.freeze({ instances: 2, latency: '2ms', concurrency: 1000 })

/**
 * A chain of three hops, each guarded, the last of which fails most of its requests. It is made of the first three called
 * services; a shorter list is filled up in front with hops under the policies of its first one.
 */
export function retryStorm({ called, loads, door }: Surroundings): ScenarioModel {
  const real = called.slice(0, 3)
  const [first, last] = [real[0] as Called, real.at(-1) as Called]
  const hops = Array.from({ length: 3 - real.length }, (_, index) => `hop-${index + 1}`)
  const chain = [...hops, ...real.map(({ name }) => name)]
  const rate = loads.reduce((sum, load) => sum + (load.rate ?? load.users ?? 0), 0)
  const services: Record<string, ServiceModel> = { [door]: doorTo(chain[0] as string) }
  for (const [index, name] of chain.entries()) {
    const next = chain[index + 1]
    const calls = next === undefined ? [] : [{ to: next }]
    services[name] = hops.includes(name) ? { ...roomy, calls, guardedAs: first.name } : { calls }
  }
  services[last.name] = { calls: [], concurrency: slotsFor(last, rate, 0.2) }
  return {
    title: `three hops retry while ${last.name} fails four of five requests`,
    reason:
      'Retries multiply: three attempts at each of three hops are 27 requests for one, and keep down what would come back.',
    duration: '120s',
    services,
    load: loads.map((load) => ({ ...load, to: door })),
    faults: [{ service: last.name, fault: { kind: 'fails', ratio: 0.8 }, at: '20s', for: '50s' }],
  }
}

/** Dead for 30 s, then cold for 10 s while twice as many users come as before, each of whom tries again. */
export function herd({ loads }: Surroundings, called: Called): ScenarioModel {
  const { name } = called
  return {
    title: `everybody comes back at once to a cold ${name}`,
    reason: 'Its caches are empty and all clients return together. Who lets all in at once knocks it over again.',
    duration: '120s',
    load: loads.map((load) => ({
      ...load,
      userRetries: 2,
      bursts: [...(load.bursts ?? []), { at: '50s', for: '10s', factor: 2 }],
    })),
    services: { [name]: { concurrency: slotsFor(called, called.rate, 0.5) } },
    faults: [
      { service: name, fault: { kind: 'dies' }, at: '20s', for: '30s' },
      { service: name, fault: { kind: 'slows', factor: 4 }, at: '50s', for: '10s' },
    ],
  }
}
