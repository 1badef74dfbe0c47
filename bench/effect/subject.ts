// What a library brings to be played, and what all of them share: the attempt timeout, and for those that bring none of
// their own a plain one. Nothing here decides anything about a circuit.
import type { CircuitState } from '@switchgear/core'
import type { Guard, SimulatedEnvironment } from '@switchgear/simulator'

/** How long one attempt may take, in milliseconds; the same for every subject. */
export const attemptTimeoutMs = 1000

/** Tries in all where a stack retries. */
export const mostAttempts = 3

/** Makes the guard of one caller instance for one service. */
export type MakeGuard = (environment: SimulatedEnvironment) => Guard

/** What one library brings, by variant. */
export interface Library {
  readonly guards: Readonly<Record<string, MakeGuard>>
}

/** What is guarded. */
export type Send<T> = (attempt: { readonly signal: AbortSignal }) => Promise<T>

/** A guard from a function that runs calls, and one that tells the state. */
export function guardOf(call: <T>(send: Send<T>) => Promise<T>, state?: () => CircuitState): Guard {
  return state === undefined ? { call } : { call, state }
}

/** Ends an attempt after `attemptTimeoutMs` with an error, and aborts its signal, as people write it by hand. */
export function timeLimited<T>({ clock }: SimulatedEnvironment, send: Send<T>): Promise<T> {
  const controller = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimer(() => {
      const late = new Error(`no answer within ${attemptTimeoutMs} ms`)
      reject(late)
      controller.abort(late)
    }, attemptTimeoutMs)
    send({ signal: controller.signal })
      .finally(() => timer.cancel())
      .then(resolve, reject)
  })
}

/** Tries again after a failure, with a backoff that doubles from 100 ms, as people write it by hand. */
export async function retried<T>({ clock, random }: SimulatedEnvironment, attempt: () => Promise<T>): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await attempt()
    } catch (error) {
      if (failed >= mostAttempts) throw error
      const waitMs = 100 * 2 ** (failed - 1) * (0.5 + 0.5 * random())
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, waitMs)
      })
    }
  }
}
