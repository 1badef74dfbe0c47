// Who plays in a story: the policies, made from their parts, and the values that functions, fallbacks and copies bring forth.
// Every value is on record, so that in the end each can be asked what became of it.
import {
  adaptiveLimit,
  bulkhead,
  cache,
  type Call,
  chaos,
  circuitBreaker,
  type Classifier,
  coalesce,
  failure,
  fallback,
  finalFailure,
  hedge,
  ignored,
  LocalFleet,
  type Policy,
  rateLimit,
  retry,
  shed,
  success,
  SwitchgearError,
  throttle,
  timeout,
  type Timer,
} from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import type { Behaviour, Part, PartOf, Visit } from './everything.ts'
import { Ledger, Purse } from './everything-books.ts'
import type { Watched } from './watch.ts'

/** What a function or a fallback answers. Each is received, shared or discarded, and discarded once at most. */
export class Answer {
  readonly result: Behaviour['result'] | 'instead' | 'copy'
  readonly visit: Run
  received = 0
  discarded = 0

  constructor(result: Answer['result'], visit: Run) {
    this.result = result
    this.visit = visit
  }
}

/** What a function throws. */
export class Down extends Error {
  readonly result: Behaviour['result']

  constructor(result: Behaviour['result']) {
    super('down')
    this.result = result
  }
}

/** One visit and what became of it. */
export interface Run {
  readonly visit: Visit
  readonly index: number
  readonly controller: AbortController
  /** How often its function was run. */
  runs: number
  startedAt: number | undefined
  /** When the answer must be there at the latest. */
  dueAt: number
  answer: Watched | undefined
}

/** Time, chance, and what is made with them. */
export class Cast {
  readonly clock = new VirtualClock()
  readonly random: () => number
  readonly problems: string[] = []
  readonly purses = new Map<Policy, Purse>()
  readonly answers: Answer[] = []
  /** Passes of ledgers that are open. */
  readonly open = new Map<Call, string[]>()
  /** Whose call a function runs for. */
  readonly byFunction = new Map<unknown, Run>()
  readonly fleet: LocalFleet

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.fleet = new LocalFleet({ probes: 1, clock: this.clock })
  }

  /** Timers that are not the kernel's. */
  own = 0

  timer(run: () => void, ms: number): Timer {
    this.own++
    const timer = this.clock.setTimer(() => {
      this.own--
      run()
    }, ms)
    let isOver = false
    return {
      cancel: () => {
        const { pending } = this.clock
        timer.cancel()
        if (!isOver && this.clock.pending < pending) this.own--
        isOver = true
      },
    }
  }

  answer(result: Answer['result'], run: Run): Answer {
    const answer = new Answer(result, run)
    this.answers.push(answer)
    return answer
  }

  readonly #copy = (value: unknown): unknown => {
    if (this.random() < 0.05) throw new Error('the copy is broken')
    return value instanceof Answer ? this.answer('copy', value.visit) : value
  }

  readonly #key = ({ key }: Call): string | undefined => {
    if (this.random() < 0.03) throw new Error('the key is broken')
    return key
  }

  readonly classify: Classifier = {
    ofValue: (value: unknown) => {
      if (!(value instanceof Answer)) return success
      if (value.result === 'broken') throw new Error('the classifier is broken')
      return value.result === 'bad' ? failure : value.result === 'skip' ? ignored : success
    },
    ofError: (error: unknown) => {
      if (!(error instanceof Down)) return failure
      if (error.result === 'later') return { outcome: 'failure', retryable: true, retryAfterMs: 15 }
      return error.result === 'final' ? finalFailure : failure
    },
    discard: (value: unknown) => {
      if (value instanceof Answer) value.discarded++
      else if (value !== undefined) this.problems.push(`${String(value)} was discarded`)
    },
  }

  /** What answers instead: at once, late, wrongly, or with the very value that failed. */
  readonly #substitute = (error: unknown, call: Call): unknown => {
    const run = this.byFunction.get((call as Call & { run: unknown }).run)
    const dice = this.random()
    if (dice < 0.2) throw new Error('the fallback is broken')
    if (dice < 0.3 && isFailedResult(error)) return (error as Error).cause
    const value = dice < 0.4 ? undefined : this.answer('instead', run as Run)
    if (dice < 0.7) return value
    return new Promise((resolve) => void this.timer(() => resolve(value), dice * 40))
  }

  #purse(part: PartOf<'retry' | 'hedge'>): Purse {
    return new Purse(part.budget, this.problems)
  }

  make(part: Part, name: string): Policy {
    const keep = <P extends Policy>(policy: P, purse: Purse): P => {
      this.purses.set(policy, purse)
      return policy
    }
    switch (part.kind) {
      case 'circuitBreaker':
        return circuitBreaker({ ...part.first, name, ...(part.flag ? { fleet: this.fleet.join() } : {}) })
      case 'retry': {
        const purse = this.#purse(part)
        return keep(retry({ ...part.first, name, budget: purse }), purse)
      }
      case 'hedge': {
        const purse = this.#purse(part)
        return keep(hedge({ ...part.first, name, budget: purse }), purse)
      }
      case 'cache':
        return cache({
          ...part.first,
          name,
          key: this.#key,
          cacheable: () => this.random() < 0.8,
          copy: part.flag ? this.#copy : undefined,
        })
      case 'coalesce':
        return coalesce({ ...part.first, name, key: this.#key, copy: part.flag ? this.#copy : undefined })
      case 'ledger':
        return new Ledger(name, part.first.refusing, this.problems, this.random, this.open)
      case 'fallback':
        return fallback(this.#substitute, { name })
      case 'timeout':
        return timeout({ ...part.first, name })
      case 'bulkhead':
        return bulkhead({ ...part.first, name })
      case 'rateLimit':
        return rateLimit({ ...part.first, name })
      case 'adaptiveLimit':
        return adaptiveLimit({ ...part.first, name })
      case 'throttle':
        return throttle({ ...part.first, name })
      case 'shed':
        return shed({ ...part.first, name })
      default:
        return chaos({ ...part.first, name })
    }
  }
}

/** Its cause is the value itself, which was not discarded yet. */
const isFailedResult = (error: unknown): error is Error =>
  error instanceof SwitchgearError && error.code === 'SG_FAILED_RESULT'
