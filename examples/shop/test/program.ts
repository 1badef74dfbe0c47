// Runs the program as a person would: a child process with its own streams. Every process it starts is ended with the
// test, however that ends.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A started program. */
export interface Program {
  readonly process: ChildProcess
  stdout(): string
  stderr(): string
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

/** Starts main.ts with `words`. */
export function start(t: TestContext, words: readonly string[]): Program {
  const child = spawn(process.execPath, ['--conditions=@switchgear/source', main, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, which a test can interrupt as a terminal does.
    detached: true,
  })
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (data: string) => (text.stdout += data))
  child.stderr.setEncoding('utf8').on('data', (data: string) => (text.stderr += data))
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'lost'))
  })
  t.after(async () => {
    // The program alone: that its children end with it is what is tested.
    child.kill('SIGKILL')
    await ended
  })
  return { process: child, stdout: () => text.stdout, stderr: () => text.stderr, ended }
}

/** Waits until `condition` holds; throws after `ms`. */
export async function until(condition: () => boolean, what: string, ms: number = 30_000): Promise<void> {
  for (const end = performance.now() + ms; !condition();) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Whether a process runs. One that has ended but was not yet reaped by its new parent does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    // Not Linux: the signal's answer must do.
    return process.platform !== 'linux'
  }
}

/** The pids in the list of processes that the program prints when it is ready. */
export function pidsIn(text: string): number[] {
  return [...text.matchAll(/\bpid (\d+)/g)].map((match) => Number(match[1]))
}
