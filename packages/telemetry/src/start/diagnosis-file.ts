// What a telemetry knows of itself, in a file for somebody outside the process: `switchgear doctor` starts a command with a folder
// in an environment variable and reads what is found there. Without that variable nothing happens. Invariant: a file is whole at
// any time, also after SIGKILL; only its owner can read it; what goes wrong with it never reaches the app.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { Diagnosis } from './diagnosis.ts'

/** Names the folder, which must exist. Each thread of each process has a file in it: a command often starts others. */
export const diagnosisVariable = 'SWITCHGEAR_DIAGNOSIS'

const everyMs = 1000

/**
 * Writes the diagnosis now, every second and when the process exits, until it is ended; undefined where nobody asked for it.
 *
 * @example
 * const file = diagnosisFile(process.env, () => telemetry.diagnosis())
 */
export function diagnosisFile(
  environment: Readonly<Record<string, string | undefined>>,
  diagnosis: () => Diagnosis,
): DiagnosisFile | undefined {
  const folder = environment[diagnosisVariable]
  return folder === undefined || folder === '' ? undefined : new DiagnosisFile(folder, diagnosis)
}

/** See `diagnosisFile`. */
export class DiagnosisFile {
  readonly #file: string
  readonly #diagnosis: () => Diagnosis
  readonly #timer: NodeJS.Timeout
  readonly #onExit = (): void => this.end()
  #ended = false

  constructor(folder: string, diagnosis: () => Diagnosis) {
    this.#file = join(folder, `${process.pid}-${threadId}.json`)
    this.#diagnosis = diagnosis
    this.#timer = setInterval(() => this.#write(), everyMs).unref()
    process.once('exit', this.#onExit)
    // Not in this turn: whoever makes it is not complete yet.
    setImmediate(() => this.#write()).unref()
  }

  /** Writes it for the last time. Harmless the second time. */
  end(): void {
    this.#write()
    this.#stop()
  }

  #stop(): void {
    this.#ended = true
    clearInterval(this.#timer)
    process.off('exit', this.#onExit)
  }

  #write(): void {
    if (this.#ended) return
    try {
      const whole = `${this.#file}.new`
      writeFileSync(whole, JSON.stringify(this.#diagnosis()), { mode: 0o600 })
      renameSync(whole, this.#file)
    } catch {
      // The folder is gone, or the disk is full: whoever wanted to read it sees that nothing is there. The app goes on.
      this.#stop()
    }
  }
}
