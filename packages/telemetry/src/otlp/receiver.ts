// OTLP/HTTP ingest: any OpenTelemetry app sends its traces here. A request is screened, read, decoded and given to `take`, and
// answered only then: 200 means that the spans were taken. Invariants: every request is answered or its connection ended, within
// the deadlines; all requests together hold at most `maxInFlightBytes`; a request is taken whole or not at all.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { DecodeError, type IngestBatch } from './ingest-batch.ts'
import { type Answer, refused, taken } from './receiver-answer.ts'
import { readBody, SenderGone } from './receiver-body.ts'
import { Budget, type Claim } from './receiver-budget.ts'
import { type ReceiverOptions, type ReceiverSettings, resolveOptions, type TakeResult } from './receiver-options.ts'
import { Refusal, tooBusy, unavailable } from './receiver-refusal.ts'
import { reply } from './receiver-reply.ts'
import { formatOf, screen, type Screened } from './receiver-screen.ts'
import { DecodeQueue } from './receiver-decode.ts'
import { ReceiverServer } from './receiver-server.ts'
import { beginTake, within } from './receiver-take.ts'

/** What a request costs beside its body; it bounds the number of those that are open at a time. */
const requestBytes = 4096
/** What a receiver did since it was made. All but `inFlightBytes` only grow. */
export interface ReceiverTotals {
  /** Requests whose head arrived, also refused ones. */
  readonly requests: number
  /** Spans that `take` was given and did not reject. */
  readonly spans: number
  /** Spans that were malformed, too many in one request, or rejected by `take`. */
  readonly rejectedSpans: number
  /** Attributes, events, links and elements beyond a limit. */
  readonly dropped: number
  /** Texts that were cut to the limit. */
  readonly truncated: number
  /** Bytes of bodies, inflated. */
  readonly bytes: number
  /** Answers by status, among them those to bytes that were no request. */
  readonly answers: Readonly<Record<number, number>>
  /** Requests whose sender left before it could be answered. */
  readonly abandoned: number
  /** Connections closed because there were `maxConnections` already. */
  readonly surplusConnections: number
  readonly inFlightBytes: number
}

