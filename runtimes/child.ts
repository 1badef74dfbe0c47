// One process run to its end: what it said, how it ended, and never longer than allowed. It leads a group of its own, so
// that whatever it started ends with it: at the limit, and when we are told to stop.
import { spawn } from 'node:child_process'

/** How a process ended and what it said. */
export interface Ended {
  /** Undefined when it could not be started, was killed by a signal, or did not end within the limit. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
  /** Why there is no code, in words. */
  readonly broken?: string
}

/** What is run. */
export interface Errand {
  readonly command: string
  readonly words: readonly string[]
  readonly cwd: string
  /** Beside our own environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds after which it is killed with all that it started. */
  readonly limitMs: number
}

/** Characters of an output that are kept: its end, where the failures stand. */
const kept = 200_000

/**
 * Runs it; never rejects.
 *
 * @example
 * const { code, stdout } = await runToEnd({ command: 'bun', words: ['--version'], cwd: '.', limitMs: 10_000 })
 */
export function runToEnd({ command, words, cwd, env, limitMs }: Errand): Promise<Ended> {
  const begun = performance.now()
  const text = { stdout: '', stderr: '' }
  const child = spawn(command, words, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (data: string) => (text[stream] = (text[stream] + data).slice(-kept)))
  }
  let broken: string | undefined
  const stop = (signal: NodeJS.Signals): void => {
    killGroup(child.pid)
    process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const limit = setTimeout(() => {
    broken = `did not end within ${limitMs / 1000} s`
    killGroup(child.pid)
  }, limitMs)
  return new Promise((resolve) => {
    const end = (code: number | undefined): void => {
      clearTimeout(limit)
      process.off('SIGINT', stop).off('SIGTERM', stop)
      const seconds = (performance.now() - begun) / 1000
      resolve({ code, ...text, seconds, ...(broken === undefined ? {} : { broken }) })
    }
    child.once('error', (error) => {
      broken ??= `cannot be started: ${error.message}`
      end(undefined)
    })
    child.once('close', (code, signal) => {
      if (signal !== null) broken ??= `was ended by ${signal}`
      end(broken === undefined ? (code ?? undefined) : undefined)
    })
  })
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // The group has ended by itself in the meantime: that is what was wanted.
  }
}
