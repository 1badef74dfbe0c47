// One gRPC call through the policies of its service: admission, deadline, its place in the trace, and its outcome. It stands between
// grpc-js' surface and the call that grpc-js makes, which exists only once the policies have let it through. Invariants: its owner
// gets one status; permit and attempt are given back once, with that status; metadata of the owner's is never changed.
import {
  type InterceptingListener,
  type InterceptorOptions,
  Metadata,
  type NextCall,
  status,
  type StatusObject,
} from '@grpc/grpc-js'
import { type Attempt, type CallOptions, type Permit, type Rejection, SwitchgearError } from '@switchgear/core'
import { Hop } from '@switchgear/telemetry'
import type { Live } from '../depot.ts'
import { closedError } from '../errors.ts'
import { callDeadline, wallDeadline } from './call-deadline.ts'
import { CallTrace } from './call-trace.ts'
import type { GrpcService } from './source.ts'
import { statusVerdict } from './status-verdict.ts'

/** What grpc-js stacks its interceptors from; the names of these types it keeps to itself. */
type Stacked = ReturnType<NextCall>
type MessageContext = Parameters<Stacked['sendMessageWithContext']>[0]
type Step = (call: Stacked) => void

/** The deadlines of grpc-js are whole milliseconds, and its timers fire up to one early. */
const roundingMs = 2

/** One call. grpc-js starts it before it does anything else with it. */
export class GuardedCall implements Stacked, Live {
  readonly #service: GrpcService | SwitchgearError
  readonly #options: InterceptorOptions
  readonly #nextCall: NextCall
  #listener: Partial<InterceptingListener> = {}
  /** What was asked of it while it waited for admission; a sender waits for the first of its messages to be taken. */
  #steps: Step[] = []
  #inner: Stacked | undefined = undefined
  #permit: Permit | undefined = undefined
  #attempt: Attempt | undefined = undefined
  #due = Infinity
  #trace: CallTrace | undefined = undefined
  #patience: AbortController | undefined = undefined
  #isCancelled = false
  #isOver = false

  /** An error in place of the service refuses the call. */
  constructor(service: GrpcService | SwitchgearError, options: InterceptorOptions, nextCall: NextCall) {
    this.#service = service
    this.#options = options
    this.#nextCall = nextCall
  }

