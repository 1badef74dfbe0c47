// One request of node:http through the policies of its service, from the admission to the last byte. Invariant: whatever becomes of
// the request, permit, attempt and endpoint are given back once and no timer is left; its errors still reach its owner and nobody else,
// because it listens as a monitor and never as the one who handles them.
//
// Time: the timeout of a try holds until the head, the total one and the caller's deadline until the last byte.
import { errorMonitor } from 'node:events'
import type { IncomingMessage } from 'node:http'
import {
  type Attempt,
  classifyHttp,
  failure,
  ignored,
  OptionsError,
  type Permit,
  type Rejection,
  type Timer,
  type Verdict,
} from '@switchgear/core'
import { formatRequestDeadline, requestDeadlineHeader } from '../deadline/request-deadline.ts'
import type { Depot, Live } from '../depot.ts'
import type { Due, DueLane } from '../dispatch/due-lanes.ts'
import type { Peer } from '../endpoints/peer.ts'
import {
  badResponseError,
  closedError,
  cutError,
  errorCodeOf,
  failedResponseError,
  noEndpointError,
  wireError,
} from '../errors.ts'
import { agentDeadline } from './agent-deadline.ts'
import type { OwnedRequest } from './owned-request.ts'

const judge = classifyHttp.ofValue as (head: IncomingMessage) => Verdict
const bodiless: ReadonlySet<number> = new Set([204, 304])

/** One request to a service. `begin` starts it; `send` looks for a connection to the endpoint that was chosen. */
export class AgentCall implements Due, Live {
  due = -1
  ahead: Due | null = null
  behind: Due | null = null
  lane: DueLane | null = null
  timer: Timer | undefined = undefined
  readonly #depot: Depot
  readonly #owned: OwnedRequest
  readonly #send: (peer: Peer) => void
  readonly #left: (call: AgentCall) => void
  #permit: Permit | undefined = undefined
  #attempt: Attempt | undefined = undefined
  #peer: Peer | undefined = undefined
  #ticket = 0
  #startedAt = 0
  #response: IncomingMessage | undefined = undefined
  /** What attempt and endpoint have learned. */
  #learned: Verdict | undefined = undefined
  #isOver = false

  constructor(depot: Depot, owned: OwnedRequest, send: (peer: Peer) => void, left: (call: AgentCall) => void) {
    this.#depot = depot
    this.#owned = owned
    this.#send = send
    this.#left = left
  }

