// A server of Node that protects itself: it honours the deadlines of its callers, sheds load, says whether it is ready, and drains.
// It stands before whatever handles requests (node:http, express, fastify, ...), which does not know of it. Invariant: a request
// is either handed on once or answered here; after `release` the server is as it was.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { SwitchgearError } from '@switchgear/core'
import { checkMethods } from '@switchgear/core/options'
import { activeContext, currentTelemetry, runIn } from '@switchgear/telemetry'
import { grpcTimeoutHeader, parseGrpcTimeout } from '../deadline/grpc-timeout.ts'
import { parseRequestDeadline, requestDeadlineHeader } from '../deadline/request-deadline.ts'
import { Drain } from './drain.ts'
import { refuse } from './errors.ts'
import { type ProtectOptions, type Protecting, protecting } from './options.ts'
import { Served } from './served.ts'

/** The protection of one server. */
export interface Protection {
  /** Whether `readyPath` answers 200. */
  readonly ready: boolean
  /** Requests that are being served. */
  readonly inFlight: number
  /**
   * For SIGTERM: not ready any more, accepts for `lameDuck`, then no longer, lets requests finish for `drainTimeout`, cuts what is
   * left, and resolves when the server is closed. The same promise when called again.
   */
  drain(): Promise<void>
  /** Takes the protection back. Requests that are being served keep theirs to their end. */
  release(): void
}

type Emit = (event: string | symbol, ...words: unknown[]) => boolean

/** Events by which a server of node:http hands out a request. */
const arrivals: ReadonlySet<string | symbol> = new Set(['request', 'checkContinue', 'checkExpectation'])
const guarded = new WeakSet<object>()

/**
 * Protects a server of node:http, node:https, or node:http2 with its compatibility API; also one that express or fastify made. Call
 * it before `listen`. Throws `SG_BAD_OPTIONS`, also for a server that is protected already.
 *
 * What a handler starts knows the deadline: calls by a client of ours end with it and tell it on. For everything else there is
 * `requestSignal(request)`.
 *
 * @example
 * const server = createServer(handle)
 * const protection = protect(server, { timeout: '5s' })
 * server.listen(8080)
 * process.once('SIGTERM', () => void protection.drain())
 */
export function protect(server: Server, options: ProtectOptions = {}): Protection {
  checkMethods(server, ['emit', 'close', 'address'], 'protect: server')
  if (guarded.has(server)) throw new SwitchgearError('SG_BAD_OPTIONS', 'protect: this server is protected already')
  return new Entrance(server, protecting(options))
}

class Entrance implements Protection {
  readonly #server: Server
  readonly #settings: Protecting
  readonly #served = new Set<Served>()
  readonly #drain: Drain
  readonly #release: () => void

  constructor(server: Server, settings: Protecting) {
    this.#server = server
    this.#settings = settings
    this.#drain = new Drain(server, settings, this.#served)
    const hide = currentTelemetry()?.show(settings.registry)
    const emit = server.emit as Emit
    // Not a listener beside the others: those would be called all the same. And not in place of them: frameworks add theirs later.
    const guarding: Emit = (event, ...words) => {
      if (!arrivals.has(event)) return emit.call(server, event, ...words)
      const [request, response] = words as [IncomingMessage, ServerResponse]
      this.#arrived(request, response, () => void emit.call(server, event, ...words))
      return true
    }
    server.emit = guarding
    guarded.add(server)
    this.#release = () => {
      hide?.()
      this.#drain.forget()
      guarded.delete(server)
      // Somebody else may have wrapped it meanwhile; then ours stays within, and only hands on.
      if (server.emit === guarding) server.emit = emit
    }
  }

  get ready(): boolean {
    if (this.#drain.begun) return false
    try {
      return this.#settings.ready()
    } catch {
      // Who cannot say whether it is ready is not; the 503 is how its operator hears of it.
      return false
    }
  }

  get inFlight(): number {
    return this.#served.size
  }

  drain(): Promise<void> {
    return this.#drain.run()
  }

  release(): void {
    this.#release()
  }

  #arrived(request: IncomingMessage, response: ServerResponse, handOn: () => void): void {
    if (!guarded.has(this.#server)) return handOn()
    this.#drain.mark(request, response)
    if (this.#answerStatus(request, response)) return
    const { pipeline, clock, timeoutMs } = this.#settings
    const remainingMs = Math.min(remainingOf(request), timeoutMs)
    const now = clock.now()
    const deadline = now + remainingMs
    if (remainingMs <= 0) return refuse(response, 504, lateError(pipeline.name))
    const permit = pipeline.admit({ deadline, priority: this.#priorityOf(request) })
    if (permit.kind === 'rejection') return refuse(response, statusOf(permit.error), permit.error)
    const attempt = permit.attempt()
    if (attempt.kind === 'rejection') {
      permit.exit()
      return refuse(response, statusOf(attempt.error), attempt.error)
    }
    this.#served.add(new Served(request, response, clock, permit, attempt, this.#over))
    if (attempt.deadline === Infinity) return handOn()
    // The ambient deadline is of the host's clock, whatever the clock of the policies is.
    const ambient = performance.now() + (attempt.deadline - now)
    runIn(activeContext().withDeadline(ambient), handOn)
  }

  readonly #over = (served: Served): void => {
    this.#served.delete(served)
    this.#drain.left()
  }

  /** Who looks whether we are well must hear it also, and above all, when we are full. */
  #answerStatus({ method, url }: IncomingMessage, response: ServerResponse): boolean {
    const { healthPath, readyPath } = this.#settings
    if ((method !== 'GET' && method !== 'HEAD') || (url !== healthPath && url !== readyPath)) return false
    const ready = this.ready
    const good = url === healthPath || ready
    response.statusCode = good ? 200 : 503
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.setHeader('cache-control', 'no-store')
    response.end(url === healthPath ? 'ok\n' : ready ? 'ready\n' : 'not ready\n')
    return true
  }

  #priorityOf(request: IncomingMessage): 0 | 1 | 2 | 3 {
    try {
      return this.#settings.priority?.(request) ?? 1
    } catch {
      // Told in the doc comment of the option: a request must not fail because its importance is not known.
      return 1
    }
  }
}

/** What the caller says; Infinity where it says nothing that can be understood. The shorter of two wins. */
function remainingOf({ headers }: IncomingMessage): number {
  return Math.min(
    least(headers[requestDeadlineHeader], parseRequestDeadline),
    least(headers[grpcTimeoutHeader], parseGrpcTimeout),
  )
}

/** Of a header that came more than once, which Node joins, every value counts. */
function least(told: string | string[] | undefined, parse: (text: string) => number | undefined): number {
  if (told === undefined) return Infinity
  const values = String(told).split(',')
  return Math.min(...values.map((text) => parse(text.trim()) ?? Infinity))
}

function statusOf({ code }: SwitchgearError): number {
  if (code === 'SG_DEADLINE_EXCEEDED' || code === 'SG_TIMEOUT') return 504
  return code === 'SG_RATE_LIMITED' ? 429 : 503
}

function lateError(name: string): SwitchgearError {
  const message = `${name}: the caller's deadline had passed when the request came`
  return new SwitchgearError('SG_DEADLINE_EXCEEDED', message, { pipeline: name })
}
