// The guards that simulations are made for: core's own pipelines, compiled from the same plain objects as in production, and
// no guard at all. Nothing here knows what kinds of policies there are.
import {
  type CircuitState,
  type Clock,
  fromSpec,
  type Policy,
  type Shared,
  sharedFrom,
  type SharedSpec,
} from '@switchgear/core'
import type { Caller, Guard, Guards, Policies } from './guard.ts'

/** The signal of an unguarded call that nobody can abort. */
const never: AbortSignal = new AbortController().signal

const open: Guard = Object.freeze({
  answersAtOnce: true,
  call: <T>(send: (attempt: { readonly signal: AbortSignal }) => Promise<T>, signal: AbortSignal = never): Promise<T> =>
    send({ signal }),
})

/** Nothing between caller and service. */
export const unguarded: Guards = () => open

/**
 * A pipeline for each caller instance and called service, by the policies of the called one; a service without policies is
 * called unguarded. What `sharedSpec` names is shared within one caller instance, as within one process. Throws
 * `SG_BAD_OPTIONS` at once for policies that do not compile.
 *
 * @example
 * pipelineGuards({ payments: { policies: [{ circuitBreaker: {} }, { timeout: '800ms' }] } })
 */
export function pipelineGuards(policies: Policies, sharedSpec: SharedSpec = {}): Guards {
  // Compiled once for nothing: bad options shall be told before the first call, which may be late.
  const once = { shared: sharedFrom(sharedSpec) }
  for (const [name, spec] of Object.entries(policies)) fromSpec({ ...spec, name }, once)
  const sharedOf = new SharedByCaller(sharedSpec)
  return (to, from, { clock, random }) => {
    const spec = Object.hasOwn(policies, to) ? policies[to] : undefined
    if (spec === undefined) return open
    const pipeline = fromSpec({ ...spec, name: to }, { clock, random, shared: sharedOf.get(clock, from) })
    const breakers = pipeline.policies.filter(hasState)
    const guard: Guard = {
      answersAtOnce: true,
      call: <T>(send: (attempt: { readonly signal: AbortSignal }) => Promise<T>, signal?: AbortSignal) =>
        pipeline.execute(send, signal === undefined ? undefined : { signal }) as Promise<T>,
    }
    const [breaker, ...more] = breakers
    if (breaker === undefined) return guard
    return { ...guard, state: more.length === 0 ? () => breaker.state : () => worst(breakers) }
  }
}

/** What the pipelines of one instance share, in each of the simulations that the guards are used in. */
class SharedByCaller {
  readonly #spec: SharedSpec
  readonly #simulations = new WeakMap<Clock, Map<string, Shared>>()

  constructor(spec: SharedSpec) {
    this.#spec = spec
  }

  get(clock: Clock, { service, instance }: Caller): Shared {
    let callers = this.#simulations.get(clock)
    if (callers === undefined) this.#simulations.set(clock, (callers = new Map()))
    const caller = `${service}/${instance}`
    let shared = callers.get(caller)
    if (shared === undefined) callers.set(caller, (shared = sharedFrom(this.#spec)))
    return shared
  }
}

type Stateful = Policy & { readonly state: CircuitState }

const byHarm: readonly CircuitState[] = ['disabled', 'closed', 'half-open', 'open', 'isolated']

function hasState(policy: Policy): policy is Stateful {
  return byHarm.includes((policy as Partial<Stateful>).state as CircuitState)
}

function worst(breakers: readonly Stateful[]): CircuitState {
  return breakers.reduce<CircuitState>((seen, { state }) => {
    return byHarm.indexOf(state) > byHarm.indexOf(seen) ? state : seen
  }, 'disabled')
}
