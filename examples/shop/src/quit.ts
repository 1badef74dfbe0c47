// The one way in which a run ends before its time: a key, a signal, a closed pipe, or the loss of a process. It listens
// for the whole life of the program, so that a second signal cannot kill the parent before its children are gone.

/** Why a run ends early. */
export type QuitReason = 'asked' | 'lost'

/**
 * A switch that is turned once.
 *
 * @example
 * const quit = new Quit()
 * quit.now('asked')
 * quit.signal.aborted // true
 */
export class Quit {
  readonly #controller = new AbortController()

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.now('asked'))
    for (const stream of [process.stdout, process.stderr]) {
      // Whoever read our lines has gone (`| head`): nobody is left to tell anything.
      stream.on('error', () => this.now('asked'))
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Undefined while the run goes on. */
  get reason(): QuitReason | undefined {
    return this.signal.aborted ? (this.signal.reason as QuitReason) : undefined
  }

  /** The first reason stands. */
  now(reason: QuitReason): void {
    this.#controller.abort(reason)
  }

  /** Resolves when the switch is turned. */
  wait(): Promise<void> {
    const { signal } = this
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
