// No permit leaks, ever. Random pipelines of gates, timeouts, retry, fallback and queue; random functions; random aborts
// and deadlines, on the virtual clock. The recorders check each enter, settle and exit while it happens; here stands what
// must hold for the call as a whole.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type AdmittingPipeline,
  type Attempt,
  bulkhead,
  type Call,
  type CallOptions,
  type Classifier,
  circuitBreaker,
  failure,
  fallback,
  ignored,
  type Permit,
  pipeline,
  type Policy,
  type Rejection,
  retry,
  retryBudget,
  success,
} from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { timeout } from '../src/timeout.ts'
import { Counter, Journal, Recorder } from './recorder.ts'
import { turns, watch, type Watched } from './watch.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

type Part =
  | { readonly kind: 'gate'; readonly refusing: number }
  | { readonly kind: 'counter' }
  | { readonly kind: 'breaker' }
  | { readonly kind: 'fallback' }
  | { readonly kind: 'bulkhead'; readonly maxInFlight: number; readonly maxQueue: number }
  | { readonly kind: 'timeout'; readonly ms: number }
  | { readonly kind: 'retry'; readonly maxAttempts: number; readonly delay: number }

interface Scenario {
  readonly startAt: number
  readonly abortAt: number | undefined
  /** Turns of the promise queue by which the abort comes later. */
  readonly turns: number
  readonly deadline: number | undefined
  readonly behaviours: readonly Behaviour[]
}

/** One attempt: when it ends, how, and whether it obeys its signal. */
interface Behaviour {
  readonly ms: number | undefined
  readonly result: 'good' | 'bad' | 'skip' | 'broken' | 'throw'
  readonly obeys: boolean
}

const part: fc.Arbitrary<Part> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('gate' as const), refusing: fc.constantFrom(0, 0, 0.3) }) },
  { weight: 3, arbitrary: fc.constantFrom<Part>({ kind: 'counter' }, { kind: 'breaker' }, { kind: 'fallback' }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('bulkhead' as const),
      maxInFlight: fc.integer({ min: 1, max: 3 }),
      maxQueue: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('timeout' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
)
const again: fc.Arbitrary<Part> = fc.record({
  kind: fc.constant('retry' as const),
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  delay: fc.integer({ min: 0, max: 20 }),
})
const isLayer = ({ kind }: Part): boolean => kind === 'timeout' || kind === 'retry' || kind === 'fallback'

/** A queue that stands inside another gate with a layer between is refused when a pipeline is compiled. */
function hidesQueue(parts: readonly Part[]): boolean {
  return parts.some((part, index) => {
    if (part.kind !== 'bulkhead' || part.maxQueue === 0) return false
    const outside = parts.slice(0, parts.slice(0, index).findLastIndex(isLayer) + 1)
    return outside.some((other) => !isLayer(other))
  })
}

/** Any order of policies that compiles, with at most one retry. */
const stack: fc.Arbitrary<readonly Part[]> = fc
  .tuple(fc.array(part, { maxLength: 6 }), fc.option(again), fc.nat(6))
  .map(([parts, more, place]) => (more === null ? parts : parts.toSpliced(place, 0, more)))
  .filter((parts) => !hidesQueue(parts))

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  ms: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined, freq: 5 }),
  result: fc.constantFrom('good', 'bad', 'skip', 'broken', 'throw'),
  obeys: fc.boolean(),
})
const scenario: fc.Arbitrary<Scenario> = fc.record({
  startAt: fc.integer({ min: 0, max: 50 }),
  abortAt: fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined }),
  turns: fc.nat(9),
  deadline: fc.option(fc.integer({ min: 0, max: 150 }), { nil: undefined, freq: 4 }),
  behaviours: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
})

/** What an operator does meanwhile. */
const acts = ['isolate', 'disable', 'release', 'close', 'narrow', 'widen'] as const

/** What a function answers; each is received by the caller, or discarded once, and nothing else is judged. */
class Answer {
  readonly result: Behaviour['result']
  discarded = 0

  constructor(result: Behaviour['result']) {
    this.result = result
  }
}

/** Everything of one run: the policies that were made and the books that they keep. */
class World {
  readonly clock = new VirtualClock()
  readonly random: () => number
  readonly journal = new Journal()
  readonly counters: Counter[] = []
  readonly bulkheads: ReturnType<typeof bulkhead>[] = []
  readonly breakers: ReturnType<typeof circuitBreaker>[] = []
  readonly policies: Policy[]
  readonly answers: Answer[] = []
  readonly classify: Classifier = {
    ofValue: (value: unknown) => {
      if (!(value instanceof Answer) && value !== 'instead') this.journal.problems.push(`${String(value)} was judged`)
      const { result } = value as Partial<Answer>
      if (result === 'broken') throw new Error('the classifier is broken')
      return result === 'bad' ? failure : result === 'skip' ? ignored : success
    },
    discard: (value: unknown) => {
      if (value instanceof Answer) value.discarded++
      else if (value !== 'instead') this.journal.problems.push(`${String(value)} was discarded`)
    },
  }

