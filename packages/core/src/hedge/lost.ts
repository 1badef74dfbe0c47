// Why an attempt was cut off that was not needed any more. It is the reason of that attempt's signal and nothing else: no
// caller ever gets it, and the gates inside learn `ignored`.
import { type ErrorEntry, stackless, SwitchgearError } from '../errors.ts'

/** What is documented of `SG_HEDGE_LOST`. */
export const hedgeLostEntry: ErrorEntry = {
  code: 'SG_HEDGE_LOST',
  title: 'Another attempt of the same call answered first.',
  advice:
    'It is the reason of the signal of the attempt that was not needed, never the answer of a call. ' +
    'A function that passes its `signal` on stops its work then. There is nothing to repair.',
}

/** Its name is that of every abort, so that what listens to a signal takes it for one. */
class HedgeLost extends SwitchgearError {
  override get name(): string {
    return 'AbortError'
  }
}

/** The reason with which the losers of a race are aborted. */
export function hedgeLost(policy: string, pipeline: string): SwitchgearError {
  const message = `${pipeline === '' ? policy : `${pipeline}: ${policy}`}: another attempt answered first`
  return stackless(() => new HedgeLost('SG_HEDGE_LOST', message, { policy, pipeline }))
}
