// Policies that send more than one request for a call: how many that can become, and what they take from.
import type { ServiceOptions } from '@switchgear/client'
import type { Duration } from '@switchgear/core'
import { formatPath, type Path } from '../path.ts'
import { milliseconds } from '../schema/field.ts'
import type { Finding } from './finding.ts'
import type { Stack } from './stack.ts'

/** Findings about retries and hedges, and their budgets. */
export function attemptRules(stack: Stack): Finding[] {
  return [...budgets(stack), ...hedgedRetries(stack), ...lateHedges(stack), ...limitedAttempts(stack)]
}

/** Findings about the hedge that stands beside the policies of a service, around all of them. */
export function besideRules({ hedge }: ServiceOptions, stack: Stack, path: Path): Finding[] {
  if (hedge === undefined || hedge.maxHedges === 0) return []
  // One that stands inside retry ends an attempt; the passage that is hedged goes on with the next.
  const [first] = stack.retries
  const ending = stack.timeouts.filter(({ index }) => first === undefined || index < first.index)
  const shortest = Math.min(Infinity, ...ending.map(({ value }) => value))
  const at = formatPath([...path, 'hedge'])
  const { budget } = hedge
  return [
    ...(typeof budget === 'object' ? generous(budget.ratio, `${at}.budget`) : []),
    ...tooLate(hedge.delay, shortest, at),
  ]
}

/** A budget that lets further attempts more than double the load; `path` is where it stands. */
export function generous(ratio: number | undefined, path: string): Finding[] {
  if (ratio === undefined || ratio <= 1) return []
  return [
    {
      id: 'retry-budget-too-generous',
      severity: 'warning',
      path,
      message: `ratio ${ratio} lets further attempts more than double the load on a service that is failing already`,
      advice: 'Take 0.1 to 0.3: enough to hide single failures, too little to make an outage worse.',
    },
  ]
}

function budgets(stack: Stack): Finding[] {
  const [retries, hedges] = [stack.of('retry'), stack.of('hedge')]
  const own = [
    ...retries.map((one) => ({ ...one, kind: 'retry' })),
    ...hedges.map((one) => ({ ...one, kind: 'hedge' })),
  ]
  const findings = own.flatMap(({ index, kind, value: { budget } }) =>
    typeof budget === 'object' ? generous(budget.ratio, `${stack.at(index)}.${kind}.budget`) : [],
  )
  const twice = hedges.filter(({ value: { budget } }) => {
    return typeof budget === 'string' && retries.some((retry) => retry.value.budget === budget)
  })
  for (const { index, value } of twice) {
    findings.push({
      id: 'budget-deposited-twice',
      severity: 'warning',
      path: `${stack.at(index)}.hedge.budget`,
      message: `retry and hedge share the budget ${String(value.budget)}, into which each call pays twice, once for each of them`,
      advice: 'Give that budget half the ratio, or one of the two a budget of its own.',
    })
  }
  return findings
}

function hedgedRetries(stack: Stack): Finding[] {
  return stack.of('hedge').flatMap(({ index, value: { maxHedges = 1 } }) => {
    const [retry] = stack.retries
    if (retry === undefined || maxHedges === 0) return []
    const attempts = retry.value * (1 + maxHedges)
    return [
      {
        id: 'hedge-with-retry',
        severity: 'warning',
        path: `${stack.at(index)}.hedge`,
        message: `retry and hedge multiply: one call can become ${attempts} requests`,
        advice: 'Keep one of them: hedge where latency hurts, retry where failures do.',
      },
    ]
  })
}

function lateHedges(stack: Stack): Finding[] {
  const shortest = Math.min(Infinity, ...stack.timeouts.map(({ value }) => value))
  return stack
    .of('hedge')
    .flatMap(({ index, value: { delay } }) => tooLate(delay, shortest, `${stack.at(index)}.hedge`))
}

function tooLate(delay: Duration | undefined, shortestMs: number, path: string): Finding[] {
  const delayMs = milliseconds(delay)
  if (delayMs === undefined || delayMs < shortestMs) return []
  return [
    {
      id: 'hedge-after-timeout',
      severity: 'error',
      path,
      message: `the second attempt would start after ${delayMs} ms, when a timeout (${shortestMs} ms) has ended the first`,
      advice: 'Make delay about the 95th percentile of the latency, well below the timeout, or leave it out.',
    },
  ]
}

function limitedAttempts(stack: Stack): Finding[] {
  return stack.retries.flatMap((retry) => {
    const limits = stack.of('rateLimit').filter(({ index }) => index > retry.index)
    const throttles = stack.of('throttle').filter(({ index }) => index < retry.index)
    return [
      ...limits.map(({ index }): Finding => ({
        id: 'rate-limit-inside-retry',
        severity: 'info',
        path: `${stack.at(index)}.rateLimit`,
        message: `each of up to ${retry.value} attempts takes from the quota, so that in an outage retries use up what first attempts need`,
        advice: 'List rateLimit before retry, unless the other side counts every request.',
      })),
      ...throttles.map(({ index }): Finding => ({
        id: 'throttle-outside-retry',
        severity: 'warning',
        path: `${stack.at(index)}.throttle`,
        message: 'throttle stands outside retry: it counts calls, while the service gets every attempt',
        advice: 'List throttle after retry, so that it learns from each attempt.',
      })),
    ]
  })
}
