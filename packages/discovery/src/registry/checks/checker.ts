// Looks at instances at their intervals: one heap of times and no timer per instance, a bounded number of looks at once, and
// phases spread by chance, so that a thousand checks are not made together. Invariant: an instance is looked at by one probe
// at a time; a result is told with the registration that it is of; after `close` nothing is told and nothing is open.
import type { Clock, Random } from '@switchgear/core'
import { quietly } from '@switchgear/core/observe'
import { Deadlines } from '../deadlines.ts'
import { brief, type Probe, type Target } from './probe.ts'

/** What a checker needs. */
export interface CheckerParts {
  readonly clock: Clock
  readonly random: Random
  readonly probe: Probe
  /** Looks at once. */
  readonly maxConcurrent: number
  /** Hears of each result. Must not throw. */
  readonly told: (key: string, life: string, passed: boolean, reason: string | undefined) => void
}

interface Subject {
  readonly target: Target
  /** Of which registration. */
  readonly life: string
  looking: AbortController | undefined
}

/** The first look comes within so long: a new instance waits for it. */
const firstWithinMs = 1000
/** Share of the interval by which looks are spread. */
const spread = 0.1

/** See the head of this file. */
export class Checker {
  readonly #parts: CheckerParts
  readonly #subjects: Map<string, Subject> = new Map()
  readonly #deadlines: Deadlines = new Deadlines()
  readonly #looks: Set<Promise<void>> = new Set()
  #passed = 0
  #failed = 0
  #closed = false

  constructor(parts: CheckerParts) {
    this.#parts = parts
  }

  /** Instances under check, looks under way, and results so far. */
  get counts(): {
    readonly instances: number
    readonly looking: number
    readonly passed: number
    readonly failed: number
  } {
    return { instances: this.#subjects.size, looking: this.#looks.size, passed: this.#passed, failed: this.#failed }
  }

  /** When the next look is due. */
  get nextDueAt(): number | undefined {
    return this.#looks.size < this.#parts.maxConcurrent ? this.#deadlines.next : undefined
  }

  /** Looks at an instance from now on, in place of what was known under its key. The same registration changes nothing. */
  watch(key: string, life: string, target: Target): void {
    if (this.#closed || this.#subjects.get(key)?.life === life) return
    this.unwatch(key)
    this.#subjects.set(key, { target, life, looking: undefined })
    const { clock, random } = this.#parts
    this.#deadlines.set(key, clock.now() + random() * Math.min(firstWithinMs, target.facts.intervalMs))
  }

  /** Looks no longer. */
  unwatch(key: string): void {
    const subject = this.#subjects.get(key)
    this.#subjects.delete(key)
    this.#deadlines.delete(key)
    subject?.looking?.abort()
  }

  /** Begins what is due, as far as there is room; what is left is begun when a look ends. */
  run(): void {
    const { clock, maxConcurrent } = this.#parts
    const now = clock.now()
    while (!this.#closed && this.#looks.size < maxConcurrent) {
      const key = this.#deadlines.take(now)
      if (key === undefined) return
      const subject = this.#subjects.get(key)
      if (subject === undefined) continue
      const look = this.#look(key, subject, now).finally(() => {
        this.#looks.delete(look)
        this.run()
      })
      this.#looks.add(look)
    }
  }

  /** Ends every look, and resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#closed = true
    for (const key of this.#subjects.keys()) this.unwatch(key)
    await Promise.all(this.#looks)
  }

  /** Never rejects. */
  async #look(key: string, subject: Subject, now: number): Promise<void> {
    const { clock, random, probe, told } = this.#parts
    const { facts } = subject.target
    const abort = new AbortController()
    subject.looking = abort
    const late = `no answer within ${facts.timeoutMs} ms`
    const timer = clock.setTimer(() => abort.abort(new Error(late)), facts.timeoutMs)
    timer.hold?.(false)
    let reason: string | undefined
    try {
      reason = await quietly(() => probe(subject.target, abort.signal))
    } catch (error) {
      reason = abort.signal.aborted ? late : brief(error)
    }
    timer.cancel()
    subject.looking = undefined
    if (this.#subjects.get(key) !== subject) return
    if (reason === undefined) this.#passed++
    else this.#failed++
    this.#deadlines.set(key, now + facts.intervalMs * (1 - spread + 2 * spread * random()))
    told(key, subject.life, reason === undefined, reason === undefined ? undefined : `${facts.kind}: ${reason}`)
  }
}
