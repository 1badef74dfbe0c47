// Being told to end: what a command that goes on until somebody stops it waits for. Invariant: a second signal ends the process as
// it would without us, so that nobody has to wait for an end that takes too long.
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Listens for signals until it is ended. */
export class Interruption {
  /** Aborted at the first signal. */
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #onSignal = (): void => {
    this.end()
    this.#controller.abort()
  }

  constructor() {
    this.signal = this.#controller.signal
    for (const signal of signals) process.on(signal, this.#onSignal)
  }

  /** Resolves at the first signal. */
  wait(): Promise<void> {
    const { signal } = this
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  /** Listens no longer. Harmless the second time. */
  end(): void {
    for (const signal of signals) process.off(signal, this.#onSignal)
  }
}
