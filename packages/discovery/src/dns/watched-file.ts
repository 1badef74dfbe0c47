// A file of the host that others write (resolv.conf, hosts), as a value. It is looked at only when somebody asks, at most once per
// interval, and read only when it has changed; so it needs no timer and no watcher. Invariant: what was read last stays in use
// while the file cannot be read.
import { readFile, stat } from 'node:fs/promises'
import type { Clock } from '@switchgear/core'

/** Milliseconds between two looks at a file. */
export const lookEveryMs = 5000
/** Bytes; hosts files that block advertisements have some. */
const largest = 4 * 1024 * 1024

/** A parsed file. `path` undefined: there is none, and the value is that of an empty file. */
export class WatchedFile<T> {
  readonly #path: string | undefined
  readonly #parse: (text: string) => T
  readonly #clock: Clock
  readonly #onProblem: (error: Error) => void
  #value: T
  /** Tells versions apart; '' is the one without a file. */
  #stamp = ''
  #nextLookAt = -Infinity
  #looking: Promise<void> | undefined
  /** What was told last, so that it is told once and not at each look. */
  #problem: string | undefined

  constructor(path: string | undefined, parse: (text: string) => T, clock: Clock, onProblem: (error: Error) => void) {
    this.#path = path
    this.#parse = parse
    this.#clock = clock
    this.#onProblem = onProblem
    this.#value = parse('')
  }

  /** What it says now. Never rejects: a file that is missing is an empty one, and any other problem is told and changes nothing. */
  async current(): Promise<T> {
    if (this.#path === undefined) return this.#value
    if (this.#looking === undefined && this.#clock.now() >= this.#nextLookAt) this.#looking = this.#look(this.#path)
    await this.#looking
    return this.#value
  }

  async #look(path: string): Promise<void> {
    try {
      // Asked before reading: what is written in between makes the next look see another stamp.
      const found = await stat(path)
      const stamp = `${found.ino} ${found.size} ${found.mtimeMs}`
      if (stamp !== this.#stamp) {
        // A pipe or a device would be read for ever.
        if (!found.isFile()) throw new Error('it is no file')
        if (found.size > largest) throw new Error(`it is larger than ${largest} bytes`)
        this.#value = this.#parse(await readFile(path, 'utf8'))
        this.#stamp = stamp
      }
      this.#problem = undefined
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') {
        this.#value = this.#parse('')
        this.#stamp = ''
      } else {
        this.#tell(`dns: ${path} cannot be used: ${(error as Error).message}`)
      }
    }
    this.#nextLookAt = this.#clock.now() + lookEveryMs
    this.#looking = undefined
  }

  #tell(problem: string): void {
    if (problem === this.#problem) return
    this.#problem = problem
    this.#onProblem(new Error(problem))
  }
}
