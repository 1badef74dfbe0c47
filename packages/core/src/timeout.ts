// The timeout layer. Total or per attempt is decided by where it stands: outside `retry` it bounds all attempts, inside
// it bounds each. To every policy inside it, a call that it cuts off is a failure: a hanging dependency opens its circuit.
import type { Call, CallRecord } from './call.ts'
import type { Judge } from './classify.ts'
import type { Clock } from './clock.ts'
import { Cutoff, type CutoffOwner } from './cutoff.ts'
import type { Environment } from './environment.ts'
import { type ErrorEntry, stackless, SwitchgearError } from './errors.ts'
import { PolicyEvents } from './events.ts'
import { Lane, type Waiting } from './lane.ts'
import { check, checkKeys, checkName, type Duration, parseDuration } from './options.ts'
import type { Layer, Next, ResultHandlers } from './policy.ts'
import type { TimeoutSnapshot } from './snapshot.ts'

/** What is documented of `SG_TIMEOUT`. */
export const timeoutEntry: ErrorEntry = {
  code: 'SG_TIMEOUT',
  title: 'The call took longer than its timeout.',
  advice:
    'The caller was answered at the deadline and the signal of the call was aborted; a function that does not listen to it goes on in vain. ' +
    'Pass `signal` on to what it calls. Raise the timeout only above what the dependency needs when it is healthy.',
}

/** Options of `timeout`. */
export interface TimeoutOptions {
  /** How long the call may take. No default. */
  readonly after: Duration
  /** Name in errors, events and snapshots. Default 'timeout'. */
  readonly name?: string | undefined
}

const known = { after: undefined, name: undefined }

/**
 * Answers the caller with `SG_TIMEOUT` at the deadline, whether or not the function obeys its signal.
 *
 * @example
 * const guarded = pipeline(timeout('800ms'))
 * await guarded.execute(({ signal }) => fetch(url, { signal }))
 */
export function timeout(options: Duration | TimeoutOptions): Timeout {
  return new Timeout(typeof options === 'object' ? options : { after: options })
}

/** The layer that `timeout` makes. Its state is what it has counted. */
export class Timeout implements Layer {
  readonly kind = 'layer'
  readonly admission = 'timeout'
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #afterMs: number
  #timeouts = 0
  #abandoned = 0

  constructor(options: TimeoutOptions) {
    checkKeys(options, known, 'timeout')
    checkName(options.name, 'timeout')
    this.name = options.name ?? 'timeout'
    this.#afterMs = parseDuration(options.after, 'timeout.after', 1)
  }

  /** How long a call that begins now may take. */
  get afterMs(): number {
    return this.#afterMs
  }

  /** Changes it for calls that begin from now on. */
  update(options: Partial<TimeoutOptions>): void {
    checkKeys(options, known, 'timeout')
    check((options.name ?? this.name) === this.name, 'timeout.name', 'left as it is in an update', options.name)
    if (options.after !== undefined) this.#afterMs = parseDuration(options.after, 'timeout.after', 1)
  }

  wrap(next: Next, environment: Environment): Next {
    const deadlines = new Deadlines(this, next, environment)
    const run = (call: CallRecord, handlers?: ResultHandlers): Promise<unknown> => deadlines.run(call, handlers)
    return Object.assign((call: CallRecord) => run(call), { fused: run })
  }

  /** The error of one expiry, counted and published: for adapters that enforce a deadline themselves. */
  expired(pipeline: string, call?: Call): SwitchgearError {
    this.#timeouts++
    if (this.events.heard) {
      this.events.publish({ type: 'timeout', policy: this.name, pipeline, afterMs: this.afterMs }, call)
    }
    const message = `${pipeline === '' ? this.name : `${pipeline}: ${this.name}`}: no answer within ${this.afterMs} ms`
    return stackless(() => new SwitchgearError('SG_TIMEOUT', message, { policy: this.name, pipeline }))
  }

  /** Counts a result that came after the caller had been answered. */
  late(call: Call): void {
    this.#abandoned++
    if (this.events.heard) this.events.publish({ type: 'abandoned', policy: this.name, pipeline: call.name }, call)
  }

  snapshot(): TimeoutSnapshot {
    const totals = { timeouts: this.#timeouts, abandoned: this.#abandoned }
    return { policy: 'timeout', name: this.name, afterMs: this.afterMs, totals }
  }
}

/** Cutoffs kept for reuse per timeout and pipeline. */
const mostPooled = 1024

/** The running deadlines of one timeout in one pipeline. */
class Deadlines implements CutoffOwner {
  readonly judge: Judge
  readonly #policy: Timeout
  readonly #next: Next
  readonly #clock: Clock
  #lane: Lane
  #laneMs: number
  readonly #pool: TimedCutoff[] = []

  constructor(policy: Timeout, next: Next, environment: Environment) {
    this.#policy = policy
    this.#next = next
    this.judge = environment.judge
    this.#clock = environment.clock
    this.#lane = new Lane(environment.clock)
    this.#laneMs = policy.afterMs
  }

  run(call: CallRecord, handlers?: ResultHandlers): Promise<unknown> {
    const now = this.#clock.now()
    const { afterMs } = this.#policy
    const due = now + afterMs
    // A call that must end earlier anyway is cut off by whoever set that limit.
    if (call.limit !== undefined && call.limit <= due) {
      const running = this.#next(call)
      return handlers === undefined ? running : running.then(handlers.fulfilled, handlers.rejected)
    }
    const cutoff = this.#pool.pop() ?? new TimedCutoff(this)
    const answer = cutoff.begin(call, due, handlers)
    if (afterMs !== this.#laneMs) this.#changeLane(afterMs)
    cutoff.lane = this.#lane
    this.#lane.join(cutoff, due, now)
    cutoff.follow(this.#next(call))
    return answer
  }

  closed(cutoff: TimedCutoff): void {
    cutoff.lane?.leave(cutoff)
  }

  abandoned(call: CallRecord): void {
    this.#policy.late(call)
  }

  free(cutoff: TimedCutoff): void {
    if (this.#pool.length < mostPooled) this.#pool.push(cutoff)
  }

  /** A lane serves equal durations only. The old one serves who is in it, and then it is garbage. */
  #changeLane(afterMs: number): void {
    this.#lane = new Lane(this.#clock)
    this.#laneMs = afterMs
  }

  expire(cutoff: TimedCutoff): void {
    const call = cutoff.call as CallRecord
    cutoff.sever('failure', this.#policy.expired(call.name, call))
  }
}

/** A cutoff that waits in the lane of its timeout. */
class TimedCutoff extends Cutoff implements Waiting {
  due = -1
  ahead: Waiting | null = null
  behind: Waiting | null = null
  lane: Lane | null = null
  readonly #deadlines: Deadlines

  constructor(deadlines: Deadlines) {
    super(deadlines)
    this.#deadlines = deadlines
  }

  expire(): void {
    this.#deadlines.expire(this)
  }
}