  start(metadata: Metadata, listener: Partial<InterceptingListener> = {}): void {
    this.#listener = listener
    const service = this.#service
    if (service instanceof SwitchgearError) return this.#refuse(service)
    const { depot } = service
    const { name, pipeline } = depot.upstream
    if (depot.closed) return this.#refuse(closedError(name))
    depot.live.add(this)
    const read = (field: string): string | undefined => textOf(metadata, field)
    this.#trace = new CallTrace(Hop.called(name, read), name, this.#options.method_definition.path)
    const options: CallOptions = {
      deadline: callDeadline(depot.clock, this.#options.deadline),
      idempotent: false,
      scope: this.#trace.scope,
    }
    const queues = pipeline.policies.some((policy) => policy.kind === 'gate' && policy.queues === true)
    if (!queues) return this.#admitted(service, pipeline.admit(options), metadata)
    const { signal } = (this.#patience = new AbortController())
    pipeline.admitAsync({ ...options, signal }).then(
      (admitted) => this.#admitted(service, admitted, metadata),
      // It was cancelled while it waited, and has its status.
      () => undefined,
    )
  }

  sendMessageWithContext(context: MessageContext, message: unknown): void {
    // Whoever sends to a call that has ended must not wait for ever.
    if (this.#isOver && this.#inner === undefined) queueMicrotask(() => context.callback?.())
    this.#do((call) => call.sendMessageWithContext(context, message))
  }

  sendMessage(message: unknown): void {
    this.sendMessageWithContext({}, message)
  }

  startRead(): void {
    this.#do((call) => call.startRead())
  }

  halfClose(): void {
    this.#do((call) => call.halfClose())
  }

  cancelWithStatus(code: status, details: string): void {
    this.#isCancelled = true
    if (this.#inner !== undefined) this.#inner.cancelWithStatus(code, details)
    else this.#finish({ code, details, metadata: new Metadata() })
  }

  getPeer(): string {
    return this.#inner?.getPeer() ?? 'unknown'
  }

  getAuthContext(): ReturnType<Stacked['getAuthContext']> {
    return this.#inner?.getAuthContext() ?? null
  }

  /** Its client is being closed. */
  stop(reason: Error): void {
    const code = reason instanceof SwitchgearError ? reason.code : 'SG_CLIENT_CLOSED'
    this.cancelWithStatus(status.UNAVAILABLE, `${code}: ${reason.message}`)
  }

  #do(step: Step): void {
    if (this.#inner !== undefined) step(this.#inner)
    else if (!this.#isOver) this.#steps.push(step)
  }

  #admitted({ depot }: GrpcService, admitted: Permit | Rejection, metadata: Metadata): void {
    this.#patience = undefined
    if (admitted.kind === 'rejection') return this.#refuse(admitted.error)
    // It was cancelled while the answer was under way.
    if (this.#isOver) return admitted.exit()
    this.#permit = admitted
    const attempt = admitted.attempt()
    if (attempt.kind === 'rejection') return this.#refuse(attempt.error)
    this.#attempt = attempt
    this.#due = Math.min(admitted.deadline, attempt.deadline)
    const own = metadata.clone()
    for (const [field, text] of this.#trace?.depart() ?? []) own.set(field, text)
    const inner = this.#nextCall({ ...this.#options, deadline: wallDeadline(depot.clock, this.#due) })
    this.#inner = inner
    inner.start(own, {
      onReceiveMetadata: (head: Metadata) => this.#listener.onReceiveMetadata?.(head),
      onReceiveMessage: (message: unknown) => this.#listener.onReceiveMessage?.(message),
      onReceiveStatus: (given: StatusObject) => this.#finish(given),
    })
    for (const step of this.#steps.splice(0)) step(inner)
  }

  /** Nothing is sent. The status comes later, as a status always does. */
  #refuse(error: SwitchgearError): void {
    const metadata = new Metadata()
    metadata.set('switchgear-code', error.code)
    if (error.retryAfterMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(Math.ceil(error.retryAfterMs)))
    const code = error.code === 'SG_DEADLINE_EXCEEDED' ? status.DEADLINE_EXCEEDED : status.UNAVAILABLE
    this.#finish({ code, details: `${error.code}: ${error.message}`, metadata }, error)
  }

  /** What it holds is free before its owner hears of the end. */
  #finish(given: StatusObject, refusal?: SwitchgearError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#patience?.abort(new Error('the call was cancelled'))
    if (!(this.#service instanceof SwitchgearError)) this.#service.depot.live.delete(this)
    if (this.#attempt !== undefined) this.#learn(this.#attempt, given)
    else this.#trace?.end(refusal === undefined ? 'ignored' : 'failure', refusal, undefined)
    this.#permit?.exit()
    for (const step of this.#steps.splice(0)) step(nowhere)
    const tell = (): void => this.#listener.onReceiveStatus?.(given)
    if (this.#inner === undefined) queueMicrotask(tell)
    else tell()
  }

  #learn(attempt: Attempt, { code, details }: StatusObject): void {
    const { outcome, retryable } = statusVerdict(this.#isCancelled && code !== status.OK ? status.CANCELLED : code)
    const error = outcome === 'failure' ? this.#errorOf(attempt, code, details) : undefined
    attempt.settle({ outcome, retryable }, error)
    attempt.exit()
    this.#trace?.end(outcome, error, code === status.OK ? undefined : status[code])
  }

  #errorOf(attempt: Attempt, code: status, details: string): SwitchgearError {
    const name = this.#service instanceof SwitchgearError ? undefined : this.#service.depot.upstream.name
    const now = this.#service instanceof SwitchgearError ? 0 : this.#service.depot.clock.now()
    if (code === status.DEADLINE_EXCEEDED && now + roundingMs >= this.#due) return attempt.expired()
    const message = `${name} answered ${status[code] ?? code}: ${details}`
    return new SwitchgearError('SG_FAILED_RESULT', message, name === undefined ? {} : { pipeline: name })
  }
}

/** Where what was still to be sent goes when there is no call: its senders are let go. */
const nowhere = {
  sendMessageWithContext: (context: MessageContext) => queueMicrotask(() => context.callback?.()),
  startRead: () => undefined,
  halfClose: () => undefined,
} as unknown as Stacked

function textOf(metadata: Metadata, field: string): string | undefined {
  const [first] = metadata.get(field)
  return typeof first === 'string' ? first : undefined
}
