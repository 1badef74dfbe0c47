// Both faces of one pipeline: the same calls are executed, and driven from outside by a small adapter as an HTTP client would
// do it. Both worlds have policies of their own from the same options and the same chance, and must end alike.
// No two things happen at one moment (each call has a fraction of a millisecond of its own), since then their order is the
// kernel's affair and no part of the contract.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  adaptiveLimit,
  type AdmittingPipeline,
  bulkhead,
  type Call,
  type CallOptions,
  type Permit,
  circuitBreaker,
  pipeline,
  type PipelineSnapshot,
  type Policy,
  rateLimit,
  retry,
  retryBudget,
  shed,
  SwitchgearError,
  throttle,
  timeout,
} from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { admittingKinds, type Part, stacks } from './everything.ts'
import { Ledger } from './everything-books.ts'

interface Plan {
  readonly startAt: number
  readonly abortAt: number | undefined
  readonly deadline: number | undefined
  readonly key: string | undefined
  readonly priority: 0 | 1 | 2 | 3
  readonly idempotent: boolean
  readonly tries: readonly { readonly ms: number; readonly fails: boolean }[]
}

export interface Scene {
  readonly parts: readonly Part[]
  readonly plans: readonly Plan[]
  readonly seed: number
}

const plan: fc.Arbitrary<Plan> = fc.record({
  startAt: fc.integer({ min: 0, max: 100 }),
  abortAt: fc.option(fc.integer({ min: 0, max: 150 }), { nil: undefined, freq: 2 }),
  deadline: fc.option(fc.integer({ min: 1, max: 150 }), { nil: undefined, freq: 2 }),
  key: fc.constantFrom('a', 'b', undefined),
  priority: fc.constantFrom(0, 1, 2, 3),
  idempotent: fc.constantFrom(true, true, false),
  tries: fc.array(fc.record({ ms: fc.integer({ min: 1, max: 60 }), fails: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
})
/** One difference is left out: a try that is begun from outside cannot wait, so inside the retry a queue refuses. */
function withoutDifferences(parts: readonly Part[]): readonly Part[] {
  const retries = parts.findIndex(({ kind }) => kind === 'retry')
  return parts.map((part, index) => {
    const isInside = retries >= 0 && index > retries
    if (!isInside || (part.kind !== 'bulkhead' && part.kind !== 'adaptiveLimit')) return part
    return { ...part, first: { ...part.first, maxQueue: 0 } } as Part
  })
}

export const scenes = (most: number): fc.Arbitrary<Scene> =>
  fc.record({
    parts: stacks(admittingKinds, 6).map(withoutDifferences),
    plans: fc.array(plan, { minLength: 1, maxLength: most }),
    seed: fc.nat(),
  })

/** A call's own fraction of a millisecond; that of each of its tries and ends is another one. */
const fraction = (index: number, step: number): number => (index * 17 + step + 1) / 1024

class Theatre {
  readonly clock = new VirtualClock()
  readonly problems: string[] = []
  readonly open = new Map<Call, string[]>()
  readonly answers: string[] = []
  readonly policies: readonly Policy[]
  readonly guarded: AdmittingPipeline<unknown>

  constructor({ parts, seed }: Scene) {
    // Chance hangs on the moment alone, not on how often it was asked: who drives a retry asks for one even at a deadline.
    const random = (): number => seededRandom(seed ^ Math.round(this.clock.now() * 4096))()
    this.policies = parts.map((part, index) => this.#make(part, `${part.kind} ${index}`, random))
    const made = pipeline({ clock: this.clock, random }, ...this.policies)
    this.guarded = made as unknown as AdmittingPipeline<unknown>
  }

  #make(part: Part, name: string, random: () => number): Policy {
    switch (part.kind) {
      case 'circuitBreaker':
        return circuitBreaker({ ...part.first, name })
      case 'retry':
        return retry({ ...part.first, name, budget: retryBudget(part.budget) })
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
      case 'ledger':
        return new Ledger(name, part.first.refusing, this.problems, random, this.open)
      default:
        throw new Error(`${part.kind} cannot be driven from outside`)
    }
  }
}

/** How one face runs one call. */
type Face = (theatre: Theatre, plan: Plan, options: CallOptions, work: Work) => Promise<unknown>
/** One try of the function; `signal` ends it. */
type Work = (number: number, signal: AbortSignal) => Promise<unknown>

const executes: Face = ({ guarded }, _plan, options, work) =>
  guarded.execute((call) => work(call.attempt, call.signal), options)

/** Settles when the work does, the caller aborts, or time is up; `late` makes the error of that. */
function bounded(
  { clock }: Theatre,
  { signal }: CallOptions,
  dueAt: number,
  late: () => unknown,
  begin: (signal: AbortSignal) => Promise<unknown>,
): Promise<unknown> {
  const own = new AbortController()
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', abort)
      settle()
    }
    const stop = (reason: unknown): void =>
      end(() => {
        reject(reason)
        own.abort(reason)
      })
    const abort = (): void => stop(signal?.reason)
    const timer = dueAt === Infinity ? undefined : clock.setTimer(() => stop(late()), dueAt - clock.now())
    signal?.addEventListener('abort', abort)
    begin(own.signal).then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    )
  })
}

