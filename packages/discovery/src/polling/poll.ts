// Asks a source again and again until it is closed: at once after an answer (but not faster than its pace), with growing waits after
// failures. Owns its timer and the signal of the question under way; after `close` there is neither, and nobody is told anything.
// It must not know what is asked: a question is a function, and only its end counts.
import { type Clock, type Random, SwitchgearError } from '@switchgear/core'
import { quietly } from '@switchgear/core/observe'
import { Pace } from './pace.ts'

/**
 * One question. Resolves when it is to be asked again, rejects when it failed; must end when `signal` is aborted. `heard` says
 * that the source is well although the question goes on: the waits after failures begin small again.
 */
export type Question = (signal: AbortSignal, heard: () => void) => Promise<void>

/** How a source is asked; times in milliseconds. */
export interface PollSettings {
  readonly clock: Clock
  readonly random: Random
  /** Questions that may follow each other at once after answers; beyond them there is one per `everyMs`. */
  readonly burst: number
  readonly everyMs: number
  /** The wait after the first failure in a row; it doubles with each further one up to `retryMaxMs`. Chance takes up to half. */
  readonly retryMs: number
  readonly retryMaxMs: number
}

/** The longest that a Retry-After of a source is obeyed: one that is wrong must not silence us for a day. */
const longestRetryAfterMs = 300_000

/**
 * Asks until closed. The first question is never asked within the call that makes it, and timers never keep the process alive.
 *
 * @example
 * const poll = new Poll(async (signal) => learn(await ask(signal)), (error) => watcher.failed(error), settings)
 * poll.close()
 */
export class Poll {
  readonly #ask: Question
  readonly #failed: (error: Error) => void
  readonly #settings: PollSettings
  readonly #pace: Pace
  readonly #ending = new AbortController()
  #failures = 0
  #wake: (() => void) | undefined = undefined

  constructor(ask: Question, failed: (error: Error) => void, settings: PollSettings) {
    this.#ask = ask
    this.#failed = failed
    this.#settings = settings
    this.#pace = new Pace(settings.burst, settings.everyMs)
    // Quiet, so that neither the questions nor what is made of the answers belongs to the trace of whoever began to watch.
    void quietly(() => this.#run())
  }

  /** Aborts the question under way and asks no other. Harmless when called again. */
  close(): void {
    this.#ending.abort()
    this.#wake?.()
  }

  async #run(): Promise<void> {
    await undefined
    while (!this.#ending.signal.aborted) {
      const waitMs = await this.#once()
      if (waitMs > 0 && !this.#ending.signal.aborted) await this.#pause(waitMs)
    }
  }

  /** Asks once and answers how long to wait before the next time. */
  async #once(): Promise<number> {
    const { clock, random, retryMs, retryMaxMs } = this.#settings
    try {
      await this.#ask(this.#ending.signal, this.#heard)
      this.#heard()
      return this.#pace.take(clock.now())
    } catch (error) {
      // What fails after the end fails because of it.
      if (this.#ending.signal.aborted) return 0
      this.#failures++
      this.#failed(error instanceof Error ? error : new Error('it threw something that is no error', { cause: error }))
      const waitMs = Math.min(retryMaxMs, retryMs * 2 ** (this.#failures - 1)) * (1 - random() / 2)
      const told = error instanceof SwitchgearError ? (error.retryAfterMs ?? 0) : 0
      return Math.max(waitMs, Math.min(told, longestRetryAfterMs))
    }
  }

  readonly #heard = (): void => {
    this.#failures = 0
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = undefined
        resolve()
      }
      const timer = this.#settings.clock.setTimer(done, ms)
      timer.hold?.(false)
      this.#wake = () => {
        timer.cancel()
        done()
      }
    })
  }
}

/** The rest of a question to which there is only one answer. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
