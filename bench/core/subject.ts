// What a library must offer to be measured. Every library writes its own loops, although they look alike: a loop shared
// by several call sites would make the engine's inline caches polymorphic and charge one subject for another.
import type { Loops } from './workload.ts'

/** A function guarded by one library's policies, ready to be called. */
export interface Guard extends Loops {
  /** What the library itself says of its circuit, where it has one. */
  state?(): 'closed' | 'open' | 'other'
  /** Called once before anything is measured: brings the policy into the state that the case is about. */
  prepare?(): Promise<unknown> | void
  /** Makes it refuse every further call. Without it, failing calls open the circuit. */
  refuse?(): Promise<unknown> | void
  /** It answers without the function from the second call on: a cache. */
  readonly remembersAnswers?: boolean
  /** The most calls its window keeps, where there is a limit: filling it further changes nothing. */
  readonly remembers?: number
  /** One call, for the check that the guarded function's answer comes through. */
  once(): Promise<unknown>
}

/** What one library brings, by variant. */
export interface Library {
  readonly guards: Readonly<Record<string, () => Guard>>
  /** Builds one idle policy and answers what must be kept so that it can be used. */
  readonly idle: Readonly<Record<string, () => object>>
}

/** Long enough that no circuit leaves its open state while refusals are measured, in milliseconds. */
export const openForMs = 3_600_000

/** The window of the breakers that are filled with traffic, in milliseconds: nothing may expire while they are measured. */
export const windowMs = 60_000
