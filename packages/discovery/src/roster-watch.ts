// One service under watch: the law of what is held, those who hear of it, and the source that speaks. Invariant: every listener
// hears each new view once and in order, also when another one throws. It owns no timer; the directory looks at `dueAt`.
import type { Clock } from '@switchgear/core'
import type { Endpoint } from './endpoint.ts'
import {
  discoveryError,
  discoveryFull,
  listenerFailed,
  type ProblemListener,
  reasonOf,
  tellProblem,
} from './directory-errors.ts'
import type { Snapshot, Watcher } from './resolver.ts'
import type { Roster, RosterView } from './roster.ts'
import { RosterLaw, type RosterRules } from './roster-law.ts'

/**
 * The roster of one service. It is what a resolver tells its findings to.
 *
 * @example
 * const roster = new WatchedRoster('payments', rules, clock, onProblem, () => arm())
 * resolver.watch('payments', roster)
 */
export class WatchedRoster implements Roster, Watcher {
  readonly service: string
  readonly #law: RosterLaw
  readonly #rules: RosterRules
  readonly #onProblem: ProblemListener
  readonly #onChange: (roster: WatchedRoster) => void
  readonly #listeners = new Set<{ readonly hear: (view: RosterView) => void }>()
  #published: RosterView
  #isPublishing = false
  #isOverfull = false

  /** `onChange` is called after each finding, also when nothing of the view changed by it: `dueAt` may have. */
  constructor(
    service: string,
    rules: RosterRules,
    clock: Clock,
    onProblem: ProblemListener,
    onChange: (roster: WatchedRoster) => void,
  ) {
    this.service = service
    this.#law = new RosterLaw(service, rules, clock)
    this.#rules = rules
    this.#onProblem = onProblem
    this.#onChange = onChange
    this.#published = this.#law.view
  }

  get view(): RosterView {
    return this.#law.view
  }

  /** Monotonic milliseconds at which time changes something next; Infinity if it will not. */
  get dueAt(): number {
    return this.#law.dueAt
  }

  /** Whether somebody would hear of the next view. */
  get isHeard(): boolean {
    return this.#listeners.size > 0
  }

  subscribe(listener: (view: RosterView) => void): () => void {
    // Wrapped, so that one function given twice is heard twice and ended once each.
    const entry = { hear: listener }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  unreachable(id: string): void {
    this.#law.unreachable(id)
    this.publish()
  }

  restore(endpoints: readonly Endpoint[], wallMs: number): void {
    this.#law.restore(endpoints, wallMs)
    this.publish()
  }

  found(snapshot: Snapshot): void {
    const leftOut = this.#law.found(snapshot)
    if (leftOut > 0 && !this.#isOverfull) {
      const { maxEndpoints } = this.#rules
      const message = `${this.service}: the source names more than ${maxEndpoints} endpoints; ${leftOut} are left out`
      tellProblem(this.#onProblem, discoveryError(discoveryFull, message))
    }
    this.#isOverfull = leftOut > 0
    this.publish()
  }

  failed(error: Error): void {
    this.#law.failed(error)
    this.publish()
  }

  /** Tells what has changed since it was last told, also by the passing of time. */
  publish(): void {
    // A listener may make the next change: it is told after everybody has heard this one.
    if (this.#isPublishing) return
    this.#isPublishing = true
    for (let view = this.#law.view; view !== this.#published; view = this.#law.view) {
      this.#published = view
      // A copy: one that subscribes again each time it hears something would otherwise be told for ever.
      const listeners = [...this.#listeners]
      for (const entry of listeners) if (this.#listeners.has(entry)) this.#tell(entry.hear, view)
    }
    this.#isPublishing = false
    this.#onChange(this)
  }

  #tell(hear: (view: RosterView) => void, view: RosterView): void {
    try {
      hear(view)
    } catch (error) {
      const message = `${this.service}: a listener of the roster threw: ${reasonOf(error)}`
      tellProblem(this.#onProblem, discoveryError(listenerFailed, message, error))
    }
  }
}
