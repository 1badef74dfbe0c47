// How far a long command is. Quiet for the first second, so that what is quick leaves no trace; then one line, renewed a
// few times a second, and taken away at the end. The simulator reports many thousand times a second: most reports are free.
import type { Terminal } from './terminal.ts'

const quietForMs = 1000
const renewAfterMs = 100

/** One line of progress. Whoever makes it ends it. */
export class Progress {
  readonly #terminal: Pick<Terminal, 'show'>
  readonly #now: () => number
  readonly #startedAt: number
  #shownAt = -Infinity
  #visible = false

  /** `now` is monotonic milliseconds. */
  constructor(terminal: Pick<Terminal, 'show'>, now: () => number = () => performance.now()) {
    this.#terminal = terminal
    this.#now = now
    this.#startedAt = now()
  }

  /** Milliseconds since it began. */
  get elapsedMs(): number {
    return this.#now() - this.#startedAt
  }

  /** Says how far it is; `line` is called only when it will be shown. */
  report(line: () => string): void {
    const now = this.#now()
    if (now - this.#startedAt < quietForMs || now - this.#shownAt < renewAfterMs) return
    this.#shownAt = now
    this.#visible = true
    this.#terminal.show(line())
  }

  /** Takes the line away. */
  end(): void {
    if (this.#visible) this.#terminal.show('')
    this.#visible = false
  }
}
