// How a set of endpoints waits: options, their bounds and defaults.
import { checkCount, checkKeys, type Duration, parseDuration } from '@switchgear/core/options'

/** Options of the endpoints of a service. */
export interface EndpointsOptions {
  /** What is under way on an endpoint that has gone may take so long to finish; then it is ended. Default '5m'. */
  readonly drainFor?: Duration | undefined
  /** How long a call waits at most for the first endpoint of all; its own deadline wins. Default '5s'. */
  readonly waitFor?: Duration | undefined
  /** Calls that may wait for it at the same time. Default 1000. */
  readonly maxWaiting?: number | undefined
}

/** Checked. */
export interface EndpointsSettings {
  readonly drainForMs: number
  readonly waitForMs: number
  readonly maxWaiting: number
}

const known: readonly (keyof EndpointsOptions)[] = ['drainFor', 'waitFor', 'maxWaiting']

/**
 * Checks the options that stand at `path`. Throws `SG_BAD_OPTIONS`.
 *
 * @example
 * endpointsSettings({ drainFor: '30s' }, 'services.payments.endpoints').drainForMs // 30000
 */
export function endpointsSettings(options: EndpointsOptions = {}, path: string = 'endpoints'): EndpointsSettings {
  checkKeys(options, known, path)
  return Object.freeze({
    drainForMs: parseDuration(options.drainFor ?? '5m', `${path}.drainFor`, 1),
    waitForMs: parseDuration(options.waitFor ?? '5s', `${path}.waitFor`),
    maxWaiting: checkCount(options.maxWaiting ?? 1000, `${path}.maxWaiting`, 0, 1_000_000),
  })
}
