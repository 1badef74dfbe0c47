// What a transport has done, in numbers, and its last problem. Invariant: every item that was offered is counted once, as
// exported or under one reason; what is still queued is neither. Problems are told at most once a minute for each kind.
import type { Clock } from '@switchgear/core'

/** Why something was not delivered. */
export type DropReason =
  /** The queue had no room. */
  | 'queueFull'
  /** It could not be encoded, or was larger than a request may be. */
  | 'tooLarge'
  | 'unencodable'
  /** The collector said no for good. */
  | 'refused'
  /** The collector took the request but not all of it. */
  | 'rejected'
  /** All attempts failed. */
  | 'gaveUp'
  /** It came after `close`, or was still there when the time for closing was over. */
  | 'closed'

/** What can be told: a drop, or something odd that dropped nothing. */
export type ProblemKind = DropReason | 'retrying' | 'answer'

/** Totals since the start, in spans or points of metrics where nothing else is said. */
export interface OtlpTotals {
  readonly exported: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Waiting or being sent now. */
  readonly queued: number
  readonly queuedBytes: number
  /** HTTP requests, the repeated ones among them. */
  readonly requests: number
  readonly retries: number
  /** Bytes of all requests' bodies as they were sent. */
  readonly bytes: number
  /** `atMs` is milliseconds since the epoch. */
  readonly lastProblem: { readonly kind: ProblemKind; readonly message: string; readonly atMs: number } | undefined
}

const tellEveryMs = 60_000

/** The counters behind `OtlpTotals`. */
export class TransportTotals {
  exported = 0
  queued = 0
  queuedBytes = 0
  requests = 0
  retries = 0
  bytes = 0
  readonly dropped: Record<DropReason, number> = {
    queueFull: 0,
    tooLarge: 0,
    unencodable: 0,
    refused: 0,
    rejected: 0,
    gaveUp: 0,
    closed: 0,
  }
  #lastProblem: OtlpTotals['lastProblem']
  readonly #toldAt = new Map<ProblemKind, number>()
  readonly #clock: Clock
  readonly #onProblem: ((message: string) => void) | undefined

  constructor(clock: Clock, onProblem: ((message: string) => void) | undefined) {
    this.#clock = clock
    this.#onProblem = onProblem
  }

  /** Counts what is lost and tells why. */
  drop(reason: DropReason, count: number, message: string): void {
    this.dropped[reason] += count
    // What is left at the end is dropped for what went wrong before, and that is what somebody wants to know.
    const before = reason === 'closed' ? this.#lastProblem : undefined
    const isNews = before === undefined || before.kind === 'closed'
    this.problem(reason, isNews ? message : `${message}; before that: ${before.message}`)
  }

  /** Keeps the last problem, and tells it unless this kind was told within the last minute. */
  problem(kind: ProblemKind, message: string): void {
    this.#lastProblem = { kind, message, atMs: this.#clock.wallNow() }
    const now = this.#clock.now()
    if (now - (this.#toldAt.get(kind) ?? -Infinity) < tellEveryMs) return
    this.#toldAt.set(kind, now)
    try {
      this.#onProblem?.(message)
    } catch {
      // A listener that throws must not end the export; the problem stands in the totals.
    }
  }

  /** A copy as of now. */
  snapshot(): OtlpTotals {
    const { exported, dropped, queued, queuedBytes, requests, retries, bytes } = this
    const lastProblem = this.#lastProblem
    return { exported, dropped: { ...dropped }, queued, queuedBytes, requests, retries, bytes, lastProblem }
  }
}
