// One call of a service as the one who makes it sees it: it asks like a handler of undici, and this is the controller it gets. Owns
// the call from its first moment to its last, whichever tries are made and whoever answers in the end. Invariant: the handler hears
// of one response or of one error; once it is over, nothing of it is held: no permit, no endpoint, no timer, no source of a body.
//
// What ends it is freed before the handler is told, because the handler may begin the next call at once.
import type { CallOptions, Outcome } from '@switchgear/core'
import type { Hop } from '@switchgear/telemetry'
import { type Dispatcher, errors } from 'undici'
import type { Depot, Live } from '../depot.ts'
import type { Peer } from '../endpoints/peer.ts'
import { closedError, errorCodeOf } from '../errors.ts'
import type { FallbackAnswer } from '../fallback.ts'
import type { Recording } from '../last-good.ts'
import type { Errand } from './books.ts'
import { Delivery, type DeliveryOwner } from './delivery.ts'
import type { Outgoing } from './outgoing.ts'
import { Race } from './race.ts'
import type { Fields, Receiver, Try } from './try.ts'

/** Who makes a call: a handler of undici that may look at heads, and may want errors by our names. */
export interface Caller extends Dispatcher.DispatchHandler {
  onRequestStart?(call: Call, context: unknown): void
  onResponseStart?(call: Call, status: number, fields: Record<string, unknown>, statusText?: string): void
  onResponseData?(call: Call, chunk: Buffer): void
  onResponseError?(call: Call, error: unknown): void
  /** Looks at a head before it is judged; what it throws makes the response an invalid one, a failure of the service. */
  inspect?(status: number, rawHeaders: unknown, statusText: string): void
  /** Whether what happens on the wire is told as an error of ours (`SG_UNREACHABLE`), and not as undici's own. */
  readonly named?: boolean
}

type Raw = Exclude<Dispatcher.DispatchController['rawHeaders'], undefined>

/** One call. Made for a depot that is open; `begin` starts it. */
export class Call implements Dispatcher.DispatchController, DeliveryOwner, Receiver, Errand, Live {
  readonly depot: Depot
  readonly outgoing: Outgoing
  readonly hop: Hop
  readonly tried: Peer[] = []
  sends = 0
  readonly #caller: Caller
  readonly #options: CallOptions
  #running: Delivery | Race | undefined = undefined
  #try: Try | undefined = undefined
  #outcome: Outcome = 'failure'
  #recording: Recording | undefined = undefined
  #ownHeaders: string[] | undefined = undefined
  #paused = false
  #aborted = false
  #reason: Error | null = null
  #over = false

  /** `options.scope` is filled in here. */
  constructor(depot: Depot, outgoing: Outgoing, hop: Hop, options: CallOptions, caller: Caller) {
    this.depot = depot
    this.outgoing = outgoing
    this.hop = hop
    this.#options = options
    this.#caller = caller
  }

  /** Starts it. Its caller may be told the end before this returns. */
  begin(): void {
    const { depot, outgoing } = this
    depot.live.add(this)
    try {
      // At once, and not when a connection stands, so that it can be aborted while it waits for anything.
      this.#caller.onRequestStart?.(this, null)
    } catch (error) {
      this.abort(error as Error)
    }
    if (this.#over) return
    if (depot.closed) return this.stop(closedError(depot.upstream.name))
    const { hedge } = depot.upstream
    const hedged = hedge !== undefined && outgoing.idempotent && outgoing.source === undefined
    this.#running = hedged ? new Race(this, hedge, this.#options, this) : new Delivery(this, this.#options, this)
    this.#running.begin()
  }

  inspect(status: number, rawHeaders: unknown, statusText: string): void {
    this.#caller.inspect?.(status, rawHeaders, statusText)
  }

  // The controller's side.

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): Error | null {
    return this.#reason
  }

  get paused(): boolean {
    return this.#paused
  }

  get rawHeaders(): Raw {
    return this.#ownHeaders ?? this.#try?.controller?.rawHeaders ?? null
  }

  get rawTrailers(): Raw {
    return this.#try?.controller?.rawTrailers ?? null
  }

  pause(): void {
    this.#paused = true
    this.#try?.controller?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#try?.controller?.resume()
  }

