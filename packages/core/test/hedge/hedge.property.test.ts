// Random latencies, outcomes, refusals, aborts and timeouts: exactly one answer, the one that a simple model gives; never more
// attempts at a time than allowed; every gate settled and exited once; every value received or discarded once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hedge } from '../../src/hedge/hedge.ts'
import {
  type Call,
  circuitBreaker,
  pipeline,
  type Policy,
  retryBudget,
  success,
  failure,
  timeout,
} from '../../src/index.ts'
import { seededRandom, VirtualClock } from '../../src/testing/index.ts'
import { Journal, Recorder } from '../recorder.ts'
import { turns, watch } from '../watch.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

/** One attempt: when it ends (undefined: never), how, and whether it obeys its signal. */
interface Behaviour {
  readonly ms: number | undefined
  readonly result: 'good' | 'bad' | 'throw'
  readonly obeys: boolean
}

interface Scenario {
  readonly startAt: number
  readonly abortAt: number | undefined
  readonly turns: number
  readonly deadline: number | undefined
  readonly idempotent: boolean
  readonly behaviours: readonly Behaviour[]
}

interface World {
  readonly delay: number
  readonly maxHedges: number
  readonly outerTimeout: number | undefined
  readonly innerTimeout: number | undefined
  readonly refusing: number
  readonly gateOutside: boolean
  readonly calls: readonly Scenario[]
}

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  ms: fc.option(fc.integer({ min: 0, max: 80 }), { nil: undefined, freq: 6 }),
  result: fc.constantFrom('good', 'bad', 'throw'),
  obeys: fc.boolean(),
})
const scenario: fc.Arbitrary<Scenario> = fc.record({
  startAt: fc.integer({ min: 0, max: 40 }),
  abortAt: fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined, freq: 2 }),
  turns: fc.nat(9),
  deadline: fc.option(fc.integer({ min: 0, max: 150 }), { nil: undefined, freq: 3 }),
  idempotent: fc.constantFrom(true, true, true, false),
  behaviours: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
})
const maybeMs = fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined, freq: 1 })
const world: fc.Arbitrary<World> = fc.record({
  delay: fc.integer({ min: 0, max: 40 }),
  maxHedges: fc.integer({ min: 0, max: 3 }),
  outerTimeout: maybeMs,
  innerTimeout: maybeMs,
  refusing: fc.constantFrom(0, 0, 0.4),
  gateOutside: fc.boolean(),
  calls: fc.array(scenario, { minLength: 1, maxLength: 5 }),
})

/** What a function answers; received by the caller, or discarded once. */
class Answer {
  discarded = 0
  readonly good: boolean

  constructor(good: boolean) {
    this.good = good
  }
}

class Play {
  readonly clock = new VirtualClock()
  readonly answers: Answer[] = []
  readonly journal = new Journal()
  readonly outside = new Recorder('outside', this.journal)
  readonly inside = new Recorder('inside')
  readonly inmost = new Recorder('inmost')
  readonly problems: string[] = []
  readonly world: World
  readonly running = new Map<string, Set<Call>>()

  constructor(world: World, chance: number) {
    this.world = world
    const random = seededRandom(chance)
    this.inside.refuses = () => random() < world.refusing
  }

  get policies(): Policy[] {
    const { delay, maxHedges, outerTimeout, innerTimeout, gateOutside } = this.world
    const budget = retryBudget({ ratio: 1000, minPerSecond: 1000 })
    return [
      ...(gateOutside ? [this.outside] : []),
      ...(outerTimeout === undefined ? [] : [timeout(outerTimeout)]),
      hedge({ delay, maxHedges, budget }),
      this.inside,
      circuitBreaker({ consecutiveFailures: 1000 }),
      ...(innerTimeout === undefined ? [] : [timeout(innerTimeout), this.inmost]),
    ]
  }

  /** Runs one attempt and looks that no more of its call than allowed are running. */
  readonly run = async (call: Call, behaviours: readonly Behaviour[]): Promise<Answer> => {
    const { ms, result, obeys } = behaviours[(call.attempt - 1) % behaviours.length] as Behaviour
    const key = call.key as string
    const running = this.running.get(key) ?? new Set()
    this.running.set(key, running.add(call))
    const live = [...running].filter((other) => !other.signal.aborted).length
    if (live > 1 + this.world.maxHedges) this.problems.push(`${live} attempts of ${key} are running`)
    if (call.signal.aborted) this.problems.push('an attempt that was cut off has begun')
    try {
      await new Promise<void>((resolve, reject) => {
        if (ms !== undefined) this.clock.setTimer(resolve, ms)
        if (obeys) call.signal.addEventListener('abort', () => reject(call.signal.reason))
      })
    } finally {
      running.delete(call)
    }
    if (result === 'throw') throw new Error('told to fail')
    const answer = new Answer(result === 'good')
    this.answers.push(answer)
    return answer
  }
}

