// What a protected server is told, and the defaults with their reasons. Checked at construction, so that a server that was
// protected stays so.
import {
  type Clock,
  type Duration,
  fromSpec,
  type PolicySpec,
  type Priority,
  Registry,
  systemClock,
} from '@switchgear/core'
import type { AdmittingPipeline } from '@switchgear/core'
import { check, checkFunction, checkKeys, parseDuration } from '@switchgear/core/options'
import type { IncomingMessage } from 'node:http'
import { checkAdmitted } from '../admitted.ts'

/** Options of `protect`. */
export interface ProtectOptions {
  /** Name of its pipeline in metrics and errors. Default 'server'. */
  readonly name?: string | undefined
  /** What a request has to pass, outermost first; no retry. Default: a bulkhead of 1000 and `shed`. */
  readonly policies?: readonly PolicySpec[] | undefined
  /** How long a request may take at most; the smaller of this and the caller's deadline wins. Default: only the caller's. */
  readonly timeout?: Duration | undefined
  /** What is shed last: 0 is the most important. Default 1 for all. What it throws is answered as 1. */
  readonly priority?: ((request: IncomingMessage) => Priority) | undefined
  /** Whether it takes traffic, asked for each look at `readyPath`. Default: always while it is not draining. */
  readonly ready?: (() => boolean) | undefined
  /** Answers 200 while the process lives; never refused. `false`: not answered here. Default '/healthz'. */
  readonly healthPath?: string | false | undefined
  /** Answers 200 while it is ready, else 503; never refused. `false`: not answered here. Default '/readyz'. */
  readonly readyPath?: string | false | undefined
  /** How long `drain` still accepts, not ready any more, so that those who look for instances notice. Default '0ms'; with
   * discovery some 500 ms, or what comes on a connection that is just being closed may be lost. */
  readonly lameDuck?: Duration | undefined
  /** How long `drain` lets requests finish after that. Default '10s'. */
  readonly drainTimeout?: Duration | undefined
  /** Where the pipeline is registered, and so shows in metrics. Default: a registry of its own. */
  readonly registry?: Registry | undefined
  /** Default: the host's time. */
  readonly clock?: Clock | undefined
}

/** Checked. */
export interface Protecting {
  readonly pipeline: AdmittingPipeline
  readonly registry: Registry
  readonly timeoutMs: number
  readonly priority: ((request: IncomingMessage) => Priority) | undefined
  readonly ready: () => boolean
  readonly healthPath: string | undefined
  readonly readyPath: string | undefined
  readonly lameDuckMs: number
  readonly drainMs: number
  readonly clock: Clock
}

const known: readonly (keyof ProtectOptions)[] = [
  'name',
  'policies',
  'timeout',
  'priority',
  'ready',
  'healthPath',
  'readyPath',
  'lameDuck',
  'drainTimeout',
  'registry',
  'clock',
]

/**
 * The policies of a server that names none. The bulkhead stands outside, because what it refuses costs nothing; it bounds what
 * can pile up when something below hangs. `shed` looks at this process itself: an event loop that stays late refuses the least
 * important first.
 */
export const serverPolicies: readonly PolicySpec[] = Object.freeze([{ bulkhead: { maxInFlight: 1000 } }, { shed: {} }])

/** Checks the options. Throws `SG_BAD_OPTIONS`. */
export function protecting(options: ProtectOptions): Protecting {
  checkKeys(options, known, 'protect')
  const { name = 'server', policies = serverPolicies, clock = systemClock, priority, ready = () => true } = options
  if (priority !== undefined) checkFunction(priority, 'protect.priority')
  checkFunction(ready, 'protect.ready')
  checkAdmitted(policies, 'protect')
  check(!policies.some((policy) => 'retry' in policy), 'protect.policies', 'without retry: a request came once', 'one')
  const { registry = new Registry({ clock }) } = options
  return {
    // Safe: what cannot be admitted was just refused.
    pipeline: fromSpec({ name, classify: 'http', policies: [...policies] }, { registry, clock }) as AdmittingPipeline,
    registry,
    timeoutMs: options.timeout === undefined ? Infinity : parseDuration(options.timeout, 'protect.timeout', 1),
    priority,
    ready,
    healthPath: pathOf(options.healthPath ?? '/healthz', 'protect.healthPath'),
    readyPath: pathOf(options.readyPath ?? '/readyz', 'protect.readyPath'),
    lameDuckMs: parseDuration(options.lameDuck ?? 0, 'protect.lameDuck'),
    drainMs: parseDuration(options.drainTimeout ?? '10s', 'protect.drainTimeout'),
    clock,
  }
}

function pathOf(given: string | false, path: string): string | undefined {
  if (given === false) return undefined
  check(typeof given === 'string' && /^\/[!-~]*$/.test(given), path, "a path that begins with '/', or false", given)
  return given
}
