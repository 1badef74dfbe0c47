// What stands between a simulated caller and the service that it calls. Core's pipelines are one kind; a benchmark brings
// other libraries as others, so nothing else in the simulator knows what a policy is.
import type { CircuitState, Clock, PipelineSpec, Random } from '@switchgear/core'

/** Guards the calls of one instance of one caller to one service. */
export interface Guard {
  /**
   * Runs `send` under the guard, as often as it likes. Rejects like `send`, or with a refusal of its own. `signal` is the
   * caller's own abort; it is there only when the calling service `cancels`.
   */
  call<T>(send: (attempt: { readonly signal: AbortSignal }) => Promise<T>, signal?: AbortSignal): Promise<T>
  /**
   * True where `call` answers at its own deadline whether or not `send` obeys the signal. Then the simulated client does not
   * listen to the signal unless the called service `cancels`, which is cheaper and changes no answer. Default false.
   */
  readonly answersAtOnce?: boolean | undefined
  /** What its circuit breaker says; undefined where there is none. */
  state?(): CircuitState | undefined
}

/**
 * Makes the guard for one caller instance and one service; called once for each pair, when it first calls. `to` is the name
 * of the policies: that of the service, unless its model says `guardedAs`.
 */
export type Guards = (to: string, from: Caller, environment: SimulatedEnvironment) => Guard

/** One instance of a calling service. */
export interface Caller {
  readonly service: string
  /** 0 for the first. */
  readonly instance: number
}

/** The time and chance of one simulation. */
export interface SimulatedEnvironment {
  readonly clock: Clock
  readonly random: Random
}

/** Policies by the name of the service that is called, as in switchgear.yaml. */
export type Policies = Readonly<Record<string, Omit<PipelineSpec, 'name'>>>