async function play(given: World, chance: number): Promise<void> {
  const scene = new Play(given, chance)
  const { clock, inside, inmost, outside, journal } = scene
  const classify = {
    ofValue: (value: Answer) => (value.good ? success : failure),
    discard: (value: Answer) => void value.discarded++,
  }
  const guarded = pipeline({ clock, classify }, ...scene.policies)
  const answers = given.calls.map(async (call, index) => {
    const controller = new AbortController()
    if (call.abortAt !== undefined) {
      clock.setTimer(() => void turns(call.turns).then(() => controller.abort('enough')), call.abortAt)
    }
    await new Promise<void>((resolve) => void clock.setTimer(resolve, call.startAt))
    const { idempotent, deadline } = call
    const options = { key: `${index}`, signal: controller.signal, idempotent, deadline }
    return watch(
      guarded.execute((one) => scene.run(one, call.behaviours), options),
      clock,
    )
  })
  await clock.advance(1000)
  const watched = await Promise.all(answers)
  await clock.advance(1000)
  assert.deepEqual(scene.problems, [])
  for (const [index, answer] of watched.entries()) {
    const { abortAt, deadline, behaviours } = given.calls[index] as Scenario
    const mayHang = given.outerTimeout === undefined && given.innerTimeout === undefined && deadline === undefined
    const hangs = behaviours.some(({ ms }) => ms === undefined)
    assert.ok(answer.state !== 'pending' || (mayHang && abortAt === undefined && hangs), `call ${index} has no answer`)
  }
  const pending = watched.filter(({ state }) => state === 'pending').length
  // Several attempts of one call pass the inner recorders, so they are not nested; everything else of the contract holds.
  const broken = [...inside.journal.problems, ...inmost.journal.problems].filter(
    (problem) => !problem.includes('before what is inside it'),
  )
  assert.deepEqual([broken, journal.problems], [[], []])
  if (pending === 0) assert.deepEqual([inside.inFlight, inmost.inFlight, outside.inFlight], [0, 0, 0])
  const received = new Set(watched.map(({ result }) => result))
  for (const value of scene.answers) {
    const wanted = received.has(value) ? 0 : 1
    if (pending === 0) assert.equal(value.discarded, wanted, 'a value is received or discarded, once')
    else assert.ok(value.discarded <= 1 && (wanted === 1 || value.discarded === 0))
  }
  if (pending === 0) assert.equal(clock.pending, 0)
}

test('one answer, bounded attempts, no permit leaks and no value is lost, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(world, fc.nat(), (given, chance) => play(given, chance)),
    { seed, numRuns: Number(process.env.SWITCHGEAR_RUNS ?? 250) },
  )
})

/** The model: attempts begin every `delay` until one has ended badly; the first good one answers, else the last bad one. */
function expected(
  delay: number,
  maxHedges: number,
  all: readonly Behaviour[],
): { at: number; good: boolean } | undefined {
  let begun = 1
  const ends = [{ at: all[0]?.ms ?? Infinity, good: all[0]?.result === 'good' }]
  const earliest = (): number => Math.min(...ends.map(({ at }) => at))
  while (begun <= maxHedges && begun * delay < earliest()) {
    const { ms, result } = all[begun % all.length] as Behaviour
    ends.push({ at: begun * delay + (ms ?? Infinity), good: result === 'good' })
    begun++
  }
  const good = ends.filter((end) => end.good).toSorted((a, b) => a.at - b.at)[0]
  if (good !== undefined && good.at < Infinity) return good
  const last = Math.max(...ends.map(({ at }) => at))
  return last === Infinity ? undefined : { at: last, good: false }
}

test('a call is answered when the model says, and as it says', async () => {
  const distinct = fc.record({
    delay: fc.integer({ min: 1, max: 40 }),
    maxHedges: fc.integer({ min: 0, max: 3 }),
    behaviours: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(distinct, async ({ delay, maxHedges, behaviours }) => {
      const clock = new VirtualClock()
      const budget = retryBudget({ ratio: 1000, minPerSecond: 1000 })
      // Half a millisecond keeps ends and delays apart, so that the order of equal times does not matter.
      const shifted = behaviours.map((one) => ({ ...one, ms: one.ms === undefined ? undefined : one.ms + 0.5 }))
      const answer = watch(
        pipeline({ clock }, hedge({ delay, maxHedges, budget })).execute(async ({ attempt }) => {
          const { ms, result } = shifted[(attempt - 1) % shifted.length] as Behaviour
          await new Promise<void>((resolve) => void (ms !== undefined && clock.setTimer(resolve, ms)))
          if (result !== 'good') throw new Error('told to fail')
        }),
        clock,
      )
      await clock.advance(1000)
      const model = expected(delay, maxHedges, shifted)
      const state = model === undefined ? 'pending' : model.good ? 'fulfilled' : 'rejected'
      assert.deepEqual([answer.state, answer.at], [state, model?.at])
    }),
    { seed, numRuns: 300 },
  )
})
