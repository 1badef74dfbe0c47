// One passage of a request through the pipeline of its service, until a response may stand. It drives the pipeline from outside
// (admit, attempt, exit) and does not wrap a function, because a function has ended when the head is there and a streamed response
// has not: its bulkhead slot is held while the body runs, and a body that breaks counts as one further failure.
// Invariant: its owner hears once of an arrival or a loss; the permit is exited once, with the last byte or the loss.
//
// Time: a timeout inside retry bounds a try until its head, because after the head there is no other try. One outside retry, or
// without a retry, bounds the call to its last byte, and so does the caller's deadline: that is what is told to the service.
import {
  type AdmittingPipeline,
  type Gate,
  type Outcome,
  type Permit,
  type Rejection,
  SwitchgearError,
  type Timer,
  type Verdict,
} from '@switchgear/core'
import { noEndpointError } from '../errors.ts'
import type { Due, DueLane } from './due-lanes.ts'
import type { Errand } from './errand.ts'
import { isWhole } from './outgoing.ts'
import { type Fields, Try, type TryOwner } from './try.ts'

/** Whose delivery it is. */
export interface DeliveryOwner {
  informed(one: Try, status: number, fields: Fields, statusText: string): void
  /** A response that is not tried again: `one` is to be taken or discarded, then `leave` ends the delivery. */
  arrived(delivery: Delivery, one: Try, outcome: Outcome): void
  /**
   * No response came. `raw` is the HTTP engine's error where there is one. Not `replaceable` by a fallback is what the caller itself
   * ended or asked for wrongly.
   */
  lost(error: unknown, raw: unknown, replaceable: boolean): void
  /** The call's time ran out while the response was being read; the try has been cut. */
  late(error: unknown): void
}

/** One passage. */
export class Delivery implements TryOwner, Due {
  due = -1
  ahead: Due | null = null
  behind: Due | null = null
  lane: DueLane | null = null
  timer: Timer | undefined = undefined
  readonly #errand: Errand
  readonly #owner: DeliveryOwner
  #permit: Permit | undefined = undefined
  #try: Try | undefined = undefined
  #wait: Timer | undefined = undefined
  /** While it waits for something that only a signal can end: a queue, or the first endpoint. */
  #patience: AbortController | undefined = undefined
  #over = false

  constructor(errand: Errand, owner: DeliveryOwner) {
    this.#errand = errand
    this.#owner = owner
  }

