// The circuit breaker that every blog post about resilience shows, as the reference of what people write by hand.
// It is kept as plain as they keep it: no generations, no probe limit, no window. Do not improve it.

/** Consecutive failures open it; after `resetMs` the next call decides. */
export class ClassicBreaker {
  state: 'CLOSED' | 'OPEN' | 'HALF_OPEN' = 'CLOSED'
  failures = 0
  openedAt = 0
  readonly threshold: number
  readonly resetMs: number

  constructor({ threshold = 5, resetMs = 30_000 }: { threshold?: number; resetMs?: number } = {}) {
    this.threshold = threshold
    this.resetMs = resetMs
  }

  async execute<T>(fn: () => Promise<T>): Promise<T> {
    if (this.state === 'OPEN') {
      if (Date.now() - this.openedAt < this.resetMs) throw new Error('Circuit breaker is open')
      this.state = 'HALF_OPEN'
    }
    try {
      const result = await fn()
      this.onSuccess()
      return result
    } catch (error) {
      this.onFailure()
      throw error
    }
  }

  private onSuccess(): void {
    this.failures = 0
    this.state = 'CLOSED'
  }

  private onFailure(): void {
    this.failures++
    if (this.state === 'HALF_OPEN' || this.failures >= this.threshold) {
      this.state = 'OPEN'
      this.openedAt = Date.now()
    }
  }
}
