// Looking at promises and guarded functions without waiting for them.
import { type Call, type Clock, SwitchgearError } from '../src/index.ts'

/** What has become of a promise up to now. */
export interface Watched {
  readonly state: 'pending' | 'fulfilled' | 'rejected'
  /** The value, or what it was rejected with. */
  readonly result: unknown
  /** Virtual milliseconds at which it was settled. */
  readonly at: number | undefined
  /** Code of a `SwitchgearError` it was rejected with. */
  readonly code: string | undefined
}

/** Follows a promise; its rejection counts as handled. */
export function watch(promise: Promise<unknown>, clock?: Clock): Watched {
  const watched = {
    state: 'pending' as Watched['state'],
    result: undefined as unknown,
    at: undefined as number | undefined,
  }
  const end = (state: Watched['state'], result: unknown): void => {
    Object.assign(watched, { state, result, at: clock?.now() })
  }
  promise.then(
    (value) => end('fulfilled', value),
    (error: unknown) => end('rejected', error),
  )
  return Object.defineProperty(watched as Watched, 'code', { get: () => codeOf(watched.result) })
}

/** The code of one of our errors. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof SwitchgearError ? error.code : undefined

/** A guarded function that never ends and does not look at its signal. */
export const hang = (): Promise<never> => new Promise(() => {})

/** A guarded function that is ended from outside, call by call. */
export class Task<T = unknown> {
  readonly calls: Call[] = []
  readonly #ends: PromiseWithResolvers<T>[] = []

  readonly run = (call: Call): Promise<T> => {
    this.calls.push(call)
    const end = Promise.withResolvers<T>()
    this.#ends.push(end)
    return end.promise
  }

  get started(): number {
    return this.calls.length
  }

  resolve(index: number, value: T): void {
    this.#ends[index]?.resolve(value)
  }

  reject(index: number, error: unknown): void {
    this.#ends[index]?.reject(error)
  }
}

/** Lets promises settle, without any timer. */
export async function turns(count: number = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined
}
