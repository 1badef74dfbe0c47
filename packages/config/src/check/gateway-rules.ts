// What the clients of the gateway would see of an outage that they need not see.
import type { ServiceOptions } from '@switchgear/client'
import type { SharedSpec } from '@switchgear/core'
import { formatPath } from '../path.ts'
import type { Config } from '../schema/config.ts'
import type { Finding } from './finding.ts'
import { ownOf } from './stack.ts'

/** Findings about the routes. */
export function gatewayRules({ gateway, services, shared }: Config): Finding[] {
  return (gateway?.routes ?? []).flatMap(({ path, service: name }, index) => {
    const service = services[name]
    if (service === undefined || !isNonCritical(service, shared) || service.fallback !== undefined) return []
    return [
      {
        id: 'no-fallback',
        severity: 'info',
        path: formatPath(['gateway', 'routes', index]),
        message: `${path} leads to ${name}, which is called non-critical but has no fallback: its outage is answered 503`,
        advice: 'Give the service a fallback: {cached: true}, or a status and a body that mean "nothing to show".',
      },
    ]
  })
}

/** A service whose circuit breaker takes the preset of that name. */
function isNonCritical({ policies = [] }: ServiceOptions, shared: SharedSpec | undefined): boolean {
  return policies.some((policy) => {
    if (!('circuitBreaker' in policy)) return false
    const own = ownOf(policy.circuitBreaker, shared)
    return (typeof own === 'string' ? own : own.preset) === 'nonCritical'
  })
}
