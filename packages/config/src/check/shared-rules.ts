// What is shared, seen from all who name it.
import type { PolicySpec } from '@switchgear/core'
import { formatPath } from '../path.ts'
import { resolved } from '../schema/circuit-breaker.ts'
import type { Config } from '../schema/config.ts'
import { generous } from './attempt-rules.ts'
import { trigger } from './breaker-rules.ts'
import type { Finding } from './finding.ts'
import { sharedName } from './stack.ts'

/** Findings about `shared`. */
export function sharedRules({ shared = {}, services, external = {}, simulation }: Config): Finding[] {
  const lists = [...Object.entries(services), ...Object.entries(external)].map(
    // The hedge beside the policies takes from a budget as one among them would.
    ([name, { policies = [], hedge }]) => [name, hedge === undefined ? policies : [{ hedge }, ...policies]] as const,
  )
  const tried = Object.entries(simulation?.policies ?? {})
  const users = (uses: (policy: PolicySpec) => boolean, among = lists): string[] =>
    among.filter(([, policies]) => policies.some(uses)).map(([name]) => name)
  const budgets = Object.entries(shared.budgets ?? {}).flatMap(([name, { ratio }]) => {
    const path = formatPath(['shared', 'budgets', name])
    const used = users((policy) => budgetOf(policy) === name, [...lists, ...tried]).length > 0
    return [...generous(ratio, path), ...(used ? [] : [unused('budget', name, path)])]
  })
  const breakers = Object.entries(shared.circuitBreakers ?? {}).flatMap(([name, setting]) => {
    const path = formatPath(['shared', 'circuitBreakers', name])
    const uses = (policy: PolicySpec): boolean =>
      'circuitBreaker' in policy && sharedName(policy.circuitBreaker) === name
    const used = users(uses, [...lists, ...tried]).length > 0
    return [
      ...trigger(resolved(setting), path),
      ...global(users(uses), path),
      ...(used ? [] : [unused('circuit breaker', name, path)]),
    ]
  })
  return [...budgets, ...breakers]
}

function budgetOf(policy: PolicySpec): unknown {
  if ('retry' in policy) return policy.retry.budget
  return 'hedge' in policy ? policy.hedge.budget : undefined
}

function global(services: readonly string[], path: string): Finding[] {
  if (services.length < 2) return []
  return [
    {
      id: 'one-global-breaker',
      severity: 'warning',
      path,
      message: `${services.join(', ')} share one circuit breaker: where one of them is down, calls to the others are refused too`,
      advice: 'Give each service its own, unless they fail only together, as names of one host do.',
    },
  ]
}

function unused(what: string, name: string, path: string): Finding {
  return {
    id: 'shared-unused',
    severity: 'warning',
    path,
    message: `no policy names the shared ${what} ${name}: what it was meant to bound together is not`,
    advice: 'Name it in the policies that shall share it, or take it out.',
  }
}
