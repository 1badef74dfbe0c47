// Who sees calls from inside: a tracer. There is at most one per process, set by `observe`; core knows nothing else of it.
// Invariant: every scope that an observer made is ended exactly once, also when the call is cut off and its function goes on.
import { type Call, type CallOptions, CallRecord, type Cuttable } from './call.ts'
import type { Judge, Outcome } from './classify.ts'
import type { Clock } from './clock.ts'
import type { Environment } from './environment.ts'
import { OptionsError } from './errors.ts'
import { type Observation, observing, setObservation } from './observer.ts'
import { checkMethods } from './options.ts'
import type { Next } from './policy.ts'
import type { PolicyEvent } from './policy-event.ts'
import { Rejecting } from './rejection.ts'

export { lookAway, type Quiet, quietly } from './quiet.ts'

/**
 * Hears of every call of every pipeline of this process. What it keeps of a call is the call's *scope*: whatever `begin`
 * answered for a call by `execute`, and `CallOptions.scope` for one that is driven from outside. It changes nothing, and it
 * must not throw: its methods are called in the midst of calls.
 */
export interface CallObserver {
  /**
   * A call by `execute` begins, before any policy; the answer is its scope. `call.scope` is what its caller passed. `clock` is
   * that of `call.startedAt`, which policies read too: whoever takes its time from there reads the clock once for all.
   */
  begin(call: Call, clock: Clock): unknown
  /** The guarded function begins, in a pipeline that may run it more than once; the answer is the scope of this run. */
  attempt(call: Call, clock: Clock, scope: unknown): unknown
  /** Calls `run(call)` while `scope` is the current one of whatever runs inside, also later. */
  within<T>(scope: unknown, run: (call: Call) => T, call: Call): T
  /** A call by `execute`, or one run, has ended: once per scope. `error` is what was thrown, or a value that is a failure. */
  end(scope: unknown, call: Call, outcome: Outcome, error: unknown): void
  /** A call that was driven from outside is over, or was refused, `tookMs` after it came; its adapter has a scope of its own. */
  exited(call: Call, tookMs: number, outcome: Outcome, error: unknown): void
  /** A policy tells something; `scope` is that of the call it is about, undefined where it is about none. */
  event(event: PolicyEvent, scope: unknown): void
}

const methods = ['begin', 'attempt', 'within', 'end', 'exited', 'event']

/**
 * Sets the observer of this process; the answer ends it. Calls under way go on unobserved. Throws `SG_BAD_OPTIONS` while
 * there is another.
 *
 * @example
 * const end = observe(tracer)
 */
export function observe(observer: CallObserver): () => void {
  checkMethods(observer, methods, 'observe')
  if (observing() !== undefined) throw new OptionsError('observe: there is an observer already; end that one first')
  const observation = new Observed(observer)
  setObservation(observation)
  return () => {
    if (observing() === observation) setObservation(undefined)
  }
}

/** Turns what the kernel tells into scopes. */
class Observed implements Observation {
  readonly #observer: CallObserver

  constructor(observer: CallObserver) {
    this.#observer = observer
  }

  execute(
    run: (call: Call) => unknown,
    environment: Environment,
    options: CallOptions,
    start: (call: CallRecord) => Promise<unknown>,
  ): Promise<unknown> {
    const observer = this.#observer
    const call = new ObservedCall(run, environment, options, undefined)
    const scope = observer.begin(call, environment.clock)
    call.open(scope)
    return follow(observer.within(scope, start as Run, call), environment.judge, (outcome, error) => {
      const { signal } = options
      // The judge has not seen that it was the caller who ended it; every gate inside has.
      const aborted = signal !== undefined && signal.aborted && error === signal.reason
      observer.end(scope, call, aborted ? 'ignored' : outcome, error)
    })
  }

  run(call: CallRecord, innermost: Next): Promise<unknown> {
    // A call that began before the observation did.
    if (call.scope === undefined) return innermost(call)
    const trial = new Trial(this.#observer, call)
    return follow(trial.begin(innermost), call.environment.judge, trial.close)
  }

  visit(call: CallRecord): (outcome: Outcome, error: unknown) => void {
    const { clock } = call.environment
    const begunAt = clock.now()
    return (outcome, error) => this.#observer.exited(call, clock.now() - begunAt, outcome, error)
  }

  event(event: PolicyEvent, scope: unknown): void {
    this.#observer.event(event, scope)
  }
}

type Run = (call: Call) => Promise<unknown>

/** A call by `execute` with the scope that the observer made for it. */
class ObservedCall extends CallRecord {
  #scope: unknown = undefined

  override get scope(): unknown {
    return this.#scope ?? this.options.scope
  }

  open(scope: unknown): void {
    this.#scope = scope
  }
}

/** One run of the guarded function. It lies on the call's stack, because a timeout ends it before its function does. */
class Trial implements Cuttable {
  below: Cuttable | null = null
  readonly #observer: CallObserver
  readonly #call: CallRecord
  readonly #scope: unknown
  #over = false

  constructor(observer: CallObserver, call: CallRecord) {
    this.#observer = observer
    this.#call = call
    this.#scope = observer.attempt(call, call.environment.clock, call.scope)
    if (call.top !== null) call.push(this)
  }

  begin(innermost: Next): Promise<unknown> {
    return this.#observer.within(this.#scope, innermost as Run, this.#call)
  }

  cut(outcome: Outcome, reason: unknown): void {
    this.#end(outcome, reason)
  }

  readonly close = (outcome: Outcome, error: unknown): void => {
    if (this.#over) return
    if (this.#call.top === this) this.#call.top = this.below
    this.#end(outcome, error)
  }

  #end(outcome: Outcome, error: unknown): void {
    this.#over = true
    this.#observer.end(this.#scope, this.#call, outcome, error)
  }
}

/** Tells `end` what becomes of `running`, and hands it on unchanged. */
function follow(
  running: Promise<unknown>,
  judge: Judge,
  end: (outcome: Outcome, error: unknown) => void,
): Promise<unknown> {
  return running.then(
    (value) => {
      const outcome = judge.ofValue === undefined ? 'success' : outcomeOf(judge.ofValue, value)
      end(outcome, outcome === 'failure' ? value : undefined)
      return value
    },
    (error: unknown) => {
      end(outcomeOf(judge.ofError, error), error)
      return new Rejecting(error)
    },
  )
}

/** A classifier that throws is somebody else's to tell; here it only means that the outcome is not known. */
function outcomeOf(judge: (result: unknown) => { readonly outcome: Outcome }, result: unknown): Outcome {
  try {
    return judge(result).outcome
  } catch {
    return 'ignored'
  }
}
