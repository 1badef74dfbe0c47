// What happened and when, on the parent's clock: transitions of circuits, faults set by hand or by the story, payments
// queued for later. Bounded: only the first transitions and faults are kept, which are those of the story.
import type { BacklogState } from './backlog.ts'
import type { FaultMode, TransitionNews } from './messages.ts'
import type { ServiceName } from './shop.ts'

/** A circuit of `process` that guards calls to `service` changed. */
export interface Transition {
  readonly process: string
  readonly service: string
  readonly from: string
  readonly to: string
  readonly reason: string
  /** Monotonic milliseconds of the parent. */
  readonly at: number
}

/** A service was told how to behave. */
export interface Fault {
  readonly service: ServiceName
  readonly mode: FaultMode
  readonly at: number
}

const kept = 10_000

/**
 * The journal of one run.
 *
 * @example
 * const journal = new Journal()
 * journal.fault({ service: 'payments', mode: 'hang', at: performance.now() })
 */
export class Journal {
  readonly transitions: Transition[] = []
  readonly faults: Fault[] = []
  /** The last that orders told. */
  backlog: BacklogState = { waiting: 0, queued: 0, settled: 0 }

  /** Enters a transition heard just now. */
  transition(process: string, news: TransitionNews, now: number): Transition {
    const { service, from, to, reason, agoMs } = news
    const transition: Transition = { process, service, from, to, reason, at: now - agoMs }
    if (this.transitions.length < kept) this.transitions.push(transition)
    return transition
  }

  fault(fault: Fault): void {
    if (this.faults.length < kept) this.faults.push(fault)
  }
}
