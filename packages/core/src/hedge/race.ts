// The attempts of one call that run side by side. The first that succeeds answers; the others are cut off in the same turn,
// so that their gates are free before the caller goes on. A failure answers only when nothing else is running.
// Invariant: each attempt has a call of its own that can be cut; a race that is over starts nothing and waits in no lane.
import type { CallRecord, Cuttable } from '../call.ts'
import type { Judge, Outcome } from '../classify.ts'
import type { Clock } from '../clock.ts'
import type { Environment } from '../environment.ts'
import { Lane, type Waiting } from '../lane.ts'
import type { Next, ResultHandlers } from '../policy.ts'
import { Rejecting } from '../rejection.ts'
import { hedgeLost } from './lost.ts'

/** Who decides: the hedge whose races these are. */
export interface RaceRules {
  readonly name: string
  readonly maxHedges: number
  /** After how long another attempt starts; undefined while too little is known. */
  readonly delayMs: number | undefined
  /** Whether `learn` wants to be told. */
  readonly learns: boolean
  /** A call begins. */
  begin(call: CallRecord): void
  /** The first attempt took so long, or had run for so long when it lost. */
  learn(ms: number): void
  /** Whether another attempt may start now, `ranMs` after the first; if so it is paid for. */
  grant(call: CallRecord, now: number, ranMs: number): boolean
  /** Another attempt than the first has answered. */
  won(call: CallRecord): void
}

/** Races kept for reuse per hedge and pipeline. */
const mostPooled = 1024
/** Lanes kept by their delay. A measured delay has 160 values at most; only a delay that is updated often has more. */
const mostLanes = 256

/** The races of one hedge in one pipeline. */
export class Races {
  readonly rules: RaceRules
  readonly judge: Judge
  readonly clock: Clock
  readonly next: (call: CallRecord, handlers: ResultHandlers) => Promise<unknown>
  readonly #lanes = new Map<number, Lane>()
  readonly #pool: Race[] = []

  constructor(rules: RaceRules, next: Next, { judge, clock }: Environment) {
    this.rules = rules
    this.judge = judge
    this.clock = clock
    this.next = next.fused ?? ((call, { fulfilled, rejected }) => next(call).then(fulfilled, rejected))
  }

