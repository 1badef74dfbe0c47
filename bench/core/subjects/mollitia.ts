// mollitia as its documentation configures it: a Circuit whose modules are listed outermost first. It has no breaker of
// consecutive failures, so the count breaker with its defaults stands for the default breaker.
import { BreakerState, Circuit, Retry, SlidingCountBreaker, SlidingTimeBreaker, Timeout, type Module } from 'mollitia'
import { openForMs, windowMs, type Guard, type Library } from '../subject.ts'
import { work } from '../workload.ts'

const circuitOf = (...modules: Module[]): Circuit => new Circuit({ func: work, options: { modules } })

function guard(breaker: SlidingCountBreaker | SlidingTimeBreaker, circuit: Circuit = circuitOf(breaker)): Guard {
  return {
    state: () =>
      breaker.state === BreakerState.CLOSED ? 'closed' : breaker.state === BreakerState.OPENED ? 'open' : 'other',
    once: () => circuit.execute(),
    async run(count) {
      for (let i = 0; i < count; i++) await circuit.execute()
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await circuit.execute()
        } catch {
          caught++
        }
      }
      return caught
    },
  }
}

const count = (): SlidingCountBreaker => new SlidingCountBreaker({ openStateDelay: openForMs })

function stack(): Guard {
  const breaker = count()
  return guard(breaker, circuitOf(new Retry({ attempts: 2 }), breaker, new Timeout({ delay: 800 })))
}

export const library: Library = {
  guards: {
    count: () => guard(count()),
    time: () =>
      guard(
        new SlidingTimeBreaker({
          slidingWindowSize: 10_000,
          openStateDelay: openForMs,
          slowCallRateThreshold: 50,
          slowCallDurationThreshold: 5000,
        }),
      ),
    stack,
    // Its time window keeps at most 1000 calls, however many are made in it.
    window: () => ({
      ...guard(new SlidingTimeBreaker({ slidingWindowSize: windowMs, minimumNumberOfCalls: 1_000_000_000 })),
      remembers: 1000,
    }),
  },
  idle: { count: () => circuitOf(new SlidingCountBreaker()) },
}
