// A bound on retries as a share of the calls, so that retries cannot become the outage. After Finagle's RetryBudget: each
// call deposits `ratio` of a retry, each retry withdraws one, deposits are worth something for ten seconds, and
// `minPerSecond` keeps a quiet client able to retry. A deposit reads no clock: it is counted, and aged at the withdrawal.
import { checkKeys, checkRange } from './options.ts'

/** What retry and hedge ask. Give the same one to several pipelines and they share it. */
export interface RetryBudget {
  /** A call begins. */
  deposit(): void
  /** Whether one more attempt may be made at `now` (monotonic ms); if so it is taken from the budget. */
  tryWithdraw(now: number): boolean
  /** Retries that could be made at `now`. */
  balance(now: number): number
  /** Takes over a balance that was read `elapsedMs` ago, before a restart. */
  restore?(balance: number, elapsedMs: number, now: number): void
}

/** Options of `retryBudget`. */
export interface RetryBudgetOptions {
  /** Retries per call, in the long run. Default 0.2. */
  readonly ratio?: number | undefined
  /** Retries a second that are always allowed. Default 3. */
  readonly minPerSecond?: number | undefined
}

const defaults = Object.freeze({ ratio: 0.2, minPerSecond: 3 })

/** How long a deposit is worth something, in milliseconds. */
const lifeMs = 10_000

/**
 * A budget that allows `ratio` retries per call and `minPerSecond` beside.
 *
 * @example
 * const shared = retryBudget({ ratio: 0.1 })
 * const orders = pipeline(retry({ budget: shared }))
 * const payments = pipeline(retry({ budget: shared }))
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  checkKeys(options, defaults, 'retryBudget')
  const ratio = options.ratio ?? defaults.ratio
  const minPerSecond = options.minPerSecond ?? defaults.minPerSecond
  checkRange(ratio, 'retryBudget.ratio', 0, 1000)
  checkRange(minPerSecond, 'retryBudget.minPerSecond', 0, 1_000_000)
  return new AgingBudget(ratio, minPerSecond)
}

class AgingBudget implements RetryBudget {
  readonly #ratio: number
  readonly #perMs: number
  /** What is left of earlier deposits. Starts with a full reserve, else the first failure of a process could not be retried. */
  #tokens: number
  #deposits = 0
  #agedAt: number | undefined = undefined

  constructor(ratio: number, minPerSecond: number) {
    this.#ratio = ratio
    this.#perMs = minPerSecond / 1000
    this.#tokens = this.#perMs * lifeMs
  }

  deposit(): void {
    this.#deposits++
  }

  tryWithdraw(now: number): boolean {
    this.#age(now)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  balance(now: number): number {
    this.#age(now)
    return Math.floor(this.#tokens)
  }

  restore(balance: number, elapsedMs: number, now: number): void {
    this.#tokens = balance
    this.#deposits = 0
    this.#agedAt = now - elapsedMs
    this.#age(now)
  }

  /** Old tokens fade over their life; of the deposits since the last look only the share of the last ten seconds counts. */
  #age(now: number): void {
    const elapsed = this.#agedAt === undefined ? 0 : now - this.#agedAt
    const kept = Math.max(0, 1 - elapsed / lifeMs)
    const recent = elapsed > lifeMs ? lifeMs / elapsed : 1
    const reserve = this.#perMs * Math.min(elapsed, lifeMs)
    this.#tokens = this.#tokens * kept + reserve + this.#ratio * this.#deposits * recent
    this.#deposits = 0
    this.#agedAt = now
  }
}
