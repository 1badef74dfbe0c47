// One call of a service as the one who makes it sees it: it asks like a handler of undici, and this is the controller it gets. Owns
// the call from its first moment to its last, whichever tries are made and whoever answers in the end. Invariant: the handler hears
// of one response or of one error; once it is over, nothing of it is held: no permit, no endpoint, no timer, no source of a body.
//
// What ends it is freed before the handler is told, because the handler may begin the next call at once. Freed is also what it is made
// of, for the garbage collector: the response of undici's `request` keeps its controller, which is this, and with it everything below,
// until a major collection. Of a small exchange that was 3.9 KB, and copying them cost more than all the code here.
import type { Outcome } from '@switchgear/core'
import { type Dispatcher, errors } from 'undici'
import type { Live } from '../depot.ts'
import { closedError, errorCodeOf } from '../errors.ts'
import type { FallbackAnswer } from '../fallback.ts'
import type { Recording } from '../last-good.ts'
import { Delivery, type DeliveryOwner } from './delivery.ts'
import type { Errand, Inspector } from './errand.ts'
import { Race } from './race.ts'
import type { Fields, Receiver, Try } from './try.ts'

/** Who makes a call: a handler of undici that may look at heads, and may want errors by our names. */
export interface Caller extends Dispatcher.DispatchHandler, Inspector {
  onRequestStart?(call: Call, context: unknown): void
  onResponseStart?(call: Call, status: number, fields: Record<string, unknown>, statusText?: string): void
  onResponseData?(call: Call, chunk: Buffer): void
  onResponseError?(call: Call, error: unknown): void
  /** Whether what happens on the wire is told as an error of ours (`SG_UNREACHABLE`), and not as undici's own. */
  readonly named?: boolean
}

type Raw = Exclude<Dispatcher.DispatchController['rawHeaders'], undefined>

/** One call. `begin` starts it. */
export class Call implements Dispatcher.DispatchController, DeliveryOwner, Receiver, Live {
  readonly #caller: Caller
  /** Undefined when it is over. */
  #errand: Errand | undefined
  #running: Delivery | Race | undefined = undefined
  #try: Try | undefined = undefined
  #outcome: Outcome = 'failure'
  #recording: Recording | undefined = undefined
  #ownHeaders: string[] | undefined = undefined
  #paused = false
  #aborted = false
  #reason: Error | null = null

  constructor(errand: Errand, caller: Caller) {
    this.#errand = errand
    this.#caller = caller
  }

  /** Starts it, once. Its caller may be told the end before this returns. */
  begin(): void {
    this.#errand?.depot.live.add(this)
    try {
      // At once, and not when a connection stands, so that it can be aborted while it waits for anything.
      this.#caller.onRequestStart?.(this, null)
    } catch (error) {
      this.abort(error as Error)
    }
    const errand = this.#errand
    if (errand === undefined) return
    const { depot, outgoing } = errand
    if (depot.closed) return this.stop(closedError(depot.upstream.name))
    const { hedge } = depot.upstream
    const hedged = hedge !== undefined && outgoing.idempotent && outgoing.source === undefined
    this.#running = hedged ? new Race(errand, hedge, this) : new Delivery(errand, this)
    this.#running.begin()
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
    if (this.#errand === undefined) return
    const why = reason ?? new errors.RequestAbortedError()
    this.#aborted = true
    this.#reason = why as Error
    this.#running?.cut('ignored', why)
    this.#fail('ignored', why)
  }

  /** Its caller has read as much as it wanted; that is not a failure of anybody, and nothing more is told. */
  leave(): void {
    this.#try?.leave()
    this.#try = undefined
    this.#finish(this.#outcome, undefined)
  }

  stop(reason: Error): void {
    if (this.#errand === undefined) return
    this.#running?.cut('ignored', reason)
    this.#fail('failure', reason)
  }

  // What its deliveries tell.

  informed(_one: Try, status: number, fields: Fields, statusText: string): void {
    this.#start(status, fields, statusText)
  }

  arrived(delivery: Delivery, one: Try, outcome: Outcome): void {
    const errand = this.#errand
    if (errand === undefined) return one.discard()
    this.#running = delivery
    const instead = outcome === 'failure' ? substituteFor(errand) : undefined
    if (instead === undefined) {
      this.#outcome = outcome
      return one.take(this)
    }
    one.discard()
    delivery.leave()
    this.#replace(errand, instead, String(one.status))
  }

  lost(error: unknown, raw: unknown, replaceable: boolean): void {
    const errand = this.#errand
    if (errand === undefined) return
    const instead = replaceable ? substituteFor(errand) : undefined
    if (instead !== undefined) return this.#replace(errand, instead, errorCodeOf(error))
    this.#fail('failure', error, this.#caller.named === true ? error : raw)
  }

  late(error: unknown): void {
    this.#fail('failure', error)
  }

  // What the response brings.

  head(one: Try): void {
    const errand = this.#errand
    if (errand === undefined) return
    this.#try = one
    const { fallback } = errand.depot.upstream
    if (fallback !== undefined && this.#outcome !== 'failure') {
      this.#recording = fallback.record(errand.outgoing, headOf(one), errand.depot.clock.now())
    }
    this.#start(one.status, one.headers, one.statusText)
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
    if (this.#errand === undefined) return
    this.#finish(outcome, error)
    this.#caller.onResponseError?.(this, told as Error)
    this.#try = undefined
  }

  #finish(outcome: Outcome, error: unknown): void {
    const errand = this.#errand
    if (errand === undefined) return
    const running = this.#running
    this.#errand = this.#running = this.#recording = undefined
    running?.leave()
    errand.depot.live.delete(this)
    errand.outgoing.source?.release(error)
    errand.hop.end(outcome, error)
  }

  /** The handler's last word is its own affair: nobody is left who could be told of what it throws, but the engine's own way. */
  #close(trailers: Fields): void {
    try {
      this.#caller.onResponseEnd?.(this, trailers as Record<string, string | string[]>)
    } catch (error) {
      this.#caller.onResponseError?.(this, error as Error)
    }
    this.#try = undefined
  }

  /** Tells a head. What a handler throws ends its call, as with undici. */
  #start(status: number, fields: Record<string, unknown>, statusText: string): void {
    try {
      if (status >= 200) this.#caller.onResponseStarted?.()
      this.#caller.onResponseStart?.(this, status, fields, statusText)
    } catch (error) {
      this.abort(error)
    }
  }

  /** The fallback answers, with all that it has: back-pressure is for what is still to come. */
  #replace({ hop, depot }: Errand, { status, headers, body }: FallbackAnswer, cause: string): void {
    hop.fellBack(depot.upstream.fallback?.name ?? '', cause)
    this.#finish('success', undefined)
    this.#ownHeaders = [...headers].flat()
    try {
      this.#caller.onResponseStarted?.()
      this.#caller.onResponseStart?.(this, status, Object.fromEntries(headers), '')
      if (body !== null && body.length > 0) this.#caller.onResponseData?.(this, Buffer.from(body as string))
    } catch (error) {
      return this.#caller.onResponseError?.(this, error)
    }
    this.#close({})
  }
}

function substituteFor({ depot, outgoing }: Errand): FallbackAnswer | undefined {
  return depot.upstream.fallback?.find(outgoing, depot.clock.now())
}

/** Only a fallback that keeps answers looks at heads in this shape. */
function headOf({ status, headers }: Try): { readonly status: number; readonly headers: Headers } {
  const fields = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) fields.append(name, one)
  }
  return { status, headers: fields }
}
