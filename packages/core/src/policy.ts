// The two shapes of a policy, and there is no third. A gate decides and learns, synchronously, and holds no timer while
// it is idle. A layer owns control flow around the rest. What they share with the kernel stands here; no behaviour does.
import type { CallRecord } from './call.ts'
import type { SwitchgearError } from './errors.ts'
import type { PolicyEvents } from './events.ts'
import type { PolicySnapshot } from './snapshot.ts'

/** What became of a call, as every policy of its pipeline sees it. */
export type Outcome = 'success' | 'failure' | 'ignored'

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
}

/**
 * Admission and learning. All four methods are synchronous and never throw.
 *
 * Per admitted call the kernel calls `enter` once, `settle` at most once, and `exit` exactly once, always in that order;
 * `exit` without `settle` means `ignored` and the kernel says so by settling first. One exception: a body that breaks
 * after its head was a success is one further failure, so `settle(…, 'failure')` may follow `settle(…, 'success')`.
 */
export interface Gate {
  readonly kind: 'gate'
  readonly name: string
  /** A ticket: >= 0 admits, < 0 refuses. What it means is the gate's own affair. */
  enter(call: Call): number
  /** The error for a refused ticket. Built only when somebody is told. */
  refusal(call: Call, ticket: number): SwitchgearError
  /** It learns. `error` is what was thrown, where something was. */
  settle(call: Call, ticket: number, outcome: Outcome, error?: unknown): void
  /** It frees what the ticket held. */
  exit(call: Call, ticket: number): void
  /**
   * Where a gate has a queue: whether this refused ticket could become an admission by waiting, and the wait itself. The
   * promise answers a ticket whose slot is reserved, or one < 0 when the wait was in vain; it rejects with the reason
   * when `call.signal` aborts. A waiting call holds no other permit.
   */
  canWait?(ticket: number): boolean
  wait?(call: Call): Promise<number>
  /** Called once by the first pipeline that compiles it, with the time and chance it shall use. */
  adopt?(environment: Environment): void
  /**
   * True while `settle` and `exit` read nothing of the call, so that calls with an equal ticket are interchangeable: the
   * kernel may then settle them with a call that stands for all. It makes the commonest pipeline a third cheaper.
   */
  readonly ignoresCall?: boolean
  readonly events?: PolicyEvents
  snapshot?(): PolicySnapshot
}

/** What a layer wraps: the rest of the pipeline. It never throws synchronously. */
export interface Next {
  (call: CallRecord): Promise<unknown>
  /**
   * The same, with the handlers of the frame around it applied: where the rest has handlers of its own (a timeout), it calls
   * the outer ones in the same turn, which saves a promise and a turn. Absent: `next(call).then(fulfilled, rejected)`.
   */
  readonly fused?: ((call: CallRecord, handlers: ResultHandlers) => Promise<unknown>) | undefined
}

/** What a frame does with a result; both answer what the caller gets. */
export interface ResultHandlers {
  readonly fulfilled: (value: unknown) => unknown
  readonly rejected: (error: unknown) => unknown
}

/**
 * Control flow around the rest. `Alt` is what it may answer instead of the function's own result.
 *
 * A layer that runs anything again after its inner part has failed gives that inner part a call of its own
 * (`call.child`), because a call that was cut stays cut: its signal is aborted for good.
 */
export interface Layer<out Alt = never> {
  readonly kind: 'layer'
  readonly name: string
  /** Type-level only: carries `Alt` for inference. */
  readonly alt?: Alt
  /** Set on the two layers that `admit` can take apart: a timeout and a retry. */
  readonly admission?: 'timeout' | 'retry' | undefined
  /** Wraps the rest of the pipeline; called once per compile. `environment` is the pipeline's. */
  wrap(next: Next, environment: Environment): Next
  readonly events?: PolicyEvents
  snapshot?(): PolicySnapshot
}

/** A gate or a layer. */
export type Policy<Alt = unknown> = Gate | Layer<Alt>

/** What a pipeline hands to its policies when it compiles them. */
export interface Environment {
  readonly name: string
  readonly clock: import('./clock.ts').Clock
  readonly random: import('./random.ts').Random
  readonly judge: import('./classify.ts').Judge
}
