// One watch of one service: asks, tells what changed, waits for as long as the answer holds, asks again. Invariant: between two
// rounds there is exactly one timer; after `close` there is none, and nothing is told any more. What a round does is `Lookup`'s.
import { setMaxListeners } from 'node:events'
import type { Timer } from '@switchgear/core'
import type { Watcher, Watching } from '../resolver.ts'
import type { Answer, Lookup } from './lookup.ts'
import type { CompleteOptions } from './options.ts'

/** Share of a TTL that chance adds: watches that were answered together must not ask together for ever. Never less than the TTL,
 * because a cache in between would just give the same answer again. */
const spread = 0.1

export class Watch implements Watching {
  readonly #lookup: Lookup
  readonly #watcher: Watcher
  readonly #options: CompleteOptions
  readonly #end = new AbortController()
  #timer: Timer | undefined
  /** What was told last, as a text; undefined when the next answer is told in any case. */
  #told: string | undefined
  #failures = 0
  /** The last thing that went wrong beside an answer, so that it is told once and not in each round. */
  #problem: string | undefined
  #underway: Promise<void>

  constructor(lookup: Lookup, watcher: Watcher, options: CompleteOptions) {
    this.#lookup = lookup
    this.#watcher = watcher
    this.#options = options
    // Each question of a round listens to it, and there may be a thousand.
    setMaxListeners(0, this.#end.signal)
    this.#underway = this.#round()
  }

  /** Settles when the last round is over. Never rejects. */
  get ended(): Promise<void> {
    return this.#underway
  }

  close(): void {
    this.#timer?.cancel()
    this.#end.abort()
  }

  async #round(): Promise<void> {
    const { signal } = this.#end
    // A turn later, so that nothing is told before `watch` has answered.
    await undefined
    let answer: Answer | undefined
    let failure: unknown
    try {
      answer = await this.#lookup.round(signal)
    } catch (error) {
      failure = error
    }
    if (signal.aborted) return
    this.#failures = answer === undefined ? this.#failures + 1 : 0
    // Set before anybody is told: whoever closes the watch while it is told something finds the timer.
    this.#timer = this.#options.clock.setTimer(
      () => {
        this.#underway = this.#round()
      },
      answer === undefined ? this.#backoffMs() : this.#holdsMs(answer),
    )
    this.#timer.hold?.(false)
    this.#told = answer === undefined ? this.#fail(failure) : this.#tell(answer)
  }

  #tell({ endpoints, isWhole, problems }: Answer): string {
    const told = JSON.stringify([isWhole, endpoints])
    if (told !== this.#told) this.#guarded(() => this.#watcher.found({ endpoints, complete: isWhole }))
    const [problem] = problems
    if (problem !== undefined && problem.message !== this.#problem) this.#options.onProblem(problem)
    this.#problem = problem?.message
    return told
  }

  #fail(failure: unknown): undefined {
    const error = failure instanceof Error ? failure : new Error(`dns: ${String(failure)}`)
    this.#guarded(() => this.#watcher.failed(error))
  }

  /** A watcher must not throw. One that does keeps its watch all the same. */
  #guarded(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#options.onProblem(error as Error)
    }
  }

  #holdsMs({ endpoints, isWhole, ttlMs }: Answer): number {
    const { minTtlMs, maxTtlMs, maxNegativeTtlMs, maxBackoffMs, random } = this.#options
    const most = endpoints.length === 0 ? maxNegativeTtlMs : maxTtlMs
    // What is not whole is worth asking for soon, however long the rest of it holds.
    const longest = isWhole ? most : Math.max(minTtlMs, Math.min(most, maxBackoffMs))
    return Math.min(Math.max(ttlMs, minTtlMs), longest) * (1 + spread * random())
  }

  #backoffMs(): number {
    const { backoffMs, maxBackoffMs, random } = this.#options
    return Math.min(maxBackoffMs, backoffMs * 2 ** (this.#failures - 1)) * (1 - random() / 2)
  }
}
