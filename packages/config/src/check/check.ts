// The rules together. A finding is advice: it never keeps a configuration from being used.
import type { Config } from '../schema/config.ts'
import { breakerRules } from './breaker-rules.ts'
import type { Finding } from './finding.ts'
import { gatewayRules } from './gateway-rules.ts'
import { stackOf } from './stack.ts'
import { timingRules } from './timing-rules.ts'

/**
 * Looks for anti-patterns in a valid configuration: first service by service, then the routes. A service without policies
 * of its own has the standard stack, in which there are none.
 *
 * @example
 * for (const { severity, path, message } of checkConfig(config)) console.log(`${severity} ${path}: ${message}`)
 */
export function checkConfig(config: Config): Finding[] {
  const stacks = Object.entries(config.services).flatMap(([name, service]) => stackOf(name, service) ?? [])
  return [...stacks.flatMap((stack) => [...timingRules(stack), ...breakerRules(stack)]), ...gatewayRules(config)]
}