  /** Asks for admission. */
  begin(): void {
    const { closed, live, upstream } = this.#depot
    const { pipeline, name } = upstream
    if (closed) return this.#fail(closedError(name))
    live.add(this)
    this.#owned.request.once('close', this.#closed)
    const deadline = agentDeadline(this.#depot, this.#owned.request)
    const options = { deadline, idempotent: false }
    const queues = pipeline.policies.some((policy) => policy.kind === 'gate' && policy.queues === true)
    if (!queues) return this.#admitted(pipeline.admit(options))
    pipeline.admitAsync({ ...options, signal: this.#owned.signal }).then(this.#admitted, (error: unknown) => {
      // It was ended while it waited, and has been told so.
      this.#leave(error)
    })
  }

  /** Its client is being closed. */
  stop(reason: Error): void {
    this.#fail(reason)
  }

  /** Its connection is about to be ended, by whoever owns the agent. */
  abandon(): void {
    this.#owned.abandon()
  }

  /** A deadline has passed: that of the try or that of the call. */
  expire(): void {
    const [permit, attempt, response] = [this.#permit, this.#attempt, this.#response]
    if (permit === undefined) return
    const isOfTry = attempt !== undefined && response === undefined && attempt.deadline < permit.deadline
    const error = isOfTry ? attempt.expired() : permit.expired()
    // Who is too slow to read what has come is to blame for it, and not the service.
    if (response === undefined) this.#learn(failure, error, this.#owned.request.socket?.connecting === true)
    else if (response.readableLength === 0) this.#broke(error)
    this.#fail(error)
  }

  readonly #admitted = (admitted: Permit | Rejection): void => {
    if (admitted.kind === 'rejection') return this.#fail(admitted.error)
    this.#permit = admitted
    // It was ended while the answer was under way.
    if (this.#isOver) return admitted.exit()
    const depot = this.#depot
    const { request } = this.#owned
    const now = depot.clock.now()
    const remaining = depot.travels ? formatRequestDeadline(admitted.deadline - now) : undefined
    // Once the head is made nothing can be added; then the service is not told, and the deadline holds here all the same.
    if (remaining !== undefined && !request.headersSent) request.setHeader(requestDeadlineHeader, remaining)
    depot.lanes.join(this, admitted.deadline, now)
    this.#next(admitted, now)
  }

  #next(permit: Permit, now: number): void {
    if (permit.deadline <= now) return this.expire()
    const { peers, name } = this.#depot.upstream
    // Before the gates of the try are entered, because nobody may hold them while the first endpoint is waited for.
    const peer = peers.pick(now, undefined, [])
    if (peer === undefined) {
      const known = peers.ready(permit.deadline, this.#owned.signal)
      if (known === undefined) return this.#fail(noEndpointError(name))
      known.then(
        () => {
          if (!this.#isOver) this.#next(permit, this.#depot.clock.now())
        },
        (error: Error) => this.#fail(error),
      )
      return
    }
    if (peer.origin.protocol === 'https:') return this.#fail(encryptedError(name, peer))
    const attempt = permit.attempt()
    if (attempt.kind === 'rejection') return this.#fail(attempt.error)
    this.#try(permit, attempt, peer, now)
  }

  #try(permit: Permit, attempt: Attempt, peer: Peer, now: number): void {
    const { lanes } = this.#depot
    const { request } = this.#owned
    this.#attempt = attempt
    this.#peer = peer
    this.#startedAt = now
    this.#ticket = peer.enter(now)
    if (attempt.deadline < permit.deadline) {
      lanes.leave(this)
      lanes.join(this, attempt.deadline, now)
    }
    request.on(errorMonitor, this.#broken)
    request.prependOnceListener('response', this.#arrived)
    this.#owned.seat()
    this.#send(peer)
  }

  readonly #arrived = (response: IncomingMessage): void => {
    const { request } = this.#owned
    // With a listener of ours Node takes us for the one who reads; without an owner who does, somebody has to.
    if (request.listenerCount('response') === 0) response.resume()
    if (this.#isOver || this.#permit === undefined) return
    this.#response = response
    this.#judge(response)
    const { lanes, clock } = this.#depot
    lanes.leave(this)
    if (request.method === 'HEAD' || bodiless.has(response.statusCode ?? 0)) return this.#leave()
    lanes.join(this, this.#permit.deadline, clock.now())
    response.once('close', () => this.#ended(response))
  }

  #judge(head: IncomingMessage): void {
    const verdict = judge(head)
    const peer = verdict.outcome === 'failure' ? this.#peer : undefined
    const { name } = this.#depot.upstream
    this.#learn(verdict, peer && failedResponseError(name, peer.origin, head.statusCode ?? 0))
  }

  /** The response has closed: at its end, or because somebody had enough of it, or because it broke. */
  #ended(response: IncomingMessage): void {
    const broken = !response.complete && !this.#owned.isEnded && isReset(response.errored)
    const error = broken ? this.#cut(response.errored) : undefined
    if (error !== undefined) this.#broke(error)
    this.#leave(error)
  }

  /** An error of the wire, before its owner hears of it. */
  readonly #broken = (error: Error): void => {
    if (this.#owned.isEnded || this.#isOver || this.#peer === undefined) return
    if (this.#response !== undefined) {
      const cut = this.#cut(error)
      this.#broke(cut)
      return this.#leave(cut)
    }
    const { name } = this.#depot.upstream
    const { origin } = this.#peer
    const isGrammar = 'code' in error && String(error.code).startsWith('HPE_')
    const named = isGrammar ? badResponseError(name, origin, error) : wireError(name, origin, error)
    const isCallers = named instanceof OptionsError
    this.#learn(isCallers ? ignored : failure, named, named.code === 'SG_UNREACHABLE')
    this.#leave(named)
  }

  /** The request has closed. While a response is being read, that is what ends the call. */
  readonly #closed = (): void => {
    if (this.#response !== undefined) return
    // What becomes another protocol ends here as a call, with its last answer; what is said from now on is no request.
    const { res, upgradeOrConnect } = this.#owned.request as unknown as Becoming
    if (upgradeOrConnect && res !== null) {
      this.#response = res
      this.#judge(res)
    }
    this.#leave(upgradeOrConnect ? undefined : given)
  }

  #cut(cause: unknown): Error {
    const { name } = this.#depot.upstream
    return cutError(name, this.#peer?.origin ?? new URL('http://unknown'), cause)
  }

  #learn(verdict: Verdict, error?: unknown, unreachable = false): void {
    if (this.#learned !== undefined || this.#attempt === undefined) return
    this.#learned = verdict
    this.#attempt.settle(verdict, error)
    this.#tell(verdict.outcome, unreachable)
  }

  /** After a success, a body that breaks is one further failure. */
  #broke(error: unknown): void {
    if (this.#learned?.outcome !== 'success') return
    this.#learned = failure
    this.#attempt?.settle('failure', error)
    this.#tell('failure', false)
  }

  #tell(outcome: Verdict['outcome'], unreachable: boolean): void {
    const now = this.#depot.clock.now()
    this.#peer?.settle(this.#ticket, outcome, now - this.#startedAt, now, unreachable)
  }

  /** Ends the request with an error of ours; what it holds is free before its owner hears of it. */
  #fail(error: Error): void {
    const response = this.#response
    this.#leave(error)
    this.#owned.fail(error, response)
  }

  /** `error` says why it failed, for whoever counts exchanges. */
  #leave(error?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    const { lanes, live } = this.#depot
    lanes.leave(this)
    live.delete(this)
    this.#left(this)
    if (this.#attempt !== undefined) {
      this.#learn(ignored)
      this.#attempt.exit()
      this.#peer?.exit(this.#ticket)
      this.#report(error)
    }
    this.#permit?.exit()
  }

  #report(error: unknown): void {
    const { report, upstream, clock } = this.#depot
    const status = this.#response?.statusCode
    report?.({
      service: upstream.name,
      method: this.#owned.request.method,
      ...(status === undefined ? {} : { status }),
      ...(error === undefined ? {} : { errorCode: errorCodeOf(error) }),
      seconds: (clock.now() - this.#startedAt) / 1000,
      attempt: 1,
    })
  }
}

/** What Node keeps at a request of its last answer. */
interface Becoming {
  readonly res: IncomingMessage | null
  readonly upgradeOrConnect: boolean
}

/** Its owner has ended it. */
const given = new Error('the request was given up')

/** What Node ends a response with whose connection has closed; whoever stops reading gives another error or none. */
function isReset(error: Error | null): boolean {
  return error !== null && 'code' in error && error.code === 'ECONNRESET'
}

/** It must not go out in the clear, and this agent speaks nothing else. */
function encryptedError(service: string, { origin }: Peer): OptionsError {
  return new OptionsError(
    `${service}: ${origin.origin} speaks TLS, which the agent of node:http does not; call it by fetch or client.service`,
  )
}
