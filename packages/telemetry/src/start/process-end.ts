// The end of a process, seen to it that what was kept is delivered: when it ends by itself, by a signal that nobody else handles,
// by a signal that the application handles, and by `process.exit()`. Invariant: a signal that would have ended the process still
// does, with the same signal, at most `patienceMs` later.
import type { Telemetry } from './telemetry.ts'

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
/** Longer than a collector takes that is there; short enough for an orchestrator that waits ten seconds before it kills. */
const patienceMs = 5000

/** Closes `telemetry` at the end of the process; the answer takes that back. */
export function endWithProcess(telemetry: Telemetry): () => void {
  let dying = false
  const ended = (): void => void telemetry.close(AbortSignal.timeout(patienceMs))
  const signalled = (signal: NodeJS.Signals): void => {
    // Where the application handles the signal, its own end delivers; a flush here would add its patience to that of the end.
    if (process.listenerCount(signal) > 1) return
    const die = (): void => {
      for (const each of signals) process.off(each, signalled)
      process.kill(process.pid, signal)
    }
    // Who sends it again does not want to wait.
    if (dying) return die()
    dying = true
    const limit = AbortSignal.timeout(patienceMs)
    telemetry.hurry()
    // Not closed first: whoever is answered meanwhile has spans too. The rest goes in one turn, in which nobody is answered.
    const rest = (): void => {
      if (!limit.aborted) telemetry.salvage()
      die()
    }
    telemetry.flush(limit).then(rest, rest)
  }
  const exiting = (): void => telemetry.salvage()
  process.once('beforeExit', ended)
  process.once('exit', exiting)
  // First in the line: a handler that is there for one time has left when the later ones are called, and would not be counted.
  for (const signal of signals) process.prependListener(signal, signalled)
  return () => {
    process.off('beforeExit', ended)
    process.off('exit', exiting)
    for (const signal of signals) process.off(signal, signalled)
  }
}