  run(call: CallRecord, handlers?: ResultHandlers): Promise<unknown> {
    this.rules.begin(call)
    return (this.#pool.pop() ?? new Race(this)).run(call, handlers)
  }

  /** A lane holds waits of one length only, so a delay that has changed gets another one; the old one empties by itself. */
  lane(delayMs: number): Lane {
    let lane = this.#lanes.get(delayMs)
    if (lane === undefined) {
      if (this.#lanes.size === mostLanes) this.#lanes.clear()
      lane = new Lane(this.clock)
      this.#lanes.set(delayMs, lane)
    }
    return lane
  }

  free(race: Race): void {
    if (this.#pool.length < mostPooled) this.#pool.push(race)
  }
}

/** How an attempt failed: what it threw, or a value that is a failure. */
interface Failed {
  readonly result: unknown
  readonly thrown: boolean
  readonly outcome: Outcome
}

const none: readonly CallRecord[] = Object.freeze([])
const nothing = (): void => undefined

/** One race. It is the handlers of its first attempt; while no other begins, a race costs little more than a timeout. */
class Race implements Cuttable, Waiting, ResultHandlers {
  below: Cuttable | null = null
  due = -1
  ahead: Waiting | null = null
  behind: Waiting | null = null
  readonly #races: Races
  #call: CallRecord | null = null
  #handlers: ResultHandlers | undefined = undefined
  /** Null when it has ended. */
  #first: CallRecord | null = null
  /** Those of the other attempts that are running. */
  #others: readonly CallRecord[] = none
  #hedges = 0
  #begunAt = 0
  #lane: Lane | undefined = undefined
  #failed: Failed | undefined = undefined
  #over = false
  #resolve: ((value: unknown) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined

  constructor(races: Races) {
    this.#races = races
  }

  run(call: CallRecord, handlers: ResultHandlers | undefined): Promise<unknown> {
    const now = this.#races.clock.now()
    const first = call.branch(call.attempt)
    this.#call = call
    this.#handlers = handlers
    this.#first = first
    this.#begunAt = now
    this.#over = false
    if (call.top !== null) call.push(this)
    const answer = new Promise(this.#capture)
    this.#wait(call, now)
    this.#follow(this.#races.next(first, this))
    return answer
  }

  /** Time for another attempt. */
  expire(): void {
    const call = this.#call as CallRecord
    const { clock, rules, next } = this.#races
    const now = clock.now()
    if (call.limit !== undefined && now >= call.limit) return
    // A listener that hears of it may cut the call off.
    if (!rules.grant(call, now, now - this.#begunAt) || this.#over) return
    const other = call.branch(call.attempt + ++this.#hedges)
    this.#others = [...this.#others, other]
    const running = next(other, {
      fulfilled: (value) => this.#ended(other, value, false),
      rejected: (error) => this.#ended(other, error, true),
    })
    this.#follow(running)
    if (!this.#over) this.#wait(call, now)
  }

  /** Cut off from further out, where the caller is answered: this promise stays open and is garbage. */
  cut(outcome: Outcome, reason: unknown): void {
    this.#close()
    this.#sever(outcome, reason)
  }

  readonly fulfilled = (value: unknown): unknown => this.#ended(this.#first as CallRecord, value, false)

  readonly rejected = (error: unknown): unknown => this.#ended(this.#first as CallRecord, error, true)

  readonly #capture = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** The promise's own functions settle the answer, one turn after our handlers: only those V8 follows to the caller. */
  #follow(running: Promise<unknown>): void {
    running.then(this.#resolve, this.#reject)
  }

  #wait(call: CallRecord, now: number): void {
    const { delayMs, maxHedges } = this.#races.rules
    if (delayMs === undefined || this.#hedges >= maxHedges) return
    const due = now + delayMs
    if (call.limit !== undefined && due >= call.limit) return
    this.#lane = this.#races.lane(delayMs)
    this.#lane.join(this, due, now)
  }

  #ended(attempt: CallRecord, result: unknown, thrown: boolean): unknown {
    const { judge } = this.#races
    const isFirst = attempt === this.#first
    if (this.#over) {
      if (!thrown) judge.discard(result)
      return this.#leave(isFirst)
    }
    let outcome: Outcome = 'success'
    try {
      if (thrown) outcome = judge.ofError(result).outcome
      else if (judge.ofValue !== undefined) outcome = judge.ofValue(result).outcome
    } catch (error) {
      // A classifier that throws costs the caller its answer, but no attempt its end.
      this.#remove(attempt, isFirst)
      return this.#answer(error, true)
    }
    if (!thrown && outcome !== 'failure') return this.#won(attempt, isFirst, result, outcome)
    this.#remove(attempt, isFirst)
    // What has failed is no longer slow: another attempt would be a retry.
    this.#lane?.leave(this)
    const told = this.#tell({ result, thrown, outcome })
    if (this.#first !== null || this.#others.length > 0) return new Promise(nothing)
    this.#failed = undefined
    return this.#answer(told.result, told.thrown)
  }

  #won(attempt: CallRecord, isFirst: boolean, value: unknown, outcome: Outcome): unknown {
    const { rules, clock } = this.#races
    // A first attempt that loses counts with the time it had taken. Left out, the slow ones would be missing from the
    // estimate, which would sink with every hedge and call for more of them.
    if (outcome === 'success' && this.#first !== null && rules.learns) rules.learn(clock.now() - this.#begunAt)
    this.#remove(attempt, isFirst)
    const call = this.#call as CallRecord
    const answer = this.#answer(value, false)
    if (!isFirst) rules.won(call)
    return answer
  }

  /** Of two failures the one kept is the first that the classifier calls one: a refusal tells less than what went wrong. */
  #tell(failed: Failed): Failed {
    const kept = this.#failed
    const better = kept === undefined || (kept.outcome !== 'failure' && failed.outcome === 'failure')
    if (better) this.#failed = failed
    const dropped = better ? kept : failed
    if (dropped?.thrown === false) this.#races.judge.discard(dropped.result)
    return better ? failed : kept
  }

  #answer(result: unknown, thrown: boolean): unknown {
    const handlers = this.#handlers
    this.#close()
    if (this.#hedges === 0) this.#recycle()
    else if (this.#first !== null || this.#others.length > 0) this.#sever('ignored', this.#lost())
    if (handlers !== undefined) return thrown ? handlers.rejected(result) : handlers.fulfilled(result)
    return thrown ? new Rejecting(result) : result
  }

  #remove(attempt: CallRecord, isFirst: boolean): void {
    if (isFirst) this.#first = null
    else this.#others = this.#others.filter((other) => other !== attempt)
  }

  #close(): void {
    const call = this.#call as CallRecord
    this.#over = true
    if (call.top === this) call.top = this.below
    this.#lane?.leave(this)
    if (this.#failed?.thrown === false) this.#races.judge.discard(this.#failed.result)
    this.#failed = undefined
  }

  /** Ends every attempt that is still running. */
  #sever(outcome: Outcome, reason: unknown): void {
    const [first, others] = [this.#first, this.#others]
    first?.cut(null, outcome, reason)
    for (const other of others) other.cut(null, outcome, reason)
  }

  #lost(): unknown {
    return hedgeLost(this.#races.rules.name, (this.#call as CallRecord).name)
  }

  /** A late result: nobody waits for it. */
  #leave(isFirst: boolean): Promise<never> {
    if (isFirst && this.#hedges === 0) this.#recycle()
    return new Promise(nothing)
  }

  /** Only a race whose one attempt has ended serves again, since the handlers of every attempt are bound to it. */
  #recycle(): void {
    this.#call = this.#first = this.below = null
    this.#handlers = this.#lane = this.#resolve = this.#reject = undefined
    this.#races.free(this)
  }
}
