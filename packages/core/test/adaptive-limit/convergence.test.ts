// Each algorithm against a simulated dependency of known capacity. Little's law says how many calls in flight serve all that
// can be served: as many as it has slots. Fewer waste it, more only queue there.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adaptiveLimit } from '../../src/adaptive-limit/adaptive-limit.ts'
import type { AdaptiveLimitOptions } from '../../src/adaptive-limit/options.ts'
import { Backend, type Service } from './backend.ts'

const within = (value: number, least: number, most: number, what: string): void =>
  assert.ok(value >= least && value <= most, `${what}: ${value.toFixed(2)} is not in [${least}, ${most}]`)

/** 50 slots of 20 ms: 2 500 calls a second. */
const service = { slots: 50, serviceMs: 20 }
const perSecond = ({ slots, serviceMs }: Service): number => (slots * 1000) / serviceMs

const rig = (options: AdaptiveLimitOptions, served: Partial<Service> = {}) => {
  const gate = adaptiveLimit(options)
  const backend = new Backend(gate, { ...service, ...served })
  /** Twice the load that can be served; answers the share of the capacity that was used. */
  const overload = (seconds: number, factor = 2): number => {
    const capacity = perSecond(backend.service)
    backend.load(capacity * factor, seconds)
    assert.ok(gate.limit >= 1 && gate.limit <= 200)
    assert.equal(gate.snapshot().inFlight, backend.inFlight)
    return backend.period.succeeded / seconds / capacity
  }
  return { gate, backend, overload }
}

const kinds: [AdaptiveLimitOptions, least: number, most: number][] = [
  [{ algorithm: 'gradient2' }, 50, 70],
  [{ algorithm: 'vegas' }, 48, 65],
  // It holds the 90th percentile of the latency at `dropAfter`: service takes up to 30 ms, so some 10 ms may queue.
  [{ algorithm: 'aimd', dropAfter: 35 }, 48, 80],
]

for (const [options, least, most] of kinds) {
  describe(`${options.algorithm} under twice the load of 50 slots of 20 ms`, () => {
    it(`settles at a limit of ${least} to ${most}, uses the capacity and keeps the latency`, () => {
      const { gate, backend, overload } = rig(options)
      overload(10)
      for (let second = 0; second < 20; second++) {
        within(overload(1), 0.93, 1.07, 'share of the capacity')
        within(gate.limit, options.algorithm === 'vegas' ? 24 : least, most, `limit in second ${second}`)
      }
      within(backend.meanMs, 19, 32, 'mean latency')
      within(backend.period.refused / backend.period.offered, 0.4, 0.6, 'refused share')
    })

    it('follows other capacities', () => {
      for (const slots of [20, 120]) {
        const { gate, overload } = rig(options, { slots })
        overload(30)
        within(overload(10), 0.95, 1.05, `share of the capacity of ${slots} slots`)
        within(gate.limit, slots * 0.9, slots * 1.7, `limit for ${slots} slots`)
      }
    })

    it('refuses nothing of a load that can be served, and does not drift to the maximum meanwhile', () => {
      const { gate, backend, overload } = rig(options)
      overload(20, 0.4)
      overload(60, 0.4)
      assert.equal(backend.period.refused, 0)
      within(gate.limit, backend.period.mostInFlight, backend.period.mostInFlight * 3, 'limit')
    })

    it('shrinks when the dependency loses slots, and grows again when it gets them back', () => {
      const { gate, backend, overload } = rig(options)
      overload(20)
      backend.service.slots = 20
      overload(60)
      within(gate.limit, 10, 40, 'limit for 20 slots')
      within(overload(20), 0.8, 1.05, 'share of the capacity of 20 slots')
      backend.service.slots = 50
      overload(60)
      within(overload(10), 0.9, 1.05, 'share of the capacity of 50 slots')
      // Up to twice the slots: in three minutes of overload gradient2 has crept up.
      within(gate.limit, 45, 100, 'limit for 50 slots again')
    })

    it('is not taken to the floor by fast failures that have nothing to do with load', () => {
      const { gate, backend, overload } = rig(options, { failFast: 0.05 })
      overload(20)
      within(overload(10), 0.9, 1.05, 'share of the capacity')
      within(backend.period.failed, 500, Infinity, 'failures')
      within(gate.limit, least * 0.9, most * 1.2, 'limit')
      const { baselineMs } = gate.snapshot()
      if (baselineMs !== undefined) within(baselineMs, 16, 26, 'baseline')
    })

    it('falls to a few when all calls hang, and comes back when they do not', () => {
      const { gate, backend, overload } = rig(options, { timeoutMs: 200 })
      overload(20)
      backend.service.serviceMs = 4000
      backend.load(5000, 20)
      within(gate.limit, 1, 10, 'limit while all hang')
      backend.service.serviceMs = service.serviceMs
      overload(40)
      within(overload(10), 0.9, 1.05, 'share of the capacity')
      within(gate.limit, least * 0.9, most * 1.2, 'limit')
    })
  })
}

describe('a dependency that becomes slower or faster for good', () => {
  it('vegas knows within a minute, by measuring anew under half the limit', () => {
    const { gate, backend, overload } = rig({ algorithm: 'vegas' })
    for (const serviceMs of [20, 40, 10]) {
      backend.service.serviceMs = serviceMs
      overload(60)
      within(overload(20), 0.93, 1.05, `share of the capacity at ${serviceMs} ms`)
      within(gate.limit, 45, 70, `limit at ${serviceMs} ms`)
    }
  })

  it('gradient2 forgets the old latency in about two minutes when slower, at once when faster', () => {
    const { gate, backend, overload } = rig({ algorithm: 'gradient2' })
    overload(20)
    backend.service.serviceMs = 40
    overload(20)
    // It takes the slower calls for queued ones at first: this is the price of an algorithm that never probes.
    within(gate.limit, 5, 30, 'limit after 20 s')
    overload(100)
    within(overload(10), 0.9, 1.05, 'share of the capacity at 40 ms')
    backend.service.serviceMs = 10
    overload(5)
    within(overload(20), 0.97, 1.03, 'share of the capacity at 10 ms')
  })

  it('aimd goes by what it is told to bear', () => {
    const { gate, backend, overload } = rig({ algorithm: 'aimd', dropAfter: 80 })
    for (const serviceMs of [20, 40]) {
      backend.service.serviceMs = serviceMs
      overload(20)
      within(overload(20), 0.97, 1.03, `share of the capacity at ${serviceMs} ms`)
      // Little's law again: so many in flight take so long.
      within(gate.limit, ((50 * 80) / serviceMs) * 0.6, (50 * 80) / serviceMs, `limit at ${serviceMs} ms`)
    }
  })
})

describe('five minutes of uninterrupted overload', () => {
  it('vegas stays where it was; gradient2 creeps up by less than ten a minute', () => {
    const limits = (['vegas', 'gradient2'] as const).map((algorithm) => {
      const { gate, overload } = rig({ algorithm })
      overload(30)
      const early = gate.limit
      overload(300)
      return gate.limit - early
    })
    within(limits[0] ?? NaN, -35, 10, 'creep of vegas in five minutes')
    within(limits[1] ?? NaN, 10, 50, 'creep of gradient2 in five minutes')
  })
})
