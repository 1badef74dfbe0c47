// The program as a process that goes on until it is told to end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../src/main.ts')

/** A running `switchgear`. Whoever starts it ends it. */
export class Child {
  readonly process: ChildProcess
  stdout = ''
  stderr = ''
  readonly #closed: Promise<unknown>

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    // A colour that is forced from outside would change the output.
    const { FORCE_COLOR: _, ...inherited } = process.env
    this.process = spawn(process.execPath, ['--conditions=@switchgear/source', main, ...args], {
      env: { ...inherited, NO_COLOR: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#closed = once(this.process, 'close')
  }

  /** The first line that it prints. */
  async firstLine(): Promise<string> {
    while (!this.stdout.includes('\n')) {
      const ended = await Promise.race([
        this.#closed,
        once(this.process.stdout ?? this.process, 'data').then(() => undefined),
      ])
      if (ended !== undefined && !this.stdout.includes('\n')) throw new Error(`it ended: ${this.stderr}`)
    }
    return this.stdout.slice(0, this.stdout.indexOf('\n'))
  }

  /** Its exit code. */
  async ended(): Promise<number | null> {
    await this.#closed
    return this.process.exitCode
  }

  /** Tells it to end, and answers its exit code. */
  stop(): Promise<number | null> {
    this.process.kill('SIGTERM')
    return this.ended()
  }
}

/** Runs `switchgear` to its end. */
export async function ran(
  args: readonly string[],
  environment?: NodeJS.ProcessEnv,
): Promise<Child & { code: number | null }> {
  const child = new Child(args, environment)
  return Object.assign(child, { code: await child.ended() })
}