const drives: Face = async (theatre, _plan, options, work) => {
  const permit = await theatre.guarded.admitAsync(options)
  if (permit.kind === 'rejection') throw permit.error
  try {
    return await driven(theatre, permit, options, work)
  } finally {
    permit.exit()
  }
}

async function driven(theatre: Theatre, permit: Permit, options: CallOptions, work: Work): Promise<unknown> {
  for (;;) {
    const attempt = permit.attempt()
    if (attempt.kind === 'rejection') throw attempt.error
    let failed: { readonly error: unknown } | undefined = undefined
    let value: unknown
    try {
      value = await bounded(
        theatre,
        options,
        attempt.deadline,
        () => attempt.expired(),
        (signal) => work(attempt.number, signal),
      )
      attempt.settle('success')
    } catch (error) {
      failed = { error }
      attempt.settle(options.signal?.aborted === true ? 'ignored' : 'failure', error)
    }
    const delayMs = attempt.exit()
    if (failed === undefined) return value
    if (delayMs === undefined) throw failed.error
    await bounded(
      theatre,
      options,
      permit.deadline,
      () => permit.expired(),
      () => new Promise<void>((resolve) => void theatre.clock.setTimer(resolve, delayMs)),
    )
  }
}

async function perform(scene: Scene, face: Face): Promise<Theatre> {
  const theatre = new Theatre(scene)
  const { clock, answers } = theatre
  for (const [index, plan] of scene.plans.entries()) {
    const controller = new AbortController()
    const deadline = plan.deadline === undefined ? undefined : plan.deadline + fraction(index, 1)
    const { key, priority, idempotent } = plan
    const options: CallOptions = { key, priority, idempotent, deadline, signal: controller.signal }
    const work: Work = (number, signal) => {
      answers.push(`${clock.now().toFixed(6).padStart(11)} call ${index} runs ${number}`)
      const { ms, fails } = plan.tries[(number - 1) % plan.tries.length] as Plan['tries'][number]
      return new Promise((resolve, reject) => {
        const timer = clock.setTimer(
          () => (fails ? reject(new Error('down')) : resolve(index)),
          ms + fraction(index, 3 + number),
        )
        signal.addEventListener('abort', () => timer.cancel())
      })
    }
    const told = (what: unknown): void => {
      const text = what instanceof SwitchgearError ? what.code : String(what)
      answers.push(`${clock.now().toFixed(6).padStart(11)} call ${index} ended: ${text}`)
    }
    clock.setTimer(() => void face(theatre, plan, options, work).then(told, told), plan.startAt + fraction(index, 0))
    const { abortAt } = plan
    if (abortAt !== undefined) clock.setTimer(() => controller.abort(`abort ${index}`), abortAt + fraction(index, 2))
  }
  await clock.advance(2000)
  return theatre
}

/** What a restart or a monitor would see; how often a retry gave up is counted apart where a deadline ends it. */
function seen({ policies }: PipelineSnapshot): unknown {
  return JSON.parse(JSON.stringify(policies), (name, value: unknown) =>
    ['exhausted', 'abandoned', 'requests'].includes(name) ? undefined : value,
  )
}

/** Both faces run the same functions at the same times, answer the same, teach the same, and leave nothing behind. */
export async function agree(scene: Scene): Promise<number> {
  const [first, second] = [await perform(scene, executes), await perform(scene, drives)]
  // Within one moment a queue makes two calls meet, and in which turn each hears of it is nobody's affair.
  assert.deepEqual(second.answers.toSorted(), first.answers.toSorted())
  assert.deepEqual(seen(second.guarded.snapshot()), seen(first.guarded.snapshot()))
  for (const { clock, problems, open } of [first, second])
    assert.deepEqual([clock.pending, problems, [...open.values()]], [0, [], []])
  return first.answers.length
}
