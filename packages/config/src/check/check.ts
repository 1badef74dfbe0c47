// The rules together. A finding is advice: it never keeps a configuration from being used.
import type { Config } from '../schema/config.ts'
import { attemptRules } from './attempt-rules.ts'
import { breakerRules } from './breaker-rules.ts'
import type { Finding } from './finding.ts'
import { gatewayRules } from './gateway-rules.ts'
import { orderRules } from './order-rules.ts'
import { sharedRules } from './shared-rules.ts'
import { stackOf } from './stack.ts'
import { timingRules } from './timing-rules.ts'

/**
 * Looks for anti-patterns in a valid configuration: first service by service, then the routes, then what is shared, then the
 * policies of the simulation. A service without policies of its own has the standard stack, in which there are none.
 *
 * @example
 * for (const { severity, path, message } of checkConfig(config)) console.log(`${severity} ${path}: ${message}`)
 */
export function checkConfig(config: Config): Finding[] {
  const { services, shared, simulation } = config
  const stacks = Object.entries(services).flatMap(([name, { policies }]) =>
    policies === undefined ? [] : [stackOf(name, policies, ['services', name, 'policies'], shared)],
  )
  const tried = Object.entries(simulation?.policies ?? {}).map(([name, policies]) =>
    stackOf(name, policies, ['simulation', 'policies', name], shared),
  )
  return [
    ...stacks.flatMap((stack) => [
      ...timingRules(stack),
      ...breakerRules(stack),
      ...attemptRules(stack),
      ...orderRules(stack),
    ]),
    ...gatewayRules(config),
    ...sharedRules(config),
    // What is tried may lack a policy on purpose, to see what happens then; a contradiction is one there too.
    ...tried.flatMap((stack) => [...attemptRules(stack), ...orderRules(stack)]),
  ]
}
