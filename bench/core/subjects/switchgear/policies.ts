// Each of our policies alone in a pipeline, with limits that the calls of the benchmark never reach, and those that refuse
// once more in the state in which they refuse every call. Functions are taken from the namespace when a variant is built,
// as in `breakers.ts`.
import * as core from '@switchgear/core'
import type { Guard, Library } from '../../subject.ts'
import { hang, workload } from '../../workload.ts'
import { guard, type Guarded, keyed, manyKeyed } from './guard.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** One call that stays in flight takes the only slot. */
function filled(guarded: Guarded): Guard {
  return guard(guarded, { refuse: () => void guarded.execute(hang) })
}

/** Its hundred calls a year are used up. */
function empty(): Guard {
  const one = keyed(core.pipeline(core.rateLimit({ limit: 100, window: '365d' })))
  return { ...one, refuse: () => one.attempt(200) }
}

/** A dependency that has accepted nearly nothing, and dice that fall below one half. */
function throttled(): Guard {
  const gate = core.throttle({ maxRefusalChance: 1, window: '1h' })
  const one = guard(core.pipeline({ random: () => Math.random() / 2 }, gate))
  return { ...one, refuse: () => failing(one, 1000) }
}

/** What has failed once makes it read the clock at every call. */
function throttleWithFailure(): Guard {
  const one = guard(core.pipeline(core.throttle({ window: '1h' })))
  return { ...one, prepare: () => failing(one, 1) }
}

async function failing(one: Guard, calls: number): Promise<void> {
  workload.failing = true
  await one.attempt(calls)
  workload.failing = false
}

/** Told of delays until it refuses; then its patience is set so long that it goes on. */
function shedding(): Guard {
  const gate = core.shed({ target: 1, interval: 1 })
  return guard(core.pipeline(gate), {
    refuse: async () => {
      for (let tries = 0; tries < 1000 && gate.refusedFrom > 1; tries++) {
        gate.observe(1000)
        await pause(1)
      }
      gate.update({ interval: '1h' })
    },
  })
}

function inactive(): Guard {
  const storm = core.chaos({ for: '1h', errors: { rate: 0.5 }, latency: { rate: 0.5, delay: '1s' } })
  storm.stop()
  return guard(core.pipeline(storm))
}

export const policies: Library = {
  guards: {
    bulkhead: () => guard(core.pipeline(core.bulkhead())),
    'bulkhead-full': () => filled(core.pipeline(core.bulkhead({ maxInFlight: 1 }))),
    timeout: () => guard(core.pipeline(core.timeout('800ms'))),
    retry: () => guard(core.pipeline(core.retry())),
    fallback: () => guard(core.pipeline(core.fallback({ value: 0 }))),
    'rate-limit': () => keyed(core.pipeline(core.rateLimit({ limit: 1e9 }))),
    'rate-limit-keys': () => manyKeyed(core.pipeline(core.rateLimit({ limit: 1e9 })), 10_000),
    'rate-limit-sliding': () => keyed(core.pipeline(core.rateLimit({ limit: 1e9, algorithm: 'slidingWindow' }))),
    'rate-limit-empty': empty,
    gradient2: () => guard(core.pipeline(core.adaptiveLimit({ algorithm: 'gradient2' }))),
    vegas: () => guard(core.pipeline(core.adaptiveLimit({ algorithm: 'vegas' }))),
    aimd: () => guard(core.pipeline(core.adaptiveLimit({ algorithm: 'aimd' }))),
    'adaptive-limit-reached': () => filled(core.pipeline(core.adaptiveLimit({ maxLimit: 1 }))),
    throttle: () => guard(core.pipeline(core.throttle())),
    'throttle-failed': throttleWithFailure,
    throttled,
    // A benchmark on a busy machine is late itself, and must not be refused for that.
    shed: () => guard(core.pipeline(core.shed({ target: '1s', interval: '30s' }))),
    shedding,
    hedge: () => guard(core.pipeline(core.hedge({ delay: '100ms' }))),
    'hedge-observed': () => guard(core.pipeline(core.hedge())),
    cache: () => keyed(core.pipeline(core.cache({ ttl: '1h' })), { remembersAnswers: true }),
    coalesce: () => keyed(core.pipeline(core.coalesce())),
    chaos: inactive,
  },
  idle: {
    bulkhead: () => core.bulkhead(),
    timeout: () => core.timeout('800ms'),
    retry: () => core.retry(),
    fallback: () => core.fallback({ value: 0 }),
    'rate-limit': () => core.rateLimit(),
    'adaptive-limit': () => core.adaptiveLimit(),
    throttle: () => core.throttle(),
    shed: () => core.shed(),
    hedge: () => core.hedge(),
    cache: () => core.cache(),
    coalesce: () => core.coalesce(),
    chaos: () => core.chaos({ for: '1h' }),
  },
}
