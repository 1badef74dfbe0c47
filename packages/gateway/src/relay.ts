// One request through the pipeline of its service: admission, tries, the wait between them, the end. Owns the permit and the
// order in which the policies hear of things: settle at the response head, exit at the last byte. Invariant: whatever happens
// in whatever phase, every attempt and the permit are exited, and the client gets one answer or a cut connection.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Upstream } from '@switchgear/client'
import { type Attempt, classifyHttp, type Permit, success, type SwitchgearError } from '@switchgear/core'
import type { Metrics } from '@switchgear/telemetry'
import { Cut } from './cut.ts'
import type { Exchange } from './exchange.ts'
import { describe, type Fault, faultOf } from './fault.ts'
import { requestHeaders, responseHeaders } from './headers.ts'
import { type Problem, problem, refusal } from './problem.ts'
import { Substitute } from './substitute.ts'
import { type Ending, type Head, Transfer } from './transfer.ts'
import { declaredLength, mostBuffered, readWhole, Upload } from './upload.ts'

/** What all relays share. */
export interface RelaySettings {
  readonly stallMs: number
  readonly metrics: Metrics
}

/** Methods whose repetition does no further harm (RFC 9110, 9.2.2). */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Forwards one request. */
export class Relay {
  readonly #exchange: Exchange
  readonly #upstream: Upstream
  /** With its query, as the service gets it. */
  readonly #path: string
  readonly #settings: RelaySettings
  readonly #substitute: Substitute
  readonly #method: string
  #headers: string[] = []
  #body: Buffer | Upload | undefined = undefined

  constructor(exchange: Exchange, upstream: Upstream, path: string, settings: RelaySettings) {
    this.#exchange = exchange
    this.#upstream = upstream
    this.#path = path
    this.#settings = settings
    this.#method = exchange.request.method ?? 'GET'
    this.#substitute = new Substitute(upstream.fallback, exchange, path)
  }

  /** Resolves when the service's part is over; the client may still be reading. */
  async run(): Promise<void> {
    try {
      await this.#prepare()
      await this.#admit()
    } catch (error) {
      // The one way out of a wait (for the body, in a queue) is the exchange's signal.
      if (!(error instanceof Cut)) throw error
      await this.#fail(faultOf(error, this.#upstream.name, false))
    } finally {
      if (this.#body instanceof Upload) this.#body.destroy()
    }
  }

  /** The body before admission: who sends a small one slowly holds no permit meanwhile. */
  async #prepare(): Promise<void> {
    const { request, expectsContinue, alarm } = this.#exchange
    const length = declaredLength(request)
    // Who asks before sending wants to be refused before sending, so that body is not read ahead.
    if (length !== undefined && length <= mostBuffered && !expectsContinue) {
      alarm.setAfter(this.#settings.stallMs, () => this.#exchange.abort(new Cut('client stalled')))
      this.#body = await readWhole(request, this.#exchange.signal)
      alarm.clear()
    } else if (length !== undefined) {
      this.#body = new Upload(request, this.#exchange.sendContinue)
    }
    const streamedLength = this.#body instanceof Upload && !Number.isNaN(length) ? length : undefined
    this.#headers = requestHeaders(request, this.#exchange.origin(), this.#exchange.traceHeaders(), streamedLength)
  }

  async #admit(): Promise<void> {
    const { signal, request } = this.#exchange
    const repeatable = idempotentMethods.has(this.#method) || Boolean(request.headers['idempotency-key'])
    // A streamed body is gone once it was sent.
    const idempotent = repeatable && !(this.#body instanceof Upload)
    const admitted = await this.#upstream.pipeline.admitAsync({ signal, idempotent })
    if (admitted.kind === 'rejection') return this.#refuse(admitted.error)
    try {
      await this.#tries(admitted, idempotent)
    } finally {
      admitted.exit()
    }
  }

  async #tries(permit: Permit, idempotent: boolean): Promise<void> {
    let endpoint: URL | undefined
    for (;;) {
      if (this.#exchange.signal.aborted) throw this.#exchange.signal.reason
      const attempt = permit.attempt()
      if (attempt.kind === 'rejection') return this.#refuse(attempt.error)
      this.#exchange.attempts = attempt.number
      endpoint = this.#upstream.pick(endpoint)
      const waitMs = await this.#try(attempt, endpoint, idempotent)
      if (waitMs === undefined) return
      await this.#wait(waitMs)
    }
  }
}