  begin(): void {
    const { depot, deadline, key, priority, idempotent, scope } = this.#errand
    const { pipeline } = depot.upstream
    if (!queues(pipeline)) return this.#admitted(pipeline.admit(this.#errand))
    const { signal } = (this.#patience = new AbortController())
    pipeline.admitAsync({ deadline, key, priority, idempotent, scope, signal }).then(
      (admitted) => this.#admitted(admitted),
      (error: unknown) => this.#lose(error, error, false),
    )
  }

  /** Ends it now, in whatever phase, and tells nobody. Harmless when it is over. */
  cut(outcome: Outcome, reason: unknown): void {
    if (this.#over) return
    this.#try?.cut(outcome, reason)
    this.leave()
    this.#patience?.abort(reason)
  }

  /** Gives back everything that it holds. */
  leave(): void {
    if (this.#over) return
    this.#over = true
    this.#errand.depot.lanes.leave(this)
    this.#wait?.cancel()
    this.#permit?.exit()
  }

  /** The deadline of the call has passed. */
  expire(): void {
    const one = this.#try
    const error = this.#permit?.expired()
    // Who is too slow to read what has come is to blame for it, and not the service.
    if (one !== undefined && one.status !== 0) {
      one.cut(one.controller?.paused === true ? 'ignored' : 'failure', error)
      this.leave()
      return this.#owner.late(error)
    }
    one?.cut('failure', error)
    this.#patience?.abort(error)
    this.#lose(error, error, !isCallers(error))
  }

  informed(one: Try, status: number, fields: Fields, statusText: string): void {
    this.#owner.informed(one, status, fields, statusText)
  }

  arrived(one: Try, { outcome, retryable }: Verdict): void {
    const { outgoing } = this.#errand
    // Only where there may be a next try: to ask for it is to leave the gates before the last byte.
    const delayMs = retryable && outgoing.idempotent && isWhole(outgoing) ? one.exit() : undefined
    if (delayMs === undefined) return this.#owner.arrived(this, one, outcome)
    one.discard()
    this.#again(delayMs)
  }

  failed(outcome: Outcome, error: unknown, raw: unknown, delayMs: number | undefined): void {
    if (this.#over) return
    if (delayMs === undefined) this.#lose(error, raw, outcome === 'failure' && !isCallers(error))
    else this.#again(delayMs)
  }

  #admitted(admitted: Permit | Rejection): void {
    this.#patience = undefined
    if (admitted.kind === 'rejection') return this.#lose(admitted.error, admitted.error, !isCallers(admitted.error))
    this.#permit = admitted
    // It was cut while the answer was under way.
    if (this.#over) return admitted.exit()
    const { depot } = this.#errand
    const now = depot.clock.now()
    depot.lanes.join(this, admitted.deadline, now)
    this.#next(admitted, now)
  }

  #next(permit: Permit, now: number): void {
    const { depot, key, tried } = this.#errand
    // Nothing is sent that has no time left.
    if (permit.deadline <= now) return this.expire()
    // Before the gates of the try are entered, because nobody may hold them while the first endpoint is waited for.
    const peer = depot.upstream.peers.pick(now, key, tried)
    if (peer === undefined) return this.#awaitEndpoints(permit)
    const attempt = permit.attempt()
    if (attempt.kind === 'rejection') return this.#lose(attempt.error, attempt.error, true)
    this.#try = new Try(this.#errand, this, attempt, peer, now)
    this.#try.send(permit.deadline)
  }

  #awaitEndpoints(permit: Permit): void {
    const { peers, name } = this.#errand.depot.upstream
    const { signal } = (this.#patience = new AbortController())
    const known = peers.ready(permit.deadline, signal)
    if (known === undefined) {
      const error = noEndpointError(name)
      return this.#lose(error, error, true)
    }
    known.then(
      () => {
        this.#patience = undefined
        if (!this.#over) this.#next(permit, this.#errand.depot.clock.now())
      },
      (error: unknown) => this.#lose(error, error, true),
    )
  }

  /** The kernel grants no wait that would last beyond the deadline. */
  #again(delayMs: number): void {
    this.#try = undefined
    this.#wait = this.#errand.depot.clock.setTimer(() => {
      this.#wait = undefined
      if (this.#permit !== undefined) this.#next(this.#permit, this.#errand.depot.clock.now())
    }, delayMs)
  }

  #lose(error: unknown, raw: unknown, replaceable: boolean): void {
    if (this.#over) return
    this.leave()
    this.#owner.lost(error, raw, replaceable)
  }
}

/** The gates of a pipeline that can have a queue, so that not every policy is asked at every call. */
const queueing = new WeakMap<AdmittingPipeline, readonly Gate[]>()

/** Whether a call may have to wait in it; only then is it worth a promise to ask. It can change while the service runs. */
function queues(pipeline: AdmittingPipeline): boolean {
  let gates = queueing.get(pipeline)
  if (gates === undefined) {
    gates = pipeline.policies.filter((policy) => policy.kind === 'gate' && 'queues' in policy) as Gate[]
    queueing.set(pipeline, gates)
  }
  for (const gate of gates) if (gate.queues === true) return true
  return false
}

/** The caller's own deadline has passed: it no longer waits for any answer. */
function isCallers(error: unknown): boolean {
  return error instanceof SwitchgearError && error.code === 'SG_DEADLINE_EXCEEDED'
}
