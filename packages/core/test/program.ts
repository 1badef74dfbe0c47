// Runs one of the fixtures as a process of its own: what only a whole process shows (that it ends, that it does not, what
// it reports) is tested there, with the host's own clock.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The repository. */
export const root: string = fileURLToPath(new URL('../../..', import.meta.url))

/** How a process ended and what it said. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Milliseconds it ran, with the start of the process. */
  readonly ms: number
}

/** Runs Node with `words`; a process that does not end by itself is killed after `limitMs` and has no code. */
export function run(words: readonly string[], limitMs: number = 20_000): Promise<Ended> {
  const begun = performance.now()
  const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (data: string) => (text.stdout += data))
  child.stderr.setEncoding('utf8').on('data', (data: string) => (text.stderr += data))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...text, ms: performance.now() - begun }))
  })
}

/** Runs a fixture of this folder on the sources. */
export function runFixture(name: string, ...words: readonly string[]): Promise<Ended> {
  const path = fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
  return run(['--conditions=@switchgear/source', path, ...words])
}
