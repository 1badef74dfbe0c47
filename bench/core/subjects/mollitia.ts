// mollitia as its documentation configures it: a Circuit whose modules are listed outermost first. It has no breaker of
// consecutive failures, so the count breaker with its defaults stands for the default breaker.
import {
  BreakerState,
  Bulkhead,
  Cache,
  Circuit,
  Fallback,
  Ratelimit,
  Retry,
  SlidingCountBreaker,
  SlidingTimeBreaker,
  Timeout,
  type Module,
} from 'mollitia'
import { turn } from '../chunks.ts'
import { openForMs, windowMs, type Guard, type Library } from '../subject.ts'
import { hang, work } from '../workload.ts'

const circuitOf = (...modules: Module[]): Circuit => new Circuit({ func: work, options: { modules } })

function guard(circuit: Circuit, more: Partial<Guard> = {}): Guard {
  return {
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
    ...more,
  }
}

function around(breaker: SlidingCountBreaker | SlidingTimeBreaker, circuit: Circuit = circuitOf(breaker)): Guard {
  const { CLOSED, OPENED } = BreakerState
  return guard(circuit, {
    state: () => (breaker.state === CLOSED ? 'closed' : breaker.state === OPENED ? 'open' : 'other'),
  })
}

const count = (): SlidingCountBreaker => new SlidingCountBreaker({ openStateDelay: openForMs })
const retrying = (): Retry => new Retry({ attempts: 2 })
const timed = (delay = 800): Timeout => new Timeout({ delay })
const limited = (): Bulkhead => new Bulkhead({ concurrentSize: 100, queueSize: 0 })
const falling = (): Fallback => new Fallback({ callback: () => 0 })
// It keeps the time of each of its calls. The oldest must be older than the period when the next one comes, which ten
// thousand calls in a row are after a millisecond.
const rated = (): Ratelimit => new Ratelimit({ limitForPeriod: 10_000, limitPeriod: 1 })

function stack(): Guard {
  const breaker = count()
  return around(breaker, circuitOf(retrying(), breaker, timed()))
}

function standard(): Guard {
  const breaker = count()
  return around(breaker, circuitOf(limited(), timed(2000), retrying(), breaker, timed()))
}

function everything(): Guard {
  const breaker = count()
  return around(breaker, circuitOf(falling(), rated(), limited(), timed(2000), retrying(), breaker, timed()))
}

function full(): Guard {
  let held = false
  const modules = [new Bulkhead({ concurrentSize: 1, queueSize: 0 })]
  const circuit = new Circuit({ func: () => (held ? hang() : work()), options: { modules } })
  return guard(circuit, {
    refuse: async () => {
      held = true
      void circuit.execute()
      // Its modules run some turns later.
      await turn()
      held = false
    },
  })
}

function empty(): Guard {
  const one = guard(circuitOf(new Ratelimit({ limitForPeriod: 100, limitPeriod: openForMs })))
  return { ...one, refuse: () => one.attempt(200) }
}

export const library: Library = {
  guards: {
    count: () => around(count()),
    time: () =>
      around(
        new SlidingTimeBreaker({
          slidingWindowSize: 10_000,
          openStateDelay: openForMs,
          slowCallRateThreshold: 50,
          slowCallDurationThreshold: 5000,
        }),
      ),
    stack,
    standard,
    everything,
    // Its time window keeps at most 1000 calls, however many are made in it.
    window: () => ({
      ...around(new SlidingTimeBreaker({ slidingWindowSize: windowMs, minimumNumberOfCalls: 1_000_000_000 })),
      remembers: 1000,
    }),
    bulkhead: () => guard(circuitOf(limited())),
    'bulkhead-full': full,
    timeout: () => guard(circuitOf(timed())),
    retry: () => guard(circuitOf(retrying())),
    fallback: () => guard(circuitOf(falling())),
    'rate-limit': () => guard(circuitOf(rated())),
    'rate-limit-empty': empty,
    cache: () => guard(circuitOf(new Cache({ ttl: openForMs })), { remembersAnswers: true }),
  },
  idle: {
    count: () => circuitOf(new SlidingCountBreaker()),
    bulkhead: () => circuitOf(limited()),
    timeout: () => circuitOf(timed()),
    retry: () => circuitOf(retrying()),
    fallback: () => circuitOf(falling()),
    'rate-limit': () => circuitOf(rated()),
    cache: () => circuitOf(new Cache()),
  },
}
