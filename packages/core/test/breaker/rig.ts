// A breaker on its test stand: virtual time, chance by order, every event kept. It drives the gate as the kernel does
// (enter, settle at most once, exit once) and plays scripts, so that tables can say in words what happens.
import assert from 'node:assert/strict'
import {
  type Call,
  CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitBreakerSnapshot,
  type Outcome,
  parseDuration,
  type Pipeline,
  pipeline,
  type PolicyEvent,
  type SwitchgearError,
} from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'

/** How long a 'slow' call of a script takes; the tables set `slowCallDuration` to it. */
export const slowMs = 100

const never = new AbortController().signal

/** A call that begins now, as a gate sees it. */
export function callAt(startedAt: number): Call {
  return {
    name: 'payments',
    signal: never,
    deadline: Infinity,
    attempt: 1,
    startedAt,
    key: undefined,
    priority: 1,
    idempotent: true,
  }
}

/** An admitted call, driven by hand. */
export class Trial {
  readonly ticket: number
  readonly #breaker: CircuitBreaker
  readonly #call: Call

  constructor(breaker: CircuitBreaker, call: Call, ticket: number) {
    this.#breaker = breaker
    this.#call = call
    this.ticket = ticket
  }

  settle(outcome: Outcome, error?: unknown): void {
    this.#breaker.settle(this.#call, this.ticket, outcome, error)
  }

  exit(): void {
    this.#breaker.exit(this.#call, this.ticket)
  }

  end(outcome: Outcome, error?: unknown): void {
    this.settle(outcome, error)
    this.exit()
  }
}

/** One breaker with its clock and its pipeline 'payments'. */
export class Rig {
  readonly clock: VirtualClock
  readonly breaker: CircuitBreaker
  readonly payments: Pipeline
  readonly events: PolicyEvent[] = []
  /** What the injected chance answers. */
  chance = 0.5

  constructor(options?: CircuitBreakerOptions, clock: VirtualClock = new VirtualClock()) {
    this.clock = clock
    this.breaker = new CircuitBreaker(options)
    this.payments = pipeline({ name: 'payments', clock, random: () => this.chance }, this.breaker)
    this.breaker.events.subscribe((event) => this.events.push(event))
  }

  get state(): string {
    return this.breaker.state
  }

  get snapshot(): CircuitBreakerSnapshot {
    return this.breaker.snapshot()
  }

  /** Every transition so far, like 'closed > open @0'. */
  get transitions(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'transition' ? [`${event.from} > ${event.to} @${event.at}`] : [],
    )
  }

  count(type: PolicyEvent['type']): number {
    return this.events.filter((event) => event.type === type).length
  }

  /** Enters; undefined when refused. */
  enter(): Trial | undefined {
    const call = callAt(this.clock.now())
    const ticket = this.breaker.enter(call)
    return ticket < 0 ? undefined : new Trial(this.breaker, call, ticket)
  }

  /** Enters and must be admitted. */
  begin(): Trial {
    const trial = this.enter()
    assert.ok(trial !== undefined, `refused while ${this.state}`)
    return trial
  }

  /** Enters, must be refused, and answers the error. */
  refused(): SwitchgearError {
    const call = callAt(this.clock.now())
    const ticket = this.breaker.enter(call)
    assert.ok(ticket < 0, `admitted while ${this.state}`)
    return this.breaker.refusal(call, ticket)
  }

  /** Plays a script; what it can say is in `steps`. Nothing that a breaker does may set a timer. */
  play(script: string): this {
    const named = new Map<string, Trial>()
    for (const step of script.split(',').map((step) => step.trim())) {
      if (step === '') continue
      const [, words = '', times = '1'] = /^(.*?)(?: x(\d+))?$/.exec(step) ?? []
      for (let time = 0; time < Number(times); time++) this.#step(words, named)
    }
    assert.equal(this.clock.pending, 0, 'a breaker holds no timer')
    return this
  }

  #step(words: string, named: Map<string, Trial>): void {
    const [verb = '', noun = '', outcome = ''] = words.split(' ')
    const step = steps[verb]
    if (step !== undefined) step(this, noun, outcome as Outcome, named)
    else if (verb.startsWith('+')) this.clock.advanceSync(parseDuration(verb.slice(1), 'script'))
    else assert.fail(`the script says '${words}'`)
  }
}

type Step = (rig: Rig, noun: string, outcome: Outcome, named: Map<string, Trial>) => void

const get = (named: Map<string, Trial>, noun: string): Trial => {
  const trial = named.get(noun)
  assert.ok(trial !== undefined, `the script has not begun '${noun}'`)
  return trial
}

/** `success`, `failure`, `ignored` are calls that end at once; `took 40ms success` after so long; `+30s` lets time pass; `x3` repeats a step. */
const steps: Readonly<Record<string, Step>> = {
  success: (rig) => rig.begin().end('success'),
  failure: (rig) => rig.begin().end('failure', new Error('down')),
  ignored: (rig) => rig.begin().end('ignored'),
  slow: (rig, outcome) => {
    const trial = rig.begin()
    rig.clock.advanceSync(slowMs)
    trial.end(outcome as Outcome)
  },
  took: (rig, time, outcome) => {
    const trial = rig.begin()
    rig.clock.advanceSync(parseDuration(time, 'script'))
    trial.end(outcome)
  },
  begin: (rig, noun, _outcome, named) => named.set(noun, rig.begin()),
  settle: (_rig, noun, outcome, named) => get(named, noun).settle(outcome),
  exit: (_rig, noun, _outcome, named) => get(named, noun).exit(),
  end: (_rig, noun, outcome, named) => get(named, noun).end(outcome),
  refused: (rig) => rig.refused(),
  admitted: (rig) => rig.begin().end('ignored'),
  isolate: (rig) => rig.breaker.isolate('maintenance'),
  disable: (rig) => rig.breaker.disable(),
  release: (rig, to) => rig.breaker.release(to === '' ? {} : { to: to as 'closed' | 'open' | 'half-open' }),
  look: (rig) => rig.state,
}
