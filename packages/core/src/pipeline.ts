// The pipeline: policies, outermost first, compiled once into one function that runs a call. Neighbouring gates become one
// frame, each layer wraps what follows. It owns no state of its own: a policy object is its state, wherever it is listed.
import { Admission, isRetry } from './admission.ts'
import { type Call, type CallOptions, CallRecord, noOptions } from './call.ts'
import { type Classifier, classify, Judge } from './classify.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Environment } from './environment.ts'
import { OptionsError } from './errors.ts'
import type { PolicyEvent } from './events.ts'
import { frame } from './frame.ts'
import { guard } from './guard.ts'
import { observing } from './observer.ts'
import { checkKeys, checkMethods, checkName, shown } from './options.ts'
import type { Permit, Rejection } from './permit.ts'
import type { Gate, Layer, Next, Policy } from './policy.ts'
import { type Random, systemRandom } from './random.ts'
import { rejected } from './rejection.ts'
import { restorePolicies } from './restoration.ts'
import type { PipelineSnapshot, PolicySnapshot } from './snapshot.ts'

/** Options of a pipeline. */
export interface PipelineOptions {
  /** Name of the service it guards, in errors, events and metrics. Default ''. */
  readonly name?: string | undefined
  /** What results mean; one answer for all its policies. Default: a throw is a failure, a value a success. */
  readonly classify?: Classifier | undefined
  /** Default: the host's time. */
  readonly clock?: Clock | undefined
  /** Default: the host's chance. */
  readonly random?: Random | undefined
}

/** Policies around calls. `Alt` is what its fallbacks may answer. */
export interface Pipeline<out Alt = never> {
  readonly name: string
  /** Type-level only: carries `Alt` for inference. */
  readonly alt?: Alt
  /** Outermost first. */
  readonly policies: readonly Policy[]
  /** Runs `run` under all policies. Rejects with what it threw, with a refusal, or with the caller's own abort reason. */
  execute<T>(run: (call: Call) => T | PromiseLike<T>, options?: CallOptions): Promise<T | Alt>
  /** A function of the same parameters and `this`, each call of which runs under all policies. */
  wrap<This, Args extends unknown[], R>(
    run: (this: This, ...args: Args) => R,
  ): (this: This, ...args: Args) => Promise<Awaited<R> | Alt>
  /** Hears the events of all its policies; the answer ends it. */
  subscribe(listener: (event: PolicyEvent, pipeline: string) => void): () => void
  /** What its policies hold now; `brief`, for those who only look on, leaves out what a restore needs, such as keys. */
  snapshot(brief?: boolean): PipelineSnapshot
  /**
   * Takes over what a snapshot holds, policy by policy, found by kind and name in their order. Answers what could not be
   * taken over and why, one text for each; the rest is restored all the same.
   *
   * @example
   * payments.restore(JSON.parse(saved)) // []
   */
  restore(snapshot: PipelineSnapshot): readonly string[]
}

/** A pipeline of gates, timeouts and at most one retry: it can also be driven from outside, one attempt at a time. */
export interface AdmittingPipeline<out Alt = never> extends Pipeline<Alt> {
  /**
   * Enters the gates outside `retry`. A gate with a queue refuses when it would have to wait. Throws the abort reason of a
   * signal that is aborted already.
   */
  admit(options?: CallOptions): Permit | Rejection
  /** Like `admit`, but waits in the queues of the gates. Rejects only with the abort reason of `options.signal`. */
  admitAsync(options?: CallOptions): Promise<Permit | Rejection>
}

/** What one policy may answer instead. A layer that has no `alt` at all answers nothing of its own. */
type AltOfOne<One> = One extends Layer<infer Alt> ? ('alt' extends keyof One ? Alt : never) : never

/** What the fallbacks among `P` may answer. */
export type AltOf<P extends readonly Policy[]> = AltOfOne<P[number]>

/** What `pipeline(...P)` answers: it has `admit` only when every policy of it can be cut at the retry. */
export type PipelineOf<P extends readonly Policy[]> =
  Exclude<P[number], Gate | { readonly admission: 'timeout' | 'retry' }> extends never
    ? AdmittingPipeline<AltOf<P>>
    : Pipeline<AltOf<P>>

