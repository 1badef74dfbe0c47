// What the processes of the benchmark say to each other, and how the one that asks waits for the answer. Invariant: a child
// that does not answer in time ends the benchmark; no child outlives it.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What a server or a receiver tells of itself. */
export interface Reading {
  /** CPU time of the process so far, of all its threads. */
  readonly cpuMicros: number
  /** Spans it has made, or received. */
  readonly spans: number
}

/** What a server is asked for. */
export interface Ask {
  /** Requests to serve from connections in memory, before it tells of itself; none when they come over the network. */
  readonly drive?: number
}

/** What the load generator is asked for. */
export interface Load {
  readonly port: number
  readonly requests: number
  readonly connections: number
}

const deadlineMs = 60_000

/** A process of the benchmark. */
export class Helper {
  readonly #child: ChildProcess
  readonly #name: string

  private constructor(child: ChildProcess, name: string) {
    this.#child = child
    this.#name = name
  }

  /** Starts `file` of this folder; it has said one thing, the answer, when it is ready. */
  static async start<Ready>(file: string, argument: object): Promise<{ helper: Helper; ready: Ready }> {
    const child = fork(join(import.meta.dirname, file), [JSON.stringify(argument)], {
      execArgv: ['--conditions=@switchgear/source', '--no-warnings', '--expose-gc'],
      // Flags of a test runner or a profiler around us must not reach what is measured.
      env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
    })
    const helper = new Helper(child, `${file} ${JSON.stringify(argument)}`)
    try {
      return { helper, ready: await helper.#answer<Ready>() }
    } catch (error) {
      helper.stop()
      throw error
    }
  }

  /** Says something and waits for what comes back. */
  ask<Answer>(message: object): Promise<Answer> {
    const answer = this.#answer<Answer>()
    this.#child.send(message)
    return answer
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }

  async #answer<Answer>(): Promise<Answer> {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), deadlineMs)
    const { signal } = controller
    try {
      const ended = once(this.#child, 'exit', { signal }).then(([code]) => {
        throw new Error(`${this.#name} ended with ${String(code)}`)
      })
      const [answer] = (await Promise.race([once(this.#child, 'message', { signal }), ended])) as [Answer]
      return answer
    } catch (error) {
      if (signal.aborted) throw new Error(`${this.#name}: no answer within ${deadlineMs / 1000} s`, { cause: error })
      throw error
    } finally {
      clearTimeout(timer)
      controller.abort()
    }
  }
}

/** What a child was started with. */
export function argument<T>(): T {
  return JSON.parse(process.argv[2] ?? '') as T
}

/** Answers the parent. */
export function say(message: object): void {
  process.send?.(message)
}