  constructor(parts: readonly Part[], seed: number) {
    this.random = seededRandom(seed)
    this.policies = parts.map((given, index) => this.#make(given, `${given.kind} ${index}`))
  }

  meddle(act: (typeof acts)[number]): void {
    for (const breaker of this.breakers) {
      if (act === 'isolate') breaker.isolate('for a while')
      else if (act === 'disable') breaker.disable()
      else if (act === 'release') breaker.release()
      else if (act === 'close') breaker.release({ to: 'closed' })
    }
    const limits = act === 'narrow' ? { maxInFlight: 1, maxQueue: 0 } : { maxInFlight: 9, maxQueue: 9 }
    if (act === 'narrow' || act === 'widen') for (const slots of this.bulkheads) slots.update(limits)
  }

  /** A function answers. */
  answer(result: Behaviour['result']): Answer {
    const answer = new Answer(result)
    this.answers.push(answer)
    return answer
  }

  #make(given: Part, name: string): Policy {
    if (given.kind === 'timeout') return timeout(given.ms)
    if (given.kind === 'retry') {
      const { maxAttempts, delay } = given
      return retry({ maxAttempts, delay, jitter: 0, budget: retryBudget({ minPerSecond: 99 }) })
    }
    if (given.kind === 'fallback') {
      return fallback(() => {
        if (this.random() < 0.5) throw new Error('the fallback is broken')
        return 'instead'
      })
    }
    if (given.kind === 'gate') {
      const gate = new Recorder(name, this.journal)
      gate.refuses = () => this.random() < given.refusing
      return gate
    }
    if (given.kind === 'counter') {
      const counter = new Counter()
      this.counters.push(counter)
      return counter
    }
    if (given.kind === 'breaker') {
      const options = { consecutiveFailures: 2, openFor: 20, halfOpenCalls: 1, successesToClose: 1, probeTimeout: 40 }
      const breaker = circuitBreaker(options)
      this.breakers.push(breaker)
      return breaker
    }
    const slots = bulkhead({ maxInFlight: given.maxInFlight, maxQueue: given.maxQueue })
    this.bulkheads.push(slots)
    return slots
  }

  /** What must hold when every call has ended. */
  assertIdle(): void {
    assert.deepEqual(this.journal.problems, [])
    assert.equal(this.journal.heldByAll, 0, 'a gate still holds a permit')
    for (const counter of this.counters) assert.equal(counter.inFlight, 0)
    // Once each, and once more where a failure followed a success.
    for (const { learned, entered } of this.counters) {
      assert.ok(learned.length >= entered && learned.length <= 2 * entered, `${learned.length} of ${entered}`)
    }
    for (const slots of this.bulkheads) {
      const { inFlight, queued } = slots.snapshot()
      assert.deepEqual([inFlight, queued], [0, 0])
    }
    for (const breaker of this.breakers) assert.equal(breaker.snapshot().probesInFlight, 0)
    assert.equal(this.clock.pending, 0, 'a timer is left')
  }
}

/** Plays one scenario; functions that never end are let go at the very end of time. */
function play(
  world: World,
  guarded: ReturnType<typeof pipeline>,
  key: string,
  given: Scenario,
  signal?: AbortSignal,
): Watched {
  const { clock, journal } = world
  const run = (call: Call): unknown => {
    if (signal?.aborted === true) journal.problems.push(`call ${key} started although the caller had aborted it`)
    const step = given.behaviours[call.attempt - 1] ?? given.behaviours[0]
    if (step === undefined) return world.answer('good')
    const end = (): unknown => {
      if (step.result === 'throw') throw new Error('down')
      return world.answer(step.result)
    }
    if (step.ms === 0) return end()
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(() => resolve(Promise.resolve().then(end)), step.ms ?? 5000)
      if (!step.obeys) return
      call.signal.addEventListener('abort', () => {
        timer.cancel()
        reject(call.signal.reason)
      })
    })
  }
  const options: CallOptions = { key, signal, deadline: given.deadline }
  const answer = guarded.execute(run, options)
  const look = (): void => {
    if (journal.held(key) > 0) journal.problems.push(`call ${key} was answered while it held a permit`)
  }
  answer.then(look, look)
  return watch(answer, clock)
}

