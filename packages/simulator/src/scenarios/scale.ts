// Numbers: the classic arithmetic of a call that hangs, and a fleet that no test machine has.
import type { ScenarioModel } from '../model.ts'
import { type Called, doorTo, type Surroundings } from './surroundings.ts'

/** 100 requests a second against a call that never answers, for a minute, with room for all who wait. */
export function arithmetic({ door }: Surroundings, { name }: Called): ScenarioModel {
  return {
    title: `100 requests a second while ${name} hangs`,
    reason:
      'With a timeout of 30 s there are 3 000 requests waiting at any time; without one it is 6 000 after a minute.',
    duration: '60s',
    services: { [door]: doorTo(name, 1), [name]: { calls: [] } },
    load: [{ to: door, rate: 100, patience: '10m' }],
    faults: [{ service: name, fault: { kind: 'hangs' }, at: 0, for: '60s' }],
  }
}

/** 1 000 callers with a guard each, 100 000 requests a second in all, for a minute with ten seconds of outage. */
export function fleet({ door }: Surroundings, { name, plan }: Called): ScenarioModel {
  const concurrency = Math.max(plan.concurrency, Math.ceil((100_000 * 3 * plan.latency.meanMs) / 1000 / 100))
  return {
    title: `1 000 callers and 100 000 requests a second; ${name} dies for 10 s`,
    reason: 'A thousand breakers decide each for itself. Together they are what the service meets when it comes back.',
    duration: '60s',
    services: { [door]: doorTo(name, 1000), [name]: { instances: 100, concurrency, calls: [] } },
    load: [{ to: door, rate: 100_000 }],
    faults: [{ service: name, fault: { kind: 'dies' }, at: '15s', for: '10s' }],
  }
}
