// A command with everything it starts. It has a process group of its own, because what is named is often only a starter (`npm start`)
// and the spans are made by a child of it. Invariant: when `stop` resolves nothing of the group is left, and its output was kept up to
// a bound.
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a command ended by itself. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Between SIGTERM and SIGKILL, as an orchestrator has it. */
const patienceMs = 10_000
const lookEveryMs = 50
const mostOutput = 4096
const mostLines = 20

/** A running command. */
export class ProcessGroup {
  /** Rejects with the system's error when it cannot be started; resolves when the process that was named ends. */
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  #output = ''

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#child = spawn(command, args, { env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-mostOutput)
      })
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject).once('exit', (code, signal) => resolve({ code, signal }))
    })
    // Whoever awaits it later hears of it then.
    this.ended.catch(() => undefined)
  }

  /** The last lines of what it said. */
  get lastLines(): string[] {
    const text = this.#output.trimEnd()
    return text === '' ? [] : text.split('\n').slice(-mostLines)
  }

  /** Ends the group: SIGTERM, and SIGKILL for what is still there after ten seconds. Answers whether that was needed. */
  async stop(): Promise<boolean> {
    const deadline = performance.now() + patienceMs
    this.#signal('SIGTERM')
    while (this.#signal(0) && performance.now() < deadline) await sleep(lookEveryMs)
    const killed = this.#signal('SIGKILL')
    // Only that it has ended is waited for; how, and an error, whoever awaits `ended` hears.
    if (killed) await this.ended.catch(() => undefined)
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
    return killed
  }

  /** Whether there is anybody to get it. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.#child
    if (pid === undefined) return false
    try {
      return process.kill(-pid, signal)
    } catch {
      // Nothing of the group is left.
      return false
    }
  }
}
