// What can go wrong between a source and the rosters, each with a code. Invariant: none of it ends a call by itself; what was
// found before stays in use, and the problem is told to whoever listens for problems.
import { type ErrorEntry, SwitchgearError } from '@switchgear/core'

/** What is documented of `SG_DISCOVERY_FULL`. */
export const discoveryFull: ErrorEntry = {
  code: 'SG_DISCOVERY_FULL',
  title: 'A bound of discovery is reached.',
  advice:
    'Either more services are asked for than `maxServices`, or a source names more endpoints of one service than `maxEndpoints`. ' +
    'What was held before stays in use and nothing beyond the bound is taken. Names that come from requests must be checked ' +
    'before they are asked for; a fleet that is really so large needs a larger bound.',
}

/** What is documented of `SG_DISCOVERY_CLOSED`. */
export const discoveryClosed: ErrorEntry = {
  code: 'SG_DISCOVERY_CLOSED',
  title: 'The directory was closed.',
  advice: 'A service was asked for after `close()`. Stop taking work first, then close.',
}

/** What is documented of `SG_SOURCE_FAILED`. */
export const sourceFailed: ErrorEntry = {
  code: 'SG_SOURCE_FAILED',
  title: 'A source of endpoints does not answer, or not with sense.',
  advice:
    'The message says which source and why. Endpoints that were found before stay in use and are marked stale; the source is ' +
    'asked again without further ado. Check its address, its credentials and, of a file or a bucket, that it is there.',
}

/** What is documented of `SG_BAD_ENDPOINT`. */
export const badEndpoint: ErrorEntry = {
  code: 'SG_BAD_ENDPOINT',
  title: 'One entry of a source is not an endpoint.',
  advice:
    'The message names its key and what is wrong with it. It is left out, or stays as it was when it was good before; every other ' +
    'entry is unaffected. Correct what writes it.',
}

/** What is documented of `SG_LAST_KNOWN_FAILED`. */
export const lastKnownFailed: ErrorEntry = {
  code: 'SG_LAST_KNOWN_FAILED',
  title: 'The last known endpoints cannot be read from or written to the disk.',
  advice:
    'Traffic goes on; only a start while the registry is down would begin without endpoints. The cause says why: a full disk, ' +
    'a directory without permission. It is tried again, and told once until it works.',
}

/** What is documented of `SG_LAST_KNOWN_CORRUPT`. */
export const lastKnownCorrupt: ErrorEntry = {
  code: 'SG_LAST_KNOWN_CORRUPT',
  title: 'A file of last known endpoints is damaged.',
  advice:
    'Its content does not fit its checksum. It was renamed to `<name>.corrupt` and is not used; a new one is written with the ' +
    'next answer of the source.',
}

/** What is documented of `SG_LAST_KNOWN_VERSION`. */
export const lastKnownVersion: ErrorEntry = {
  code: 'SG_LAST_KNOWN_VERSION',
  title: 'A file of last known endpoints was written by a newer Switchgear.',
  advice: 'It is neither read nor overwritten. Upgrade this process, or give it a directory of its own.',
}

/** What is documented of `SG_DISCOVERY_LISTENER`. */
export const listenerFailed: ErrorEntry = {
  code: 'SG_DISCOVERY_LISTENER',
  title: 'A listener of a roster threw.',
  advice: 'The cause is what it threw. Other listeners were told all the same; correct the listener.',
}

/** The entries of this room for the table of all codes. */
export const discoveryErrors: readonly ErrorEntry[] = [
  discoveryFull,
  discoveryClosed,
  sourceFailed,
  badEndpoint,
  lastKnownFailed,
  lastKnownCorrupt,
  lastKnownVersion,
  listenerFailed,
]

/** Hears of what went wrong and was survived. What it throws is ignored. */
export type ProblemListener = (problem: SwitchgearError) => void

/** An error with one of the codes above. */
export function discoveryError(entry: ErrorEntry, message: string, cause?: unknown): SwitchgearError {
  return new SwitchgearError(entry.code, message, cause === undefined ? {} : { cause })
}

/** What `cause` says, for a message. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.message !== '') return cause.message
  // An AggregateError of several addresses has no message of its own.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined
  return first instanceof Error ? first.message : cause.name
}

/** Hands a problem to a listener of the user, who must not be able to stop discovery. */
export function tellProblem(listener: ProblemListener, problem: SwitchgearError): void {
  try {
    listener(problem)
  } catch {
    // What a listener of problems throws has nobody left to hear of it.
  }
}

/** Where no listener was given, a problem becomes a warning of the process: an error must reach somebody. */
export const warnOfProblem: ProblemListener = (problem) => process.emitWarning(problem.message, { code: problem.code })