test('face 1: every enter is matched by one exit and one settle, in reverse, and nothing is left', async () => {
  const property = fc.asyncProperty(
    stack,
    fc.array(scenario, { minLength: 1, maxLength: 6 }),
    fc.array(fc.record({ at: fc.nat(150), act: fc.constantFrom(...acts) }), { maxLength: 4 }),
    fc.nat(),
    async (parts, scenarios, meddling, seed) => {
      const world = new World(parts, seed)
      const { clock, random, classify } = world
      const guarded = pipeline({ clock, classify, random }, ...world.policies) as ReturnType<typeof pipeline>
      const calls = scenarios.map((given, index) => {
        const controller = new AbortController()
        const call = { given, controller, key: `${index}`, answer: undefined as Watched | undefined }
        clock.setTimer(() => {
          call.answer = play(world, guarded, call.key, given, controller.signal)
        }, given.startAt)
        const abort = async (): Promise<void> => {
          await turns(given.turns)
          controller.abort(`reason ${index}`)
        }
        if (given.abortAt !== undefined) clock.setTimer(() => void abort(), given.abortAt)
        return call
      })
      // A listener may do anything: it aborts calls, the very one it hears of among them. While gates are being entered it
      // waits a turn, since an abort in between lets go of the outer ones first.
      guarded.subscribe(({ type }) => {
        const call = calls[Math.floor(random() * 20)]
        const abort = (): void => call?.controller.abort('by a listener')
        if (type === 'rejected' || type === 'transition') queueMicrotask(abort)
        else abort()
      })
      for (const { at, act } of meddling) clock.setTimer(() => world.meddle(act), at)
      // Long enough for a function that seems never to end, however often it is tried.
      await clock.advance(25_000)
      for (const { given, controller, answer } of calls) {
        const { startAt, abortAt = Infinity, deadline = Infinity } = given
        assert.ok(answer !== undefined && answer.state !== 'pending', 'a call was never answered')
        const end = Math.max(startAt, Math.min(abortAt, deadline))
        assert.ok((answer.at ?? Infinity) <= end, `answered at ${answer.at}, although it ended at ${end}`)
        if (abortAt < startAt) assert.equal(answer.result, controller.signal.reason)
        assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
      }
      world.assertIdle()
    },
  )
  await fc.assert(property, { seed, numRuns: 250 })
})

type Step =
  | { readonly do: 'admit' | 'attempt' | 'exit attempt' | 'exit' | 'dispose'; readonly which: number }
  | {
      readonly do: 'admitAsync'
      readonly which: number
      readonly abortAfter: number | undefined
      readonly deadline: number
    }
  | { readonly do: 'settle'; readonly which: number; readonly outcome: 'success' | 'failure' | 'ignored' }
  | { readonly do: 'advance'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('attempt' as const, 'exit attempt' as const), which: fc.nat(9) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('admit' as const, 'exit' as const, 'dispose' as const),
      which: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('admitAsync' as const),
      which: fc.nat(9),
      abortAfter: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
      deadline: fc.constantFrom(30, 5000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(9),
      outcome: fc.constantFrom('success', 'failure', 'ignored'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 30 }) }) },
)

test('face 2: whatever the order in which it is driven, no gate is settled or freed twice, and nothing is left', async () => {
  const property = fc.asyncProperty(
    stack.map((parts) => parts.filter(({ kind }) => kind !== 'fallback')),
    fc.array(step, { minLength: 1, maxLength: 60 }),
    fc.nat(),
    async (parts, steps, seed) => {
      const world = new World(parts, seed)
      const { clock } = world
      const guarded = pipeline({ clock, random: world.random }, ...world.policies) as unknown as Pick<
        AdmittingPipeline,
        'admit' | 'admitAsync'
      >
      const permits: Permit[] = []
      const attempts: Attempt[] = []
      let made = 0
      const waiting = new Set<string>()
      const keep = (answer: Permit | Rejection): void => {
        if (answer.kind === 'permit') permits.push(answer)
        else assert.match(answer.error.code, /^SG_/)
      }
      const oneOf = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)]
      const drive = async (given: Step): Promise<void> => {
        if (given.do === 'advance') return clock.advance(given.ms)
        const key = `${made++}`
        if (given.do === 'admit') keep(guarded.admit({ key }))
        else if (given.do === 'admitAsync') {
          const controller = new AbortController()
          const { signal } = controller
          waiting.add(key)
          guarded
            .admitAsync({ key, signal, deadline: clock.now() + given.deadline })
            .then(keep, (error: unknown) => assert.ok(signal.aborted && error === signal.reason, String(error)))
            .finally(() => waiting.delete(key))
          if (given.abortAfter === undefined) return
          await turns(given.abortAfter)
          controller.abort()
        } else if (given.do === 'attempt') {
          try {
            const attempt = oneOf(permits, given.which)?.attempt()
            if (attempt?.kind === 'attempt') attempts.push(attempt)
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'SG_BAD_OPTIONS')
          }
        } else if (given.do === 'settle') oneOf(attempts, given.which)?.settle(given.outcome, new Error('down'))
        else if (given.do === 'exit attempt') {
          const attempt = oneOf(attempts, given.which)
          assert.equal(attempt?.exit(), attempt?.exit())
        } else if (given.do === 'exit') oneOf(permits, given.which)?.exit()
        else oneOf(permits, given.which)?.[Symbol.dispose]()
      }
      for (const given of steps) await drive(given)
      // Whoever still waits comes in when those before him go.
      do {
        await clock.advance(1)
        for (const permit of permits.splice(0)) permit.exit()
      } while (waiting.size > 0)
      world.assertIdle()
    },
  )
  await fc.assert(property, { seed, numRuns: 400 })
})
