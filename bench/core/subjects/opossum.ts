// opossum with its defaults, and lean: without its timeout, percentiles and snapshots, the switches its documentation
// offers to save work. It has none for the rolling window itself. What else it offers is a switch of its breaker, so it is
// measured as the lean breaker with that switch.
import CircuitBreaker, { type CircuitBreakerOptions } from 'opossum'
import { openForMs, windowMs, type Guard, type Library } from '../subject.ts'
import { hang, work } from '../workload.ts'

const lean: CircuitBreakerOptions = { timeout: false, rollingPercentilesEnabled: false, enableSnapshots: false }
// The documentation's own advice; all calls are about the same.
const cacheGetKey = (): string => 'tenant'

// opossum keeps and changes the options object it is given, so each breaker gets its own.
const breakerOf = (options: CircuitBreakerOptions, action = work): CircuitBreaker<number> =>
  new CircuitBreaker(action, { ...options, resetTimeout: openForMs })

function guard(breaker: CircuitBreaker<number>, more: Partial<Guard> = {}): Guard {
  return {
    state: () => (breaker.closed ? 'closed' : breaker.opened ? 'open' : 'other'),
    once: () => breaker.fire(),
    async run(count) {
      for (let i = 0; i < count; i++) await breaker.fire()
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await breaker.fire()
        } catch {
          caught++
        }
      }
      return caught
    },
    ...more,
  }
}

const leanWith = (options: CircuitBreakerOptions, more?: Partial<Guard>): Guard =>
  guard(breakerOf({ ...lean, ...options }), more)

/** Its refusals count as failures; so many calls are needed that they do not open its circuit. */
function full(): Guard {
  let held = false
  const breaker = breakerOf({ ...lean, capacity: 1, volumeThreshold: 1_000_000_000 }, () => (held ? hang() : work()))
  return guard(breaker, {
    refuse: () => {
      held = true
      void breaker.fire()
      held = false
    },
  })
}

function everything(): Guard {
  const breaker = breakerOf({ ...lean, timeout: 800, capacity: 100 })
  breaker.fallback(() => 0)
  return guard(breaker)
}

function falling(): Guard {
  const breaker = breakerOf(lean)
  breaker.fallback(() => 0)
  return guard(breaker)
}

export const library: Library = {
  guards: {
    defaults: () => guard(breakerOf({})),
    lean: () => leanWith({}),
    // So many calls are needed in the window that it never opens; it does all its work first.
    window: () => guard(breakerOf({ rollingCountTimeout: windowMs, volumeThreshold: 1_000_000_000 })),
    capacity: () => leanWith({ capacity: 100 }),
    'capacity-full': full,
    timeout: () => leanWith({ timeout: 800 }),
    fallback: falling,
    cache: () => leanWith({ cache: true, cacheTTL: openForMs, cacheGetKey }, { remembersAnswers: true }),
    coalesce: () => leanWith({ coalesce: true, coalesceResetOn: ['success', 'error', 'timeout'], cacheGetKey }),
    everything,
  },
  idle: {
    defaults: () => breakerOf({}),
    lean: () => breakerOf(lean),
  },
}
