// The two shapes of a policy, and there is no third. A gate decides and learns, synchronously, and holds no timer while
// it is idle. A layer owns control flow around the rest. What they share with the kernel stands here; no behaviour does.
import type { Call, CallRecord } from './call.ts'
import type { Outcome } from './classify.ts'
import type { Environment } from './environment.ts'
import type { SwitchgearError } from './errors.ts'
import type { PolicyEvents } from './events.ts'
import type { PolicySnapshot } from './snapshot.ts'

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
  /** It learns. `error` is what was thrown, or the returned value that is a failure. */
  settle(call: Call, ticket: number, outcome: Outcome, error?: unknown): void
  /** It frees what the ticket held. */
  exit(call: Call, ticket: number): void
  /**
   * Where a gate has a queue: whether this refused ticket could become an admission by waiting, and the wait itself. The
   * promise answers a ticket whose slot is reserved, or one < 0 when the wait was in vain; it rejects with the reason
   * when `call.signal` aborts. A waiting call holds no other permit.
   */
  canWait?(ticket: number): boolean
  /** Whether calls may wait here at all. Such a gate must not stand inside another one with a layer between: see `pipeline`. */
  readonly queues?: boolean
  wait?(call: Call): Promise<number>
  /** Called once by the first pipeline that compiles it, with the time and chance it shall use. */
  adopt?(environment: Environment): void
  /**
   * True while `settle` and `exit` read nothing of the call, so that calls with an equal ticket are interchangeable: the
   * kernel may then settle them with a call that stands for all. It makes the commonest pipeline a third cheaper.
   */
  readonly ignoresCall?: boolean
  readonly events?: PolicyEvents
  /** `brief` leaves out what only a restore needs and what may name people: the keys of a rate limit. */
  snapshot?(brief?: boolean): PolicySnapshot
  /** Takes over what a snapshot of such a gate holds. Throws `SG_BAD_OPTIONS`, and changes nothing, for anything else. */
  restore?(snapshot: PolicySnapshot): void
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
  /** True where it may run the rest more than once for a call, or once for several: an observer is then told of each run. */
  readonly repeats?: boolean
  /** Wraps the rest of the pipeline; called once per compile. `environment` is the pipeline's. */
  wrap(next: Next, environment: Environment): Next
  readonly events?: PolicyEvents
  /** `brief` leaves out what only a restore needs and what may name people: the keys of a rate limit. */
  snapshot?(brief?: boolean): PolicySnapshot
  /** Takes over what a snapshot of such a layer holds. Throws `SG_BAD_OPTIONS`, and changes nothing, for anything else. */
  restore?(snapshot: PolicySnapshot): void
}

/** A gate or a layer. */
export type Policy<Alt = unknown> = Gate | Layer<Alt>
