// The place where a tracer hooks into the kernel, if there is one. It is kept this small because every bundle holds it; what
// an observation does stands in observe.ts, which only who observes imports. Without one, a call pays one comparison.
import type { Call, CallOptions, CallRecord } from './call.ts'
import type { Outcome } from './classify.ts'
import type { Environment } from './environment.ts'
import type { PolicyEvent } from './policy-event.ts'

/** What the kernel tells an observation. */
export interface Observation {
  /** A whole call by `execute`; `start` runs it. */
  execute(
    run: (call: Call) => unknown,
    environment: Environment,
    options: CallOptions,
    start: (call: CallRecord) => Promise<unknown>,
  ): Promise<unknown>
  /** One run of the guarded function, in a pipeline that may run it more than once. */
  run(call: CallRecord, innermost: (call: CallRecord) => Promise<unknown>): Promise<unknown>
  /** A call comes that is driven from outside; what it answers is called once, when it has left. */
  visit(call: CallRecord): (outcome: Outcome, error: unknown) => void
  event(event: PolicyEvent, scope: unknown): void
}

let current: Observation | undefined

/** The observation under way, if there is one. */
export function observing(): Observation | undefined {
  return current
}

/** Begins or ends it. */
export function setObservation(observation: Observation | undefined): void {
  current = observation
}