/**
 * A receiver of traces on its own port; it does not listen before `start`. Metrics and logs are answered 404 with advice: an SDK
 * does not repeat those, and must not believe that they were kept. Throws `SG_BAD_OPTIONS`.
 *
 * @example
 * const receiver = createReceiver({ take: (spans) => store.add(spans) })
 * await receiver.start()
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  return new Receiver(resolveOptions(options))
}

/** See `createReceiver`. */
export class Receiver {
  readonly #settings: ReceiverSettings
  readonly #server: ReceiverServer
  readonly #budget: Budget
  readonly #decoding: DecodeQueue
  readonly #answers: Record<number, number> = {}
  readonly #counts = { requests: 0, spans: 0, rejectedSpans: 0, dropped: 0, truncated: 0, bytes: 0, abandoned: 0 }
  #surplusConnections = 0
  #port: number | undefined
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(settings: ReceiverSettings) {
    this.#settings = settings
    this.#budget = new Budget(settings.maxInFlightBytes)
    this.#decoding = new DecodeQueue(settings.limits)
    this.#server = new ReceiverServer({
      maxConnections: settings.maxConnections,
      headersTimeoutMs: settings.headersTimeoutMs,
      onRequest: (request, response, expectsContinue) => void this.#serve(request, response, expectsContinue),
      onMalformed: (status) => this.#count(status),
      onSurplus: () => this.#surplusConnections++,
    })
  }

  /** The server, for instrumentation to leave out: a trace of receiving traces would never end. */
  get server(): Server {
    return this.#server.server
  }

  /** The port it listens on; undefined before `start` resolved and after `stop`. */
  get port(): number | undefined {
    return this.#port
  }

  get totals(): ReceiverTotals {
    return {
      ...this.#counts,
      answers: { ...this.#answers },
      surplusConnections: this.#surplusConnections,
      inFlightBytes: this.#budget.used,
    }
  }

  /** Listens. Rejects with the system's error when the address cannot be had. A receiver starts once. */
  start(): Promise<void> {
    this.#started ??= this.#listen()
    return this.#started
  }

  /** Accepts nothing more, waits for what is under way up to `drainTimeout`, then cuts it off. */
  stop(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async #listen(): Promise<void> {
    if (this.#stopped !== undefined) throw new Error('a receiver that was stopped does not start again')
    this.#port = await this.#server.listen(this.#settings.host, this.#settings.port)
  }

  async #close(): Promise<void> {
    // A start that failed has told its caller.
    await this.#started?.catch(() => undefined)
    this.#port = undefined
    await this.#server.close(this.#settings.drainTimeoutMs)
  }

  async #serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
    this.#counts.requests++
    const { bodyTimeoutMs, maxBodyBytes } = this.#settings
    const format = formatOf(request.headers)
    let answer: Answer
    let awaitsWord = expectsContinue
    try {
      const goOn = (): void => {
        if (expectsContinue) response.writeContinue()
        awaitsWord = false
      }
      const [rejected, message] = await this.#receive(request, goOn)
      answer = taken(format, rejected, message)
    } catch (error) {
      if (error instanceof SenderGone) return void this.#counts.abandoned++
      answer = refused(format, this.#refusalOf(error))
    }
    this.#count(answer.status)
    // Who waits for a word sends nothing now, and a body that was too slow is not waited for again.
    const isOver = awaitsWord || answer.status === 408
    if (isOver || this.#stopped !== undefined) response.setHeader('connection', 'close')
    reply(request, response, answer, { ms: isOver ? 0 : bodyTimeoutMs, bytes: maxBodyBytes })
  }

  /** Spans that were rejected, and why. Throws a Refusal, a DecodeError or a SenderGone. */
  async #receive(request: IncomingMessage, goOn: () => void): Promise<readonly [rejected: number, message: string]> {
    const { servedHosts, maxBodyBytes } = this.#settings
    const screened = screen(request, servedHosts, maxBodyBytes)
    if (this.#stopped !== undefined) throw unavailable('the receiver is being stopped')
    const claim = this.#budget.claim(requestBytes)
    if (claim === undefined) throw tooBusy()
    let taking: Promise<TakeResult | undefined> | undefined
    try {
      goOn()
      const batch = await this.#decode(request, screened, claim)
      this.#counts.dropped += batch.dropped
      this.#counts.truncated += batch.truncated
      if (batch.spans.length > 0) taking = beginTake(this.#settings.take, batch.spans)
      const result = taking === undefined ? undefined : await this.#taken(taking)
      return this.#record(batch, result)
    } finally {
      // What is not taken in time is still in memory until it is: a taker that hangs must fill up the budget.
      if (taking === undefined) claim.release()
      else void taking.then(claim.release, claim.release)
    }
  }

  #record(batch: IngestBatch, result: TakeResult | undefined): readonly [rejected: number, message: string] {
    // A taker in JavaScript may answer anything, such as the length of the array it pushed to.
    const unwanted = Math.min(Math.max(0, Math.trunc(Number(result?.rejected) || 0)), batch.spans.length)
    const rejected = batch.rejected + unwanted
    this.#counts.spans += batch.spans.length - unwanted
    this.#counts.rejectedSpans += rejected
    return [rejected, [batch.message, result?.message ?? ''].filter((text) => text !== '').join('; ')]
  }

  async #decode(request: IncomingMessage, { format, gzip }: Screened, claim: Claim): Promise<IngestBatch> {
    const { maxBodyBytes, maxInflatedBytes, bodyTimeoutMs } = this.#settings
    const body = await readBody(request, { gzip, maxBodyBytes, maxInflatedBytes, timeoutMs: bodyTimeoutMs, claim })
    this.#counts.bytes += body.length
    return await this.#decoding.decode(body, format)
  }

  /** What `take` answered. A throw, or no answer in time, becomes a 503: the sender keeps its spans and comes again. */
  async #taken(taking: Promise<TakeResult | undefined>): Promise<TakeResult | undefined> {
    try {
      return await within(taking, this.#settings.takeTimeoutMs)
    } catch (error) {
      this.#tell(error)
      throw unavailable('the spans could not be taken now')
    }
  }

  #refusalOf(error: unknown): Refusal {
    if (error instanceof Refusal) return error
    if (error instanceof DecodeError) return new Refusal(400, error.message, {}, error.field)
    this.#tell(error)
    return new Refusal(500, 'the receiver failed')
  }

  #tell(error: unknown): void {
    try {
      this.#settings.onError(error)
    } catch {
      // A listener that throws must not leave a sender without its answer; the answer is counted either way.
    }
  }

  #count(status: number): void {
    this.#answers[status] = (this.#answers[status] ?? 0) + 1
  }
}