/**
 * Composes policies, the outermost first.
 *
 * @example
 * const payments = pipeline({ name: 'payments' }, retry({ maxAttempts: 3 }), circuitBreaker(), timeout('800ms'))
 * await payments.execute(({ signal }) => charge(order, { signal }))
 */
export function pipeline<P extends readonly Policy[]>(...policies: P): PipelineOf<P>
export function pipeline<P extends readonly Policy[]>(options: PipelineOptions, ...policies: P): PipelineOf<P>
export function pipeline(...given: readonly (PipelineOptions | Policy)[]): Pipeline<unknown> {
  const [first, ...rest] = given
  const hasOptions = given.length > 0 && !isPolicy(first)
  const policies = (hasOptions ? rest : given) as Policy[]
  return compile(hasOptions ? (first as PipelineOptions) : noPipelineOptions, policies)
}

function isPolicy(value: PipelineOptions | Policy | undefined): value is Policy {
  const { kind } = (value ?? {}) as { readonly kind?: unknown }
  return kind === 'gate' || kind === 'layer'
}

const noPipelineOptions: PipelineOptions = Object.freeze({})
const known = { name: '', classify: undefined, clock: undefined, random: undefined }
const knownOfClassifier = { ofValue: undefined, ofError: undefined, discard: undefined }

/** What `pipeline` does, with an unlisted outermost gate for a registry's book-keeping. */
export function compile(options: PipelineOptions, policies: readonly Policy[], tally?: Gate): Pipeline<unknown> {
  checkKeys(options, known, 'pipeline')
  for (const [index, policy] of policies.entries()) {
    if (!isPolicy(policy)) throw new OptionsError(`pipeline: policy ${index + 1} is not a policy, got ${shown(policy)}`)
  }
  checkName(options.name, 'pipeline')
  const { clock = systemClock, random = systemRandom, classify: classifier = classify } = options
  checkMethods(clock, ['now', 'wallNow', 'setTimer'], 'pipeline.clock')
  checkKeys(classifier, knownOfClassifier, 'pipeline.classify')
  checkMethods(classifier, Object.keys(knownOfClassifier), 'pipeline.classify', true)
  if (typeof random !== 'function') throw new OptionsError(`pipeline.random must be a function, got ${shown(random)}`)
  if (policies.filter(isRetry).length > 1) throw new OptionsError('pipeline: two retries multiply each other, list one')
  checkQueues(policies)
  const environment: Environment = {
    name: options.name ?? '',
    clock,
    random,
    judge: new Judge(classifier),
  }
  const admits = policies.every((policy) => policy.kind === 'gate' || policy.admission !== undefined)
  return admits ? new Admitting(environment, policies, tally) : new Compiled(environment, policies, tally)
}

/**
 * A call that waits holds no other permit, and none starts while a circuit is open. Neighbouring gates see to that together;
 * across a layer the outer ones would be held while the call waits further in, so such an order is refused.
 */
function checkQueues(policies: readonly Policy[]): void {
  let [outer, last]: (Gate | undefined)[] = []
  for (const policy of policies) {
    if (policy.kind === 'layer') outer = last
    else if (policy.queues === true && outer !== undefined) {
      const order = `${policy.name} has a queue and stands inside ${outer.name} with a layer between`
      throw new OptionsError(
        `pipeline: ${order}: who waits would hold a permit of the other; list ${policy.name} first`,
      )
    } else last = policy
  }
}

class Compiled implements Pipeline<unknown> {
  readonly policies: readonly Policy[]
  readonly environment: Environment
  readonly #run: Next
  readonly #tally: Gate | undefined

  constructor(environment: Environment, policies: readonly Policy[], tally: Gate | undefined) {
    this.environment = environment
    this.policies = policies
    this.#tally = tally
    for (const policy of policies) if (policy.kind === 'gate') policy.adopt?.(environment)
    tally?.adopt?.(environment)
    const run = chain(policies, environment)
    // In a frame of its own, since a call that waits in a queue is one call and not a refused one and another.
    this.#run = tally === undefined ? run : frame([tally], run, environment.judge)
  }

