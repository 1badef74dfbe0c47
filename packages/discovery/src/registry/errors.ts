// What can go wrong with the registry's books, and what is documented of it. A registration, a heartbeat or a watch that is
// refused is thrown to whoever asked; what befalls the file, the peers or a check while serving goes on is only reported.
import { type ErrorEntry, SwitchgearError } from '@switchgear/core'

/** The codes of the registry's books. */
export type RegistryCode =
  | 'SG_BOOKS_CORRUPT'
  | 'SG_BOOKS_FAILED'
  | 'SG_BOOKS_FOREIGN'
  | 'SG_BOOKS_FULL'
  | 'SG_BOOKS_LOCKED'
  | 'SG_BOOKS_VERSION'
  | 'SG_NOT_REGISTERED'
  | 'SG_REGISTRY_CLOSED'
  | 'SG_REGISTRY_INSTANCES_FULL'
  | 'SG_REGISTRY_PEERS_FAILED'
  | 'SG_REGISTRY_PEERS_GARBLED'
  | 'SG_REGISTRY_SERVICES_FULL'
  | 'SG_REGISTRY_WATCHERS_FULL'
  | 'SG_STALE_REGISTRATION'
  | 'SG_WRONG_SECRET'

/** What the documentation says of each. */
export const registryErrors: readonly ErrorEntry[] = [
  {
    code: 'SG_BOOKS_CORRUPT',
    title: "The registry's file is damaged.",
    advice:
      'It was renamed to the name in the message and a new, empty one was begun. Instances register again at their next ' +
      'heartbeat; until the longest lease has passed the registry says that it does not know everything, so that no caller ' +
      'forgets an instance. Look for a failing disk or for something that copied over the file.',
  },
  {
    code: 'SG_BOOKS_FAILED',
    title: "The registry's file cannot be used.",
    advice:
      'The cause says why: often a missing folder, or no permission. A registry that runs already goes on serving.',
  },
  {
    code: 'SG_BOOKS_FOREIGN',
    title: 'The file is a database of another program.',
    advice: 'The registry only touches files that it made. Give it another path.',
  },
  {
    code: 'SG_BOOKS_FULL',
    title: "There is no room on the disk for the registry's file.",
    advice:
      'The registry goes on serving from memory and writes again by itself once there is room; what it learned meanwhile is ' +
      'only lost if it is restarted before that. Free space on the disk.',
  },
  {
    code: 'SG_BOOKS_LOCKED',
    title: "Another process has the registry's file open.",
    advice: 'A file belongs to one registry at a time. Stop the other process, or give each its own path.',
  },
  {
    code: 'SG_BOOKS_VERSION',
    title: "The registry's file was written by a newer Switchgear.",
    advice: 'It was left as it is. Use a Switchgear at least as new, or another path.',
  },
  {
    code: 'SG_NOT_REGISTERED',
    title: 'The registry does not know this instance.',
    advice: 'It was never registered, has deregistered, or was silent for three leases. Register it again.',
  },
  {
    code: 'SG_REGISTRY_CLOSED',
    title: 'The registry was closed.',
    advice: 'It is shutting down. Ask another registry, or the same one once it is back.',
  },
  {
    code: 'SG_REGISTRY_INSTANCES_FULL',
    title: 'The registry holds as many instances as it may.',
    advice:
      'The message says whether the bound is that of one service or of all. Look for instances that register under a new id ' +
      'each time; otherwise raise maxInstancesPerService or maxInstances.',
  },
  {
    code: 'SG_REGISTRY_PEERS_FAILED',
    title: 'The registry is cut off from its peers.',
    advice:
      'It goes on serving what it knows and says that this may not be all; it connects again by itself. The cause says why: ' +
      'look after the NATS server and the way to it.',
  },
  {
    code: 'SG_REGISTRY_PEERS_GARBLED',
    title: 'The registry cannot take over a record of its peers.',
    advice:
      'The message says which and why: it is no record, it is of a newer Switchgear, or a bound of this registry is reached. ' +
      'The record was left as it is. Give all registries of a bucket the same version and the same bounds.',
  },
  {
    code: 'SG_REGISTRY_SERVICES_FULL',
    title: 'The registry holds as many services as it may.',
    advice: 'Look for names that are made up at run time; otherwise raise maxServices.',
  },
  {
    code: 'SG_REGISTRY_WATCHERS_FULL',
    title: 'The registry has as many watchers as it may.',
    advice: 'Look for watches that nobody ends; otherwise raise maxWatchers.',
  },
  {
    code: 'SG_STALE_REGISTRATION',
    title: 'A later life of this instance is registered.',
    advice:
      'The message names the incarnation that is known. Either this registration was under way for long, or two processes ' +
      'use the same id. Give each its own id, and leave the incarnation out or let it grow with each start.',
  },
  {
    code: 'SG_WRONG_SECRET',
    title: 'The secret is not that of this registration.',
    advice:
      'Heartbeats and the deregistration need the secret that the last registration of this id returned. A process that ' +
      'was replaced by another one with the same id gets this, and should stop.',
  },
]

/** Builds an error of the registry. `retryAfterMs` of it is undefined. */
export function registryError(code: RegistryCode, message: string, cause?: unknown): SwitchgearError {
  return new SwitchgearError(code, message, cause === undefined ? {} : { cause })
}

/** Hears of what goes wrong while the registry serves on. */
export type OnProblem = (problem: SwitchgearError) => void

/** A listener of the user, fenced in: what it throws must not hurt the registry, which calls it in the midst of its work. */
export function fenced(onProblem: OnProblem | undefined): OnProblem {
  return (problem) => {
    try {
      onProblem?.(problem)
    } catch {
      // It was the last one to be told; there is nobody else.
    }
  }
}

/** The report of something that peers say and that cannot be taken over. */
export function garbled(what: string, cause: unknown): SwitchgearError {
  const said = cause instanceof Error ? cause.message : String(cause)
  return registryError('SG_REGISTRY_PEERS_GARBLED', `${what} cannot be taken over: ${said}`, cause)
}
