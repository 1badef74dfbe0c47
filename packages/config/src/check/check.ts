// The rules together. A finding is advice: it never keeps a configuration from being used.
import { standardPolicies } from '@switchgear/client'
import type { Config } from '../schema/config.ts'
import { attemptRules, besideRules } from './attempt-rules.ts'
import { breakerRules } from './breaker-rules.ts'
import { discoveryRules } from './discovery-rules.ts'
import { endpointRules } from './endpoint-rules.ts'
import type { Finding } from './finding.ts'
import { gatewayRules } from './gateway-rules.ts'
import { orderRules } from './order-rules.ts'
import { sharedRules } from './shared-rules.ts'
import { stackOf } from './stack.ts'
import { timingRules } from './timing-rules.ts'

/**
 * Looks for anti-patterns in a valid configuration: first service by service, then host by host, then the routes, then where
 * services are found, then what is shared, then the policies of the simulation. A service without policies of its own has the
 * standard stack, in which there are none.
 *
 * @example
 * for (const { severity, path, message } of checkConfig(config)) console.log(`${severity} ${path}: ${message}`)
 */
export function checkConfig(config: Config): Finding[] {
  const { services, external = {}, shared, simulation } = config
  const guarded = [
    ...Object.entries(services).map(([name, service]) => [['services', name], service] as const),
    ...Object.entries(external).map(([name, service]) => [['external', name], service] as const),
  ]
  const tried = Object.entries(simulation?.policies ?? {}).map(([name, policies]) =>
    stackOf(name, policies, ['simulation', 'policies', name], shared),
  )
  return [
    ...guarded.flatMap(([path, service]) => {
      const [, name] = path
      const stack = stackOf(name, service.policies ?? standardPolicies, [...path, 'policies'], shared)
      const beside = [...besideRules(service, stack, path), ...endpointRules(service, path)]
      if (service.policies === undefined) return beside
      return [...timingRules(stack), ...breakerRules(stack), ...attemptRules(stack), ...orderRules(stack), ...beside]
    }),
    ...gatewayRules(config),
    ...discoveryRules(config),
    ...sharedRules(config),
    // What is tried may lack a policy on purpose, to see what happens then; a contradiction is one there too.
    ...tried.flatMap((stack) => [...attemptRules(stack), ...orderRules(stack)]),
  ]
}
