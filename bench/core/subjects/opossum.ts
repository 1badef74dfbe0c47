// opossum with its defaults, and lean: without its timeout, percentiles and snapshots, the switches its documentation
// offers to save work. It has none for the rolling window itself.
import CircuitBreaker, { type CircuitBreakerOptions } from 'opossum'
import { openForMs, windowMs, type Guard, type Library } from '../subject.ts'
import { work } from '../workload.ts'

const lean: CircuitBreakerOptions = { timeout: false, rollingPercentilesEnabled: false, enableSnapshots: false }

// opossum keeps and changes the options object it is given, so each breaker gets its own.
const breakerOf = (options: CircuitBreakerOptions): CircuitBreaker<number> => new CircuitBreaker(work, { ...options })

function guard(options: CircuitBreakerOptions): Guard {
  const breaker = breakerOf({ ...options, resetTimeout: openForMs })
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
  }
}

export const library: Library = {
  guards: {
    defaults: () => guard({}),
    lean: () => guard(lean),
    // So many calls are needed in the window that it never opens; it does all its work first.
    window: () => guard({ rollingCountTimeout: windowMs, volumeThreshold: 1_000_000_000 }),
  },
  idle: {
    defaults: () => breakerOf({}),
    lean: () => breakerOf(lean),
  },
}