  get name(): string {
    return this.environment.name
  }

  execute<T>(run: (call: Call) => T | PromiseLike<T>, options: CallOptions = noOptions): Promise<T> {
    if (typeof run !== 'function')
      return rejected(new OptionsError(`${this.name || 'pipeline'}: execute wants a function, got ${shown(run)}`))
    const observation = observing()
    if (observation !== undefined) {
      return observation.execute(run, this.environment, options, (call) => this.#start(call)) as Promise<T>
    }
    return this.#start(new CallRecord(run, this.environment, options, undefined)) as Promise<T>
  }

  #start(call: CallRecord): Promise<unknown> {
    const { signal, deadline } = call.options
    return signal !== undefined || deadline !== undefined ? guard(call, this.#run) : this.#run(call)
  }

  wrap<This, Args extends unknown[], R>(
    run: (this: This, ...args: Args) => R,
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    if (typeof run !== 'function')
      throw new OptionsError(`${this.name || 'pipeline'}: wrap wants a function, got ${shown(run)}`)
    const execute = (call: () => Awaited<R> | PromiseLike<Awaited<R>>): Promise<Awaited<R>> => this.execute(call)
    return function (this: This, ...args: Args) {
      return execute(() => run.apply(this, args) as Awaited<R> | PromiseLike<Awaited<R>>)
    }
  }

  subscribe(listener: (event: PolicyEvent, pipeline: string) => void): () => void {
    const ends = this.policies.map((policy) => policy.events?.subscribe((event) => listener(event, this.name)))
    return () => ends.forEach((end) => end?.())
  }

  snapshot(brief = false): PipelineSnapshot {
    const calls = (this.#tally as { totals?(): PipelineSnapshot['calls'] } | undefined)?.totals?.()
    const policies = this.policies.map(
      (policy): PolicySnapshot => policy.snapshot?.(brief) ?? { policy: 'other', name: policy.name },
    )
    return { name: this.name, calls, policies }
  }

  restore(snapshot: PipelineSnapshot): readonly string[] {
    return restorePolicies(this.policies, snapshot)
  }
}

class Admitting extends Compiled implements AdmittingPipeline<unknown> {
  readonly #admission: Admission

  constructor(environment: Environment, policies: readonly Policy[], tally: Gate | undefined) {
    super(environment, policies, tally)
    this.#admission = new Admission(policies, environment, tally)
  }

  admit(options: CallOptions = noOptions): Permit | Rejection {
    return this.#admission.admit(options)
  }

  admitAsync(options: CallOptions = noOptions): Promise<Permit | Rejection> {
    return this.#admission.admitAsync(options)
  }
}

/** Builds from the innermost outwards; gates that stand side by side are fused into one frame. */
function chain(policies: readonly Policy[], environment: Environment): Next {
  // A pipeline that runs its function once has nothing to tell of that run that the call does not tell.
  let next: Next = policies.some(repeats) ? told : innermost
  let gates: Gate[] = []
  for (const policy of policies.toReversed()) {
    if (policy.kind === 'gate') {
      gates.unshift(policy)
      continue
    }
    if (gates.length > 0) next = frame(gates, next, environment.judge)
    gates = []
    next = policy.wrap(next, environment)
  }
  return gates.length > 0 ? frame(gates, next, environment.judge) : next
}

/** Whether a policy may run the function more than once in a call, or for several calls. */
function repeats(policy: Policy): boolean {
  return policy.kind === 'layer' && policy.repeats === true
}

/** One of perhaps several runs of the guarded function. */
function told(call: CallRecord): Promise<unknown> {
  return observing()?.run(call, innermost) ?? innermost(call)
}

/** The guarded function itself. What it throws at once is a rejection like any other. */
function innermost(call: CallRecord): Promise<unknown> {
  try {
    call.begin()
    return Promise.resolve(call.run(call))
  } catch (error) {
    return rejected(error)
  }
}
