// One try of one guarded call, and the stack of what may have to be ended early. Whatever may be cut off from outside (an
// entered frame, a running timeout, a waiting retry) lies on the stack of its call while it lasts, the innermost on top.
// Invariant: cutting ends everything above a point exactly once, the innermost first; a call that was cut stays cut.
import type { Outcome } from './classify.ts'
import type { Environment } from './environment.ts'

/** 0 is the most important. */
export type Priority = 0 | 1 | 2 | 3

/** What a guarded function receives: the call it runs for. Every field may be read at any time, also after the end. */
export interface Call {
  /** Name of the pipeline, '' when it has none. */
  readonly name: string
  /** Aborts when the caller aborts, a timeout passes or the attempt is abandoned. Made at the first read. */
  readonly signal: AbortSignal
  /** Monotonic milliseconds (of the pipeline's clock) by which the call must have ended; Infinity if never. */
  readonly deadline: number
  /** 1 for the first try. */
  readonly attempt: number
  /** Monotonic milliseconds at which this try began. Read from the clock when first asked for, which timed policies do on entry. */
  readonly startedAt: number
  /** What the call is about, for keyed policies: a tenant, a user, an order. */
  readonly key: string | undefined
  /** Default 1. */
  readonly priority: Priority
  /** Whether repeating it is harmless. Default true: who lists `retry` says that the function may run twice. */
  readonly idempotent: boolean
  /** Whether the guarded function has begun, in any attempt. A gate that backs out, or was refused further in, sees false. */
  readonly ran?: boolean | undefined
  /** What an observer keeps of this call, such as its span; see `CallObserver`. */
  readonly scope?: unknown
}

/** What the caller may say of one call. */
export interface CallOptions {
  /** The caller's own abort. It answers the caller at once with `signal.reason`, whether or not the function listens. */
  readonly signal?: AbortSignal | undefined
  /** Monotonic milliseconds of the pipeline's clock by which the call must have ended. */
  readonly deadline?: number | undefined
  readonly key?: string | undefined
  readonly priority?: Priority | undefined
  readonly idempotent?: boolean | undefined
  /** What an observer shall attach the events of this call to, such as the span of who drives it from outside. */
  readonly scope?: unknown
}

/** What lies on a call's stack. `cut` is called at most once and then it is no longer on the stack. */
export interface Cuttable {
  below: Cuttable | null
  /** It must end now: `outcome` is what the gates inside learn, `reason` what the function's signal says. */
  cut(outcome: Outcome, reason: unknown): void
}

/** Lies lowest on the stack of a child that can be cut: an empty stack means that nobody can. */
const bottom: Cuttable = Object.freeze({ below: null, cut: () => undefined })

/** What a call without options shares. */
export const noOptions: CallOptions = Object.freeze({})

/**
 * The kernel's side of a `Call`. Kept small, because every call makes one: what is seldom needed (signal, deadline, start)
 * is filled in when somebody asks. `undefined` instead of Infinity or NaN keeps the fields from boxing a number per call.
 */
export class CallRecord implements Call {
  readonly run: (call: Call) => unknown
  readonly environment: Environment
  readonly options: CallOptions
  top: Cuttable | null = null
  limit: number | undefined
  ran = false
  #begun: number | undefined = undefined
  #controller: AbortController | undefined = undefined

  constructor(run: (call: Call) => unknown, environment: Environment, options: CallOptions, limit: number | undefined) {
    this.run = run
    this.environment = environment
    this.options = options
    this.limit = limit
  }

  get attempt(): number {
    return 1
  }

  get name(): string {
    return this.environment.name
  }

  get key(): string | undefined {
    return this.options.key
  }

  get priority(): Priority {
    return this.options.priority ?? 1
  }

  get idempotent(): boolean {
    return this.options.idempotent ?? true
  }

  get deadline(): number {
    return this.limit ?? Infinity
  }

  get scope(): unknown {
    return this.options.scope
  }

  get startedAt(): number {
    return (this.#begun ??= this.environment.clock.now())
  }

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  /** A call of its own for the inner part of a layer that may go on after that part was cut. */
  child(attempt: number): CallRecord {
    const child = new ChildCall(this, attempt)
    // Whoever can cut this call cuts its child too, so what runs inside must be found on the child's stack.
    if (this.top !== null) child.top = bottom
    return child
  }

  /**
   * Like `child`, but it can always be cut off, also when nothing outside can: for a layer that may end one inner part while
   * the call goes on with another. `options` replaces those of this call, for work that outlives its caller.
   */
  branch(attempt: number, options: CallOptions = this.options): CallRecord {
    const branch = new ChildCall(this, attempt, options)
    branch.top = bottom
    return branch
  }

  /** After a wait in a queue: the time it took is not the guarded function's. */
  restart(): void {
    if (this.#begun !== undefined) this.#begun = this.environment.clock.now()
  }

  /** Whether it was cut off; then it must not start any more. */
  get isCut(): boolean {
    return this.#controller !== undefined && this.#controller.signal.aborted
  }

  /** The guarded function begins now. */
  begin(): void {
    this.ran = true
  }

  push(part: Cuttable): void {
    part.below = this.top
    this.top = part
  }

  /** Ends all that lies above `floor` (null: everything), then aborts the signal of whoever reads it, now or later. */
  cut(floor: Cuttable | null, outcome: Outcome, reason: unknown): void {
    for (let part = this.top; part !== null && part !== floor; part = this.top) {
      this.top = part.below
      part.cut(outcome, reason)
    }
    // After the gates: a listener of the signal may start new calls, which must find the slots free again.
    ;(this.#controller ??= new AbortController()).abort(reason)
  }
}

/** A call inside another one. Only it has a number of its own: what is not a first try is rare, and every field is paid for. */
class ChildCall extends CallRecord {
  readonly #attempt: number
  readonly #outer: CallRecord

  constructor(outer: CallRecord, attempt: number, options: CallOptions = outer.options) {
    super(outer.run, outer.environment, options, outer.limit)
    this.#attempt = attempt
    this.#outer = outer
  }

  override begin(): void {
    super.begin()
    this.#outer.begin()
  }

  override get attempt(): number {
    return this.#attempt
  }

  // Also of work that outlives its caller: it was this call that began it.
  override get scope(): unknown {
    return this.#outer.scope
  }
}
