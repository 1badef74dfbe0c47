// A program of this folder as a process of its own. Owns the process: it dies with the test, however that ends, and by itself should
// the test die first. Invariant: nothing is asked of it before it has said that it is ready.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FromChild, ToChild } from './parent.ts'

/** One running program. */
export class Child {
  /** What it said when it was ready. */
  readonly started: Readonly<Record<string, unknown>>
  readonly exited: Promise<number | NodeJS.Signals>
  readonly #process: ChildProcess
  #asked = 0

  constructor(child: ChildProcess, started: Readonly<Record<string, unknown>>, exited: Child['exited']) {
    this.#process = child
    this.started = started
    this.exited = exited
  }

  /** On which it listens. */
  get port(): number {
    return Number(this.started['port'])
  }

  /** Asks it something, and fails when it does not answer within 10 s. */
  async ask<T>(question: string, words: unknown = undefined): Promise<T> {
    const number = ++this.#asked
    const answered = Promise.withResolvers<T>()
    const hear = (message: FromChild): void => {
      if (message.kind === 'answer' && message.number === number) answered.resolve(message.words as T)
    }
    this.#process.on('message', hear)
    this.#process.send({ number, question, words } satisfies ToChild)
    const late = sleep(10_000, undefined, { ref: false }).then(() =>
      Promise.reject(new Error(`no answer: ${question}`)),
    )
    try {
      return await Promise.race([answered.promise, late])
    } finally {
      this.#process.off('message', hear)
    }
  }

  /** Hears what it tells unasked. */
  hear(listener: (words: unknown) => void): void {
    this.#process.on('message', (message: FromChild) => {
      if (message.kind === 'news') listener(message.words)
    })
  }

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal)
  }

  /** Sends a signal, and resolves with its exit code or the signal that ended it. */
  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.#process.kill(signal)
    return this.exited
  }
}

/** Starts a program of this folder with `settings`, and waits until it is ready; at most 30 s, because the machine may be busy. */
export async function startChild(
  t: TestContext,
  program: string,
  settings: object,
  flags: readonly string[] = [],
): Promise<Child> {
  const conditions = process.execArgv.filter((word) => word.startsWith('--conditions'))
  const path = fileURLToPath(new URL(program, import.meta.url))
  const words = [...conditions, ...flags, '--disable-warning=ExperimentalWarning', path, JSON.stringify(settings)]
  // Where Node's own compile cache stands by default: a process that starts warm starts in half the time.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), NODE_TEST_CONTEXT: undefined }
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env })
  const exited = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals)
  t.after(() => void child.kill('SIGKILL'))
  const ready = once(child, 'message').then(([message]) => {
    const first = message as FromChild
    if (first.kind !== 'ready') throw new Error(`${program} said ${first.kind} first`)
    return first.words
  })
  const ended = exited.then((how) => Promise.reject(new Error(`${program} ended with ${how} before it was ready`)))
  const late = sleep(30_000, undefined, { ref: false }).then(() => Promise.reject(new Error(`${program} is not ready`)))
  const started = await Promise.race([ready, ended, late])
  return new Child(child, started, exited)
}

/**
 * A port for a server that comes and goes. It lies below those that systems hand out by themselves: else, while nobody listens, a
 * connection to it could be given the same port as its own and reach itself.
 */
export async function fixedPort(): Promise<number> {
  const { createServer } = await import('node:net')
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
