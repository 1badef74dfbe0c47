// Which requests get a line in the access log. Failed and slow ones do, and a share of the healthy ones; either kind has a bound
// per second of its own, so that healthy traffic cannot take the place of what went wrong. Invariant: writing never throws,
// and every request is counted in exactly one of the totals.
import { type Clock, type Duration, parseDuration, systemClock } from '@switchgear/core'
import { check, checkCount, checkFunction, checkKeys, checkShare } from '@switchgear/core/options'
import { rootContext, runIn } from '../trace/context.ts'
import { type AccessFacts, accessRecord, type AccessRecord, errorTypeOf } from './access-record.ts'
import { RateBound } from './rate-bound.ts'
import { Redaction } from './redaction.ts'
import { TraceShare } from './trace-share.ts'

/** How much a line matters: 'error' for statuses of 500 and more, 'warn' for what else failed or was slow, else 'info'. */
export type AccessLevel = 'info' | 'warn' | 'error'

/** Where an access log goes to and what stands in it. */
export interface AccessLogOptions {
  /** Takes one line. What it throws, and a promise that it rejects, is counted. */
  readonly log: (record: AccessRecord, level: AccessLevel) => unknown
  /** Requests that took this long or longer are always logged; `false` for none. Default '1s'. */
  readonly slow?: Duration | false | undefined
  /** Share of the healthy requests that is logged, 0 to 1: the same traces in every service. Default 1. */
  readonly healthyRatio?: number | undefined
  /** Lines of healthy requests in a second. Default 200. */
  readonly maxHealthyPerSecond?: number | undefined
  /** Lines of failed and slow requests in a second. Default 1000. */
  readonly maxNotablePerSecond?: number | undefined
  /** Default: one with the default options, that keeps 2048 characters of a text. */
  readonly redaction?: Redaction | undefined
  /** Default `systemClock`. */
  readonly clock?: Clock | undefined
}

/** What became of the requests. Monotone. */
export interface AccessLogTotals {
  readonly written: number
  /** Healthy ones outside of the share. */
  readonly sampledOut: number
  /** Over a bound per second. */
  readonly suppressed: number
  /** The destination did not take them. */
  readonly failed: number
}

const known: readonly string[] = Object.freeze([
  'log',
  'slow',
  'healthyRatio',
  'maxHealthyPerSecond',
  'maxNotablePerSecond',
  'redaction',
  'clock',
])

/**
 * An access log.
 *
 * @example
 * const accessLog = new AccessLog({ log: (record, level) => logger[level](record, 'request'), healthyRatio: 0.01 })
 * const stop = logRequests(server, accessLog)
 */
export class AccessLog {
  readonly clock: Clock
  readonly #log: AccessLogOptions['log']
  readonly #slowMs: number
  readonly #share: TraceShare
  readonly #healthy: RateBound
  readonly #notable: RateBound
  readonly #redaction: Redaction
  #written = 0
  #sampledOut = 0
  #suppressed = 0
  #failed = 0
  /** Of `suppressed`, what a line has told. */
  #told = 0

  /** Throws an OptionsError. */
  constructor(options: AccessLogOptions) {
    checkKeys(options, known, 'accessLog')
    const { log, slow = '1s', healthyRatio = 1, maxHealthyPerSecond = 200, maxNotablePerSecond = 1000 } = options
    const { redaction = new Redaction({ maxTextLength: 2048 }), clock = systemClock } = options
    checkFunction(log, 'accessLog.log')
    check(redaction instanceof Redaction, 'accessLog.redaction', 'a Redaction', redaction)
    this.#log = log
    this.#slowMs = slow === false ? Infinity : parseDuration(slow, 'accessLog.slow')
    this.#share = new TraceShare(checkShare(healthyRatio, 'accessLog.healthyRatio'))
    this.#healthy = new RateBound(checkCount(maxHealthyPerSecond, 'accessLog.maxHealthyPerSecond', 1))
    this.#notable = new RateBound(checkCount(maxNotablePerSecond, 'accessLog.maxNotablePerSecond', 1))
    this.#redaction = redaction
    this.clock = clock
  }

  get totals(): AccessLogTotals {
    return {
      written: this.#written,
      sampledOut: this.#sampledOut,
      suppressed: this.#suppressed,
      failed: this.#failed,
    }
  }

  /** Takes a request that is over. True when a line was given to the destination. */
  write(facts: AccessFacts): boolean {
    const failed = errorTypeOf(facts) !== undefined
    const notable = failed || facts.durationMs >= this.#slowMs
    if (!notable && !this.#share.has(facts.traceId)) {
      this.#sampledOut++
      return false
    }
    if (!(notable ? this.#notable : this.#healthy).take(this.clock.now())) {
      this.#suppressed++
      return false
    }
    return this.#write(facts, notable ? (isServerError(facts) ? 'error' : 'warn') : 'info')
  }

  #write(facts: AccessFacts, level: AccessLevel): boolean {
    const suppressed = this.#suppressed
    try {
      const record = accessRecord(facts, this.#redaction)
      if (suppressed > this.#told) record['suppressed'] = suppressed - this.#told
      // Outside of every span: the trace is that of the request, whoever's turn it is in which a connection closed.
      const answer = runIn(rootContext, () => this.#log(record, level))
      this.#told = suppressed
      if (answer instanceof Promise) answer.then(this.#wrote, this.#lost)
      else this.#wrote()
      return true
    } catch {
      // The access log is the place where errors are told; that it has one is told by its totals.
      this.#lost()
      return false
    }
  }

  readonly #wrote = (): void => {
    this.#written++
  }

  readonly #lost = (): void => {
    this.#failed++
  }
}

function isServerError({ status }: AccessFacts): boolean {
  return status !== undefined && status >= 500
}
