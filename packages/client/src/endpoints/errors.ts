// What can go wrong before there is an endpoint to call. The message says what discovery is doing, because that is where to look.
import { type ErrorEntry, SwitchgearError } from '@switchgear/core'
import type { RosterView } from '@switchgear/discovery'

/** What is documented of `SG_NO_ENDPOINT`. */
export const noEndpoint: ErrorEntry = {
  code: 'SG_NO_ENDPOINT',
  title: 'No endpoint of the service is known.',
  advice:
    'Nothing was sent. The message says what discovery is doing: it has not answered yet, it says that there is none, or it fails, and ' +
    'why. Check the name of the service, that an instance of it is registered, and that its registry or name server can be reached. ' +
    'A call waits for the first endpoint until its deadline, for 5 s at most unless `waitFor` says otherwise.',
}

/** The entries of this room for the table of all codes. */
export const endpointErrors: readonly ErrorEntry[] = [noEndpoint]

/** No endpoint: `view` says why. `unusable` are known but cannot be connected to; `more` is said at the end. */
export function noEndpointError(view: RosterView, unusable: number, more = ''): SwitchgearError {
  const message = `${view.service}: no endpoint is known: ${stateOf(view, unusable)}${more}`
  return new SwitchgearError(noEndpoint.code, message, {
    pipeline: view.service,
    ...(view.error === undefined ? {} : { cause: view.error }),
  })
}

function stateOf({ state, error }: RosterView, unusable: number): string {
  if (unusable > 0) return `none of the ${unusable} that discovery names can be connected to`
  if (error !== undefined) return `discovery fails: ${error.message}`
  if (state === 'waiting') return 'discovery has not answered yet'
  return state === 'live' ? 'discovery says that there is none' : 'discovery is not up to date'
}
