// One look at an instance from outside: what a probe is asked and what it answers. It connects to the registered address and
// nowhere else; the answer is a verdict, and nothing of what the other side says is kept.
import type { CheckFacts } from '../registration.ts'

/** Where to look, and how. */
export interface Target {
  /** An IP address. */
  readonly address: string
  readonly tls: boolean
  readonly facts: CheckFacts
}

/**
 * Looks once. Answers undefined when the check has passed, else why not, in a few words. `signal` is aborted at the deadline;
 * it may throw instead of answering.
 */
export type Probe = (target: Target, signal: AbortSignal) => Promise<string | undefined>

/** What is told of an error: its code where it has one, for that is short and the same each time. */
export function brief(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const { code } = error as { code?: unknown }
  return (typeof code === 'string' && code !== '' ? code : error.message).slice(0, 200)
}
