// What a simulation answers: plain data, the same for the same seed, ready for JSON. Times are virtual milliseconds since the
// start; a rate is per second; a share is in [0, 1]. Only `cost` says anything about the machine that played it.
import type { CircuitState } from '@switchgear/core'

/** One played scenario. */
export interface SimulationResult {
  readonly version: 1
  /** How the configuration is called: a file's name, a library. */
  readonly label: string
  readonly scenario: string
  readonly title: string
  readonly seed: number
  readonly durationMs: number
  /** When something was wrong, merged; what is measured "during the outage" is measured here. */
  readonly outages: readonly { readonly fromMs: number; readonly toMs: number; readonly what: string }[]
  /** As users see it. */
  readonly totals: Totals
  /** As users see it, over time. */
  readonly series: Series
  /** By service, in the order of the model. */
  readonly services: readonly ServiceResult[]
  /** By called service that has a circuit breaker. */
  readonly breakers: readonly BreakerResult[]
  readonly cost: { readonly realMs: number; readonly events: number; readonly heapBytes: number }
}

/**
 * Answers in all, and what they cost. A request belongs to the moment at which its user sent it: those sent in an outage are
 * those "during" it, whenever they are answered. In the three shares a request without an answer at the end counts as not
 * good, unless it was sent in the last second: that one is left out.
 */
export interface Totals {
  /** Requests that users sent, those that they sent again included. */
  readonly offered: number
  /** Answered well, by a service or a fallback. */
  readonly good: number
  /** Answered with an error, or abandoned by an impatient user. What is neither good nor failed has no answer at the end. */
  readonly failed: number
  /**
   * Of the failed: those whose failed call ended in a refusal: by a policy (it sent nothing, or its error says so), by a full
   * queue, or by a dead instance. A refusal further down is handed up.
   */
  readonly refused: number
  /** Good answers by offered requests: all of the time, during the outages, and after the last one. Undefined without any. */
  readonly goodShare: number
  readonly goodShareDuring: number | undefined
  readonly goodShareAfter: number | undefined
  /**
   * Latencies of all answers, good and bad, in ms; undefined when there was none. An abandoned request took as long as its
   * user was patient. Percentiles are within 1.5 %, the largest is exact.
   */
  readonly latency: Percentiles
  /** The same of the requests that were sent during the outages. */
  readonly latencyDuring: Percentiles
  /** Requests of users that waited for an answer at one moment, at most. */
  readonly maxInFlight: number
  /**
   * Requests that arrived at instances, without those straight from users, by those that should have: what users sent (not
   * counting what they sent again) times the calls that one request leads to when nothing is refused or repeated. 1 without
   * retries and refusals, 27 behind three hops of three attempts. 1 where nothing is called.
   */
  readonly amplification: number
  /** The same by what arrived, and what users sent, while something was wrong; undefined without an outage. */
  readonly amplificationDuring: number | undefined
  /**
   * Milliseconds of work whose result nobody received, by milliseconds of work of all services. An answer is received when the
   * guarded call that asked for it ends with it, or when its user still waits. Unreceived with it is the work behind the
   * answers that it was made of.
   */
  readonly wastedShare: number
  /**
   * How long callers went on sending to what was broken: from the start of the first fault to the first 50 ms of a stretch of
   * calls of whom at most a tenth of the usual share was sent to a broken instance. The usual share is that of the broken
   * instances among all of their services, 1 when all of them are; the stretch is as short as it can be with 5 calls that would
   * have met one. A call that was not sent at all (refused, or answered by a fallback or a cache) counts as not waiting if it
   * ended within 20 ms. Only calls that began in the first outage count. Undefined if that never happened, or nothing was
   * broken. It looks at no policy, so it is the same for every library; a caller without any never stops sending.
   */
  readonly timeToDetectMs: number | undefined
  /**
   * From the end of the last outage to the first 250 ms in which, and in the 3 s that begin with which (or to the end), the
   * share of good answers is at least 95 % of what it was before the first outage (of 1 where nothing was before). Requests
   * count where they were sent. Undefined if that never happens, or without an outage.
   */
  readonly timeToRecoverMs: number | undefined
}

/** Of a set of latencies, in milliseconds, within 1.5 %. */
export interface Percentiles {
  readonly p50: number | undefined
  readonly p90: number | undefined
  readonly p99: number | undefined
  readonly max: number | undefined
}

/** Equally long steps from the start; all lists have the same length. Counts are those of the step. */
export interface Series {
  readonly stepMs: number
  readonly offered: readonly number[]
  readonly good: readonly number[]
  readonly failed: readonly number[]
  readonly refused: readonly number[]
  /** At the end of the step. */
  readonly inFlight: readonly number[]
  /** Of the answers of the step, in ms; null when there was none. */
  readonly p50: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
}

/** What one service did. */
export interface ServiceResult {
  readonly name: string
  /** Requests that arrived, of those refused because its queue was full or it was dead, and failed by its own fault. */
  readonly received: number
  readonly refused: number
  readonly failed: number
  /** Requests that were worked on and whose answer nobody received. */
  readonly wasted: number
  /** Milliseconds of own work that was done, all and that of the wasted requests. */
  readonly workMs: number
  readonly wastedMs: number
  readonly maxInFlight: number
  /** Requests that it has, worked on and waiting, at the end of each step; one that a hanging instance swallowed is gone. */
  readonly inFlight: readonly number[]
  /** Requests that arrived in each step. */
  readonly arrivals: readonly number[]
}

/** The circuit breakers of all callers of one service. */
export interface BreakerResult {
  /** The service that is called. */
  readonly to: string
  readonly breakers: number
  /** Changes of state that were seen, of all of them. */
  readonly transitions: number
  /** Share of them that is open or isolated, and half-open, at the end of each step of the series. */
  readonly open: readonly number[]
  readonly halfOpen: readonly number[]
  /** Of the first caller's breaker: when it changed, and to what. At most 1000. */
  readonly first: readonly { readonly atMs: number; readonly state: CircuitState }[]
}
