// How this benchmark starts its processes. Invariant: whatever was started is in the list that its owner ends, also when another one
// could not be started.
import { Helper } from '../telemetry/messages.ts'

/** A process and what it said when it was ready. */
export interface Started<Ready> {
  readonly helper: Helper
  readonly ready: Ready
}

/** Starts `file` of this folder and adds it to `helpers`. */
export async function open<Ready>(helpers: Helper[], file: string, argument: object): Promise<Started<Ready>> {
  const started = await Helper.start<Ready>(`../client/${file}`, argument)
  helpers.push(started.helper)
  return started
}

/** Waits for all, and only then rejects with the first failure: nothing may start behind the back of who cleans up. */
export async function together<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
