// One call on its way through a service's pipeline, until a response may stand. It drives the pipeline from outside (admit,
// attempt, settle, exit) and does not wrap a function, because a function has ended when the head is there and a streamed
// response has not: its bulkhead slot is held while the body runs, and a body that breaks counts as one further failure.
// Invariant: every permit, attempt, timer and listener is given back exactly once.
//
// Time: a timeout inside retry bounds a try until its head, because after the head there is no other try. One outside retry,
// or without a retry, bounds the call to its last byte, and so does the caller's deadline. A failed response that is handed
// out although it could have been retried has left the gates inside retry at its head.
import {
  type Attempt,
  type CallOptions,
  classifyHttp,
  type Clock,
  OptionsError,
  type Permit,
  SwitchgearError,
  type Verdict,
} from '@switchgear/core'
import type { Hop } from '@switchgear/telemetry'
import { Arrival } from './arrival.ts'
import { closedError, errorCodeOf, failedResponseError } from './errors.ts'
import { type ClientExchange, Exchange, type ExchangeContext, type Head } from './exchange.ts'
import type { Outgoing } from './request.ts'
import type { Upstream } from './upstream.ts'
import { Watch } from './watch.ts'

/** What all calls of one service share. */
export interface Depot {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly report: (exchange: ClientExchange) => void
  /** The calls under way. */
  readonly live: Set<Watch>
  closed: boolean
}

/** No response came. */
export interface Loss {
  readonly kind: 'loss'
  readonly error: unknown
  /** Whether a fallback may answer: not when the caller itself ended the call or asked for what cannot be sent. */
  readonly replaceable: boolean
}

const judge = classifyHttp.ofValue as (head: Head) => Verdict

/** Carries a request through the pipeline. What it rejects with is the reason for which the caller, or closing, ended it. */
export async function deliver(
  depot: Depot,
  outgoing: Outgoing,
  options: CallOptions,
  hop: Hop,
): Promise<Arrival | Loss> {
  const permit = await depot.upstream.pipeline.admitAsync({ ...options, scope: hop.span })
  if (permit.kind === 'rejection') return { kind: 'loss', error: permit.error, replaceable: !isCallers(permit.error) }
  return new Delivery(depot, outgoing, options, permit, hop).run()
}

class Delivery {
  readonly #depot: Depot
  readonly #options: CallOptions
  readonly #permit: Permit
  readonly #watch: Watch
  readonly #context: ExchangeContext
  #endpoint: URL | undefined = undefined

  constructor(depot: Depot, outgoing: Outgoing, options: CallOptions, permit: Permit, hop: Hop) {
    const { upstream, clock, report, live } = depot
    this.#depot = depot
    this.#options = options
    this.#permit = permit
    this.#watch = new Watch(clock, options.signal, live)
    this.#context = { upstream, outgoing, hop, clock, report }
  }

  async run(): Promise<Arrival | Loss> {
    let held = false
    try {
      const last = await this.#tries()
      held = last.kind === 'arrival'
      return last
    } finally {
      if (!held) this.#finish()
    }
  }

  async #tries(): Promise<Arrival | Loss> {
    for (;;) {
      // Both may have happened while nothing was running that could have been cut.
      this.#options.signal?.throwIfAborted()
      if (this.#depot.closed) throw closedError(this.#depot.upstream.name)
      const attempt = this.#permit.attempt()
      if (attempt.kind === 'rejection') return { kind: 'loss', error: attempt.error, replaceable: true }
      const ended = await this.#try(attempt)
      if (typeof ended !== 'number') return ended
      await this.#pause(ended)
    }
  }

  /** Makes one try: how the call ends with it, or the milliseconds until the next one. */
  async #try(attempt: Attempt): Promise<Arrival | Loss | number> {
    const { upstream } = this.#depot
    this.#endpoint = upstream.pick(this.#endpoint)
    const exchange = new Exchange(this.#context, this.#endpoint, attempt.number)
    this.#watch.over(
      (outcome, reason) => exchange.cut(outcome, reason),
      attempt.deadline,
      () => attempt.expired(),
    )
    let head: Head
    try {
      head = await exchange.open()
    } catch (error) {
      return this.#lost(attempt, exchange, error)
    }
    const verdict = judge(head)
    const failed = verdict.outcome === 'failure'
    attempt.settle(verdict, failed ? failedResponseError(upstream.name, exchange.endpoint, head.status) : undefined)
    // Only where there may be a next try: to ask for it is to leave the gates before the last byte.
    const repeatable = verdict.retryable && this.#context.outgoing.idempotent
    const delayMs = repeatable ? attempt.exit() : undefined
    if (delayMs === undefined) return this.#arrived(attempt, exchange, head, verdict)
    exchange.discard(head)
    return delayMs
  }

  #lost(attempt: Attempt, exchange: Exchange, error: unknown): Loss | number {
    const { source } = this.#context.outgoing
    // A body that its own source broke and a request that cannot be sent say nothing about the service.
    const callers = source?.fault !== undefined || error instanceof OptionsError
    const outcome = exchange.cutAs ?? (callers ? 'ignored' : 'failure')
    attempt.settle(outcome, error)
    exchange.end(errorCodeOf(error))
    return attempt.exit() ?? { kind: 'loss', error, replaceable: outcome === 'failure' && !isCallers(error) }
  }

  #arrived(attempt: Attempt, exchange: Exchange, head: Head, { outcome }: Verdict): Arrival {
    return new Arrival(head, outcome, {
      service: this.#depot.upstream.name,
      method: this.#context.outgoing.method,
      exchange,
      attempt,
      watch: this.#watch,
      deadline: this.#permit.deadline,
      expired: () => this.#permit.expired(),
      finish: (ended, error) => {
        this.#finish()
        this.#context.hop.end(ended, error)
      },
    })
  }

  /** Waits between two tries. The kernel grants no wait that would last beyond the deadline. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#depot.clock.setTimer(resolve, ms)
      this.#watch.over((_outcome, reason) => {
        timer.cancel()
        reject(reason)
      })
    })
  }

  #finish(): void {
    this.#permit.exit()
    this.#watch.end()
    // Read to its end or not, nobody will read on.
    this.#context.outgoing.source?.destroy()
  }
}

/** The caller's own deadline has passed: it no longer waits for any answer. */
function isCallers(error: unknown): boolean {
  return error instanceof SwitchgearError && error.code === 'SG_DEADLINE_EXCEEDED'
}
