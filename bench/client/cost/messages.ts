// What the processes of this part say to each other.
import type { SubjectTask } from './work.ts'

/** What a caller is started with. */
export interface CallerTask extends SubjectTask {
  /** A module of `subjects/` and one of its variants. */
  readonly module: string
  readonly variant: string
}

/** What a caller is asked for. */
export interface Block {
  readonly calls: number
}

/** What it cost. */
export interface Spent {
  /** CPU time of the caller's process, all threads, for the whole block. */
  readonly cpuMicros: number
  readonly wallMs: number
  /** Calls made, with those before the clocks were read. */
  readonly made: number
}

/** What a server tells. */
export interface Answer {
  /** Requests answered since the start. */
  readonly served: number
}
