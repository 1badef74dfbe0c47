// The last known endpoints on disk, one file per service, so that a start needs no registry. Read synchronously before the first
// answer; written at most once a second per service, one file at a time: to a file beside it, fsync, rename, fsync of the directory.
// Invariant: a file is whole or not there; what is damaged is set aside and what is newer is left alone; no failure of the disk
// ever reaches a call.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, ErrorEntry, SwitchgearError } from '@switchgear/core'
import {
  discoveryError,
  lastKnownCorrupt,
  lastKnownFailed,
  lastKnownVersion,
  type ProblemListener,
  reasonOf,
  tellProblem,
} from './directory-errors.ts'
import type { Endpoint } from './endpoint.ts'
import { decodeLastKnown, encodeLastKnown, type LastKnown, NewerFormat } from './last-known-format.ts'

/** Between a change and its writing, so that a burst is written once. */
const settleMs = 1000
/** Between a failed writing and the next try. */
const retryMs = 30_000
/** Nothing of ours is larger; what is would only cost memory. */
const mostBytes = 16 * 1024 ** 2
/** A file beside, left by a process that died while writing, is removed once it is so old. */
const orphanMs = 10 * 60_000
/** A disk that hangs must not hang the end of the process. */
const patienceMs = 5000

/**
 * The files of one directory.
 *
 * @example
 * const files = new LastKnownFiles('/var/lib/shop/endpoints', systemClock, console.warn)
 * files.read('payments')?.endpoints
 */
export class LastKnownFiles {
  readonly #directory: string
  readonly #clock: Clock
  readonly #onProblem: ProblemListener
  /** What is to be written, and when (monotonic ms). A later change of the same service takes its place. */
  readonly #waiting = new Map<string, { readonly endpoints: () => readonly Endpoint[]; dueAt: number }>()
  /** Services whose file is newer than this version. */
  readonly #refused = new Set<string>()
  #writing: Promise<void> | undefined = undefined
  #isFailing = false

  constructor(directory: string, clock: Clock, onProblem: ProblemListener) {
    this.#directory = directory
    this.#clock = clock
    this.#onProblem = onProblem
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      this.#removeOrphans()
    } catch (error) {
      this.#failed(`the directory ${directory} of last known endpoints cannot be used`, error)
    }
  }

  /** Monotonic ms at which `flush` has something to do; Infinity if nothing waits or it is at work. */
  get dueAt(): number {
    if (this.#writing !== undefined) return Infinity
    let due = Infinity
    for (const { dueAt } of this.#waiting.values()) due = Math.min(due, dueAt)
    return due
  }

  /** What was known of a service, undefined where nothing usable is. Never throws. */
  read(service: string): LastKnown | undefined {
    const path = this.#path(service)
    try {
      const { size } = statSync(path)
      if (size > mostBytes) throw new Error(`it has ${size} bytes`)
      return decodeLastKnown(readFileSync(path, 'utf8'), service)
    } catch (error) {
      if (error instanceof NewerFormat) {
        this.#refused.add(service)
        this.#tell(lastKnownVersion, `${path} ${error.message}; it is neither read nor overwritten`)
      } else if (isSystemError(error)) {
        if (error.code !== 'ENOENT') this.#failed(`${path} cannot be read`, error)
      } else this.#setAside(path, error)
      return undefined
    }
  }

  /** Something of a service changed; whoever says so last is asked for its endpoints when it is written. */
  changed(service: string, endpoints: () => readonly Endpoint[]): void {
    if (this.#refused.has(service)) return
    const dueAt = this.#waiting.get(service)?.dueAt ?? this.#clock.now() + settleMs
    this.#waiting.set(service, { endpoints, dueAt })
  }

  /** Begins to write what is due. `then` is called when it is done. */
  flush(then: () => void): void {
    if (this.dueAt > this.#clock.now()) return
    this.#writing = this.#write(this.#clock.now()).finally(() => {
      this.#writing = undefined
      then()
    })
  }

  /** Writes everything that waits, within a few seconds. */
  async close(): Promise<void> {
    const all = (this.#writing ?? Promise.resolve()).then(() => this.#write(Infinity))
    let end: (() => void) | undefined
    const timer = this.#clock.setTimer(() => end?.(), patienceMs)
    await Promise.race([all, new Promise<void>((resolve) => (end = resolve))])
    timer.cancel()
  }

  async #write(until: number): Promise<void> {
    for (const [service, { endpoints, dueAt }] of this.#waiting) {
      if (dueAt > until) continue
      // Taken out first: what changes while it is written is written again.
      this.#waiting.delete(service)
      try {
        await this.#replace(
          service,
          encodeLastKnown({ service, endpoints: endpoints(), wallMs: this.#clock.wallNow() }),
        )
        this.#isFailing = false
      } catch (error) {
        this.#failed(`the last known endpoints of ${service} cannot be written to ${this.#directory}`, error)
        if (until < Infinity && !this.#waiting.has(service))
          this.#waiting.set(service, { endpoints, dueAt: this.#clock.now() + retryMs })
      }
    }
  }

  async #replace(service: string, text: string): Promise<void> {
    if (text.length > mostBytes) throw new Error(`they would take ${text.length} bytes, more than ${mostBytes}`)
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const path = this.#path(service)
    // A name of its own: several processes may share the directory, and each of them must only rename what it wrote itself.
    const beside = `${path}.${randomBytes(6).toString('hex')}.tmp`
    try {
      const file = await open(beside, 'wx', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
    // Without this the rename may be lost in a crash, which would bring back the file before: still whole.
    const directory = await open(this.#directory, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  #path(service: string): string {
    return join(this.#directory, `${service}.json`)
  }

  /** One such file per service: the newest damage is the one to look at. */
  #setAside(path: string, cause: unknown): void {
    const aside = `${path}.corrupt`
    try {
      renameSync(path, aside)
      this.#tell(lastKnownCorrupt, `${path} is damaged (${reasonOf(cause)}); it was set aside as ${aside}`, cause)
    } catch (error) {
      this.#failed(`${path} is damaged (${reasonOf(cause)}) and cannot be set aside`, error)
    }
  }

  #removeOrphans(): void {
    for (const name of readdirSync(this.#directory)) {
      if (!/\.json\.[0-9a-f]{12}\.tmp$/.test(name)) continue
      const path = join(this.#directory, name)
      const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Infinity }
      if (this.#clock.wallNow() - mtimeMs > orphanMs) rmSync(path, { force: true })
    }
  }

  /** Told once until it works again. */
  #failed(message: string, cause: unknown): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#tell(lastKnownFailed, `${message}: ${reasonOf(cause)}`, cause)
  }

  #tell(entry: ErrorEntry, message: string, cause?: unknown): void {
    const problem: SwitchgearError = discoveryError(entry, message, cause)
    tellProblem(this.#onProblem, problem)
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
