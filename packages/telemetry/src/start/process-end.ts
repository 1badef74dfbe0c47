// The end of a process, seen to it that what was kept is delivered: when it ends by itself, by a signal that nobody else handles,
// by a signal that the application handles, and by `process.exit()`. Invariant: a signal that would have ended the process still
// does, with the same signal, at most `patienceMs` later.
import type { Telemetry } from './telemetry.ts'

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
/** Longer than a collector takes that is there; short enough for an orchestrator that waits ten seconds before it kills. */
const patienceMs = 5000

/** Closes `telemetry` at the end of the process; the answer takes that back. */
export function endWithProcess(telemetry: Telemetry): () => void {
  const close = (): Promise<void> => telemetry.close(AbortSignal.timeout(patienceMs))
  const ended = (): void => void close()
  const signalled = (signal: NodeJS.Signals): void => {
    const alone = process.listenerCount(signal) === 1
    // Where the application handles the signal it still has requests to finish, whose spans are to come: only flush.
    if (!alone) return void telemetry.flush(AbortSignal.timeout(patienceMs)).catch(ignore)
    const die = (): void => {
      for (const each of signals) process.off(each, signalled)
      process.kill(process.pid, signal)
    }
    close().then(die, die)
  }
  const exiting = (): void => telemetry.salvage()
  process.once('beforeExit', ended)
  process.once('exit', exiting)
  for (const signal of signals) process.on(signal, signalled)
  return () => {
    process.off('beforeExit', ended)
    process.off('exit', exiting)
    for (const signal of signals) process.off(signal, signalled)
  }
}

/** A flush that was not finished in time is taken up again by the close, or by what is salvaged at the exit. */
const ignore = (): void => undefined
