// The parent's end: one child process per service. The parent owns every child it started and always ends it: politely
// in `end`, by force after a grace period, and by force at the latest when the parent itself exits.
import { fork, type ChildProcess } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FaultMode, News, Order, ReadyNews, StartOrder } from './messages.ts'

const readyWithinMs = 30_000
const stopWithinMs = 3000
/** All children read the same sources: what one has compiled spares the others, and the next start, most of their time. */
const compileCache = process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache')

/** The shop could not start, for a reason that a person can mend. `message` is meant to be shown as it is. */
export class StartError extends Error {
  readonly busyPort: number | undefined

  constructor(message: string, busyPort?: number) {
    super(message)
    this.busyPort = busyPort
  }
}

/** A child that is ready. */
export interface ServiceProcess {
  readonly name: string
  readonly origin: string
  /** Where it answers questions, of a collector. */
  readonly questions: string | undefined
  readonly pid: number
  fault(mode: FaultMode): void
}

/**
 * All children of this process.
 *
 * @example
 * const processes = new Processes((name, news) => console.log(name, news), (name) => console.log(name, 'died'))
 * const payments = await processes.start('payments', 'payments', order)
 * await processes.end()
 */
export class Processes {
  readonly #children = new Map<ChildProcess, string>()
  readonly #onNews: (name: string, news: News) => void
  readonly #onLost: (name: string, why: string) => void
  readonly #killAll = (): void => {
    for (const child of this.#children.keys()) child.kill('SIGKILL')
  }
  #ending = false

  /** `onNews` hears everything that children tell after they are ready, `onLost` of a child that ended by itself. */
  constructor(onNews: (name: string, news: News) => void, onLost: (name: string, why: string) => void) {
    this.#onNews = onNews
    this.#onLost = onLost
    process.on('exit', this.#killAll)
  }

  /** Whether `end` was called. */
  get ending(): boolean {
    return this.#ending
  }

  /**
   * Starts `services/<entry>.ts` under the name `name` and waits until it listens. Throws a StartError. The process
   * begins at once, so that it loads its code while its order is still waiting for others to be ready.
   */
  async start(name: string, entry: string, order: StartOrder | Promise<StartOrder>): Promise<ServiceProcess> {
    if (this.#ending) throw new StartError('the shop is closing')
    // The entry has the extension of this very file: .ts from the sources, .js from a build.
    const path = fileURLToPath(new URL(`./services/${entry}${import.meta.url.slice(-3)}`, import.meta.url))
    // What a child prints goes to stderr: stdout belongs to the report.
    const env = { ...process.env, NODE_COMPILE_CACHE: compileCache }
    const child = fork(path, { stdio: ['ignore', 2, 2, 'ipc'], env })
    this.#children.set(child, name)
    let isReady = false
    child.once('exit', (code, signal) => {
      this.#children.delete(child)
      if (isReady && !this.#ending) this.#onLost(name, signal === null ? `exit code ${code}` : `signal ${signal}`)
    })
    // Of a child that never came to life there will be no exit; any other error is a lost message, and the exit tells.
    child.on('error', () => child.pid === undefined && this.#children.delete(child))
    const ready = this.#ready(name, child)
    // Nothing is swallowed: `await ready` below throws the same error. Until then a child that dies early must not count as an
    // unhandled rejection.
    ready.catch(() => {})
    send(child, await order)
    const { origin, questions } = await ready
    isReady = true
    child.on('message', (news: News) => this.#onNews(name, news))
    return { name, origin, questions, pid: child.pid ?? 0, fault: (mode) => send(child, { type: 'fault', mode }) }
  }

  /** Ends all children and resolves when none is left. Harmless when repeated. */
  async end(): Promise<void> {
    this.#ending = true
    const exits = [...this.#children.keys()].map(gone)
    for (const child of this.#children.keys()) send(child, { type: 'stop' })
    const force = setTimeout(this.#killAll, stopWithinMs)
    await Promise.all(exits)
    clearTimeout(force)
    process.off('exit', this.#killAll)
  }

  #ready(name: string, child: ChildProcess): Promise<ReadyNews> {
    return new Promise((resolve, reject) => {
      const finish = (end: () => void): void => {
        clearTimeout(timer)
        child.off('message', hear)
        child.off('exit', died)
        child.off('error', died)
        end()
      }
      const hear = (news: News): void => {
        if (news.type === 'ready') finish(() => resolve(news))
        else if (news.type === 'cannot') finish(() => reject(new StartError(`${name}: ${news.problem}`, news.busyPort)))
      }
      const died = (): void => finish(() => reject(new StartError(`${name} ended before it was ready`)))
      const late = (): void =>
        finish(() => reject(new StartError(`${name} was not ready within ${readyWithinMs / 1000} s`)))
      const timer = setTimeout(late, readyWithinMs)
      child.on('message', hear)
      child.once('exit', died)
      child.once('error', died)
    })
  }
}

/** Resolves when a child has ended and everything that it told is heard: its last news may come after its exit. */
async function gone(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve))
  const silence = child.connected ? new Promise((resolve) => child.once('disconnect', resolve)) : undefined
  await Promise.all([exit, silence])
}

function send(child: ChildProcess, order: Order): void {
  // The callback takes the error of a channel that is already closed; the child's exit is told elsewhere.
  if (child.connected) child.send(order, () => {})
}
