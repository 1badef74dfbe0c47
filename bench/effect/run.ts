// Runs subjects in processes of their own, as many at once as there are cores, and hears what each run measured.
// Invariant: a child that hangs is ended, and what it said is in the error.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Run, Task } from './child.ts'
import { type Measures, measureNames } from './measures.ts'

/** One run of one subject. */
export interface Played {
  readonly outage: string
  readonly seed: number
  readonly measures: Measures
  readonly requests: number
  readonly realMs: number
}

/** Far beyond the slowest subject through everything, which takes about two minutes. */
const deadlineMs = 600_000

/** Plays one subject; `onRun` hears of each run when it is done. */
export function playSubject(task: Task, onRun: (run: Played) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const flags = ['--conditions=@switchgear/source', '--no-warnings', join(import.meta.dirname, 'child.ts')]
    const child = spawn(process.execPath, [...flags, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      // Flags of a test runner or a profiler around us must not reach the child.
      env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
    })
    createInterface({ input: child.stdout }).on('line', (line) => onRun(playedOf(JSON.parse(line) as Run)))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) return resolve()
      const why = signal === 'SIGKILL' ? `no end within ${deadlineMs / 1000} s` : `ended with ${code ?? signal}`
      reject(new Error(`${task.library} ${task.variant}: ${why}\n${said.trim()}`))
    })
  })
}

function playedOf({ measures, ...run }: Run): Played {
  const values = measureNames.map((name, index) => [name, measures[index] ?? Infinity])
  return { ...run, measures: Object.fromEntries(values) as unknown as Measures }
}

/** Does all of `jobs`, a few at once. The first failure is thrown when those that run have ended; no further one begins. */
export async function inParallel(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...jobs]
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined && failures.length === 0; job = waiting.shift()) {
      await job().catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  if (failures.length > 0) throw failures[0]
}
