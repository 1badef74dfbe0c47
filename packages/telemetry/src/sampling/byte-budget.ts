// How many bytes of traces may be kept: a token bucket in bytes. Invariant: in any span of t seconds at most
// `burst + overdraft + bytesPerSecond * t` bytes are granted, plus one trace that is larger than the whole burst.

/** A token bucket in bytes, filled continuously; it starts full. */
export class ByteBudget {
  readonly #bytesPerMs: number
  readonly #burst: number
  readonly #overdraft: number
  #balance: number
  #atMs: number

  /** `burst` is what it holds when full, `overdraft` how far those who may can take it below zero. */
  constructor(bytesPerSecond: number, burst: number, overdraft: number, nowMs: number) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#burst = burst
    this.#overdraft = overdraft
    this.#balance = burst
    this.#atMs = nowMs
  }

  /** Bytes that are left at `nowMs`; negative after an overdraft. */
  balance(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#atMs)
    this.#atMs = Math.max(nowMs, this.#atMs)
    return (this.#balance = Math.min(this.#burst, this.#balance + elapsedMs * this.#bytesPerMs))
  }

  /**
   * Takes `bytes` if they are there; `mayOverdraw` lends the overdraft. A full bucket grants any size and pays it off
   * afterwards.
   */
  take(bytes: number, nowMs: number, mayOverdraw: boolean): boolean {
    const balance = this.balance(nowMs)
    const least = mayOverdraw ? -this.#overdraft : 0
    if (balance - bytes < least && balance < this.#burst) return false
    this.#balance = balance - bytes
    return true
  }
}
