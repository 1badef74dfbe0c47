// Calls at a steady rate, and what became of them. It is paced and bounded: on a machine that stands still for a moment, calls are
// left out and not made up for, because a burst would meet the bulkhead and say nothing about what a scenario asks.
import type { TestContext } from 'node:test'

/** How to call, and how often. */
export interface LoadOptions {
  readonly perSecond: number
  /** Makes call `number`; an answer that is not 2xx counts as a failure, and so does what it throws. */
  readonly call: (number: number) => Promise<Response>
  /** Calls under way at most: two loads together stay below the bulkhead of a service. Default 40. */
  readonly maxInFlight?: number | undefined
}

const tickMs = 10

/** Runs from its construction until `stop`, at the latest to the end of the test. */
export class Load {
  calls = 0
  succeeded = 0
  /** By what went wrong: a code, or a status. */
  readonly failures = new Map<string, number>()
  /** The first few, whole. */
  readonly errors: unknown[] = []
  /** Bodies of answers, counted. */
  readonly answers = new Map<string, number>()
  slowestMs = 0
  readonly #options: LoadOptions
  readonly #timer: NodeJS.Timeout
  readonly #idle: (() => void)[] = []
  #inFlight = 0
  #owed = 0
  #at = performance.now()

  constructor(t: Pick<TestContext, 'after'>, options: LoadOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tick(), tickMs)
    t.after(() => clearInterval(this.#timer))
  }

  get failed(): number {
    return this.calls - this.succeeded - this.#inFlight
  }

  /** Makes no further calls, and resolves when all have ended. */
  async stop(): Promise<this> {
    clearInterval(this.#timer)
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    return this
  }

  #tick(): void {
    const now = performance.now()
    const { perSecond, maxInFlight = 40 } = this.#options
    const perTick = (perSecond * tickMs) / 1000
    this.#owed = Math.min(this.#owed + (perSecond * (now - this.#at)) / 1000, perTick * 3 + 1)
    this.#at = now
    for (; this.#owed >= 1; this.#owed--) if (this.#inFlight < maxInFlight) void this.#call(++this.calls)
  }

  async #call(number: number): Promise<void> {
    this.#inFlight++
    const began = performance.now()
    try {
      const response = await this.#options.call(number)
      const text = await response.text()
      if (response.ok) {
        this.succeeded++
        this.answers.set(text, (this.answers.get(text) ?? 0) + 1)
      } else this.#failed(String(response.status), text)
    } catch (error) {
      this.#failed((error as { code?: string }).code ?? String(error), error)
    } finally {
      this.slowestMs = Math.max(this.slowestMs, performance.now() - began)
      if (--this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  #failed(what: string, error: unknown): void {
    this.failures.set(what, (this.failures.get(what) ?? 0) + 1)
    if (this.errors.length < 5) this.errors.push(error)
  }
}
