// What a service was told to do with its requests. A hanging service accepts and never answers: its requests are held
// here until their caller leaves or the service is healed. Healing drops what was held, as a restart would: a request
// that hung is never answered late.
import type { ServerResponse } from 'node:http'
import type { FaultMode } from './messages.ts'

/** How long a slow service takes: longer than the attempt timeout in switchgear.yaml, so that slow is as bad as dead. */
export const slowForMs = 1500

/**
 * The fault switch of one service.
 *
 * @example
 * const faults = new Faults()
 * faults.set('hang')
 * if (await faults.pass(response)) answer(response)
 */
export class Faults {
  #mode: FaultMode = 'none'
  readonly #held = new Set<ServerResponse>()

  get mode(): FaultMode {
    return this.#mode
  }

  /** How many requests hang now. */
  get held(): number {
    return this.#held.size
  }

  set(mode: FaultMode): void {
    this.#mode = mode
    if (mode !== 'hang') this.drop()
  }

  /** Breaks the connection of everything that hangs. */
  drop(): void {
    for (const response of this.#held) response.destroy()
    this.#held.clear()
  }

  /** True when the request shall be served; otherwise it has been dealt with here. */
  async pass(response: ServerResponse): Promise<boolean> {
    if (this.#mode === 'none') return true
    if (this.#mode === 'slow') return await delay(response)
    if (this.#mode === 'fail') {
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"told to fail"}\n')
      return false
    }
    this.#held.add(response)
    response.once('close', () => this.#held.delete(response))
    return false
  }
}

/** Waits; false when the caller left meanwhile. */
function delay(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const left = (): void => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      response.off('close', left)
      resolve(true)
    }, slowForMs)
    response.once('close', left)
  })
}