  /** Its caller gives up. */
  abort(reason?: unknown): void {
    if (this.#over) return
    const why = reason ?? new errors.RequestAbortedError()
    this.#aborted = true
    this.#reason = why as Error
    this.#running?.cut('ignored', why)
    this.#fail('ignored', why)
  }

  /** Its caller has read as much as it wanted; that is not a failure of anybody, and nothing more is told. */
  leave(): void {
    if (this.#over) return
    this.#try?.leave()
    this.#finish(this.#outcome, undefined)
  }

  stop(reason: Error): void {
    if (this.#over) return
    this.#running?.cut('ignored', reason)
    this.#fail('failure', reason)
  }

  // What its deliveries tell.

  informed(_one: Try, status: number, fields: Fields, statusText: string): void {
    this.#guard(() => this.#caller.onResponseStart?.(this, status, fields, statusText))
  }

  arrived(delivery: Delivery, one: Try, outcome: Outcome): void {
    if (this.#over) return one.discard()
    this.#running = delivery
    const instead = outcome === 'failure' ? this.#substitute() : undefined
    if (instead === undefined) {
      this.#outcome = outcome
      return one.take(this)
    }
    one.discard()
    delivery.leave()
    this.#replace(instead, String(one.status))
  }

  lost(error: unknown, raw: unknown, replaceable: boolean): void {
    if (this.#over) return
    const instead = replaceable ? this.#substitute() : undefined
    if (instead !== undefined) return this.#replace(instead, errorCodeOf(error))
    this.#fail('failure', error, this.#caller.named === true ? error : raw)
  }

  late(error: unknown): void {
    this.#fail('failure', error)
  }

  // What the response brings.

  head(one: Try): void {
    this.#try = one
    const { fallback } = this.depot.upstream
    if (fallback !== undefined && this.#outcome !== 'failure') {
      this.#recording = fallback.record(this.#asked(), headOf(one), this.depot.clock.now())
    }
    this.#guard(() => {
      this.#caller.onResponseStarted?.()
      this.#caller.onResponseStart?.(this, one.status, one.headers, one.statusText)
    })
  }

  data(chunk: Buffer): void {
    this.#recording?.add(chunk)
    try {
      this.#caller.onResponseData?.(this, chunk)
    } catch (error) {
      this.abort(error)
    }
  }

  end(trailers: Fields): void {
    this.#recording?.finish()
    this.#finish(this.#outcome, undefined)
    this.#close(trailers)
  }

  broken(error: unknown, raw: unknown): void {
    this.#fail('failure', error, this.#caller.named === true ? error : raw)
  }

  // Ends.

  #fail(outcome: Outcome, error: unknown, told: unknown = error): void {
    if (this.#over) return
    this.#finish(outcome, error)
    this.#caller.onResponseError?.(this, told as Error)
  }

  #finish(outcome: Outcome, error: unknown): void {
    this.#over = true
    this.#running?.leave()
    this.depot.live.delete(this)
    this.outgoing.source?.release(error)
    this.hop.end(outcome, error)
  }

  /** The handler's last word is its own affair: nobody is left who could be told of what it throws, but the engine's own way. */
  #close(trailers: Fields): void {
    try {
      this.#caller.onResponseEnd?.(this, trailers as Record<string, string | string[]>)
    } catch (error) {
      this.#caller.onResponseError?.(this, error as Error)
    }
  }

  /** What a handler throws ends its call, as with undici. */
  #guard(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.abort(error)
    }
  }

  #substitute(): FallbackAnswer | undefined {
    return this.depot.upstream.fallback?.find(this.#asked(), this.depot.clock.now())
  }

  /** The fallback answers, with all that it has: back-pressure is for what is still to come. */
  #replace({ status, headers, body }: FallbackAnswer, cause: string): void {
    this.hop.fellBack(this.depot.upstream.fallback?.name ?? '', cause)
    this.#finish('success', undefined)
    const fields = Object.fromEntries(headers)
    this.#ownHeaders = [...headers].flat()
    this.#guard(() => {
      this.#caller.onResponseStarted?.()
      this.#caller.onResponseStart?.(this, status, fields, '')
      if (body !== null && body.length > 0) this.#caller.onResponseData?.(this, Buffer.from(body as string))
    })
    this.#close({})
  }

  #asked(): { readonly method: string; readonly path: string; readonly headers: { has(name: string): boolean } } {
    return this.outgoing
  }
}

/** Only a fallback that keeps answers looks at heads in this shape. */
function headOf({ status, headers }: Try): { readonly status: number; readonly headers: Headers } {
  const fields = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) fields.append(name, one)
  }
  return { status, headers: fields }
}
