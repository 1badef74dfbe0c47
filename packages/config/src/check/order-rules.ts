// Policies that stand where they cannot do what they are for.
import type { Finding } from './finding.ts'
import type { Stack } from './stack.ts'

/** Findings about the order of one list. */
export function orderRules(stack: Stack): Finding[] {
  return [...caches(stack), ...limits(stack), ...sheds(stack), ...faults(stack)]
}

function caches(stack: Stack): Finding[] {
  return stack.of('cache').flatMap(({ index }) => {
    const path = `${stack.at(index)}.cache`
    const findings: Finding[] = []
    if (stack.breakers.some((breaker) => breaker.index < index)) {
      findings.push({
        id: 'cache-inside-breaker',
        severity: 'warning',
        path,
        message: 'cache stands inside circuitBreaker: while the circuit is open, nobody is answered from it',
        advice: 'List cache before circuitBreaker, so that what is kept outlives the outage.',
      })
    }
    if (stack.retries.some((retry) => retry.index < index)) {
      findings.push({
        id: 'cache-inside-retry',
        severity: 'warning',
        path,
        message:
          'cache stands inside retry: what the first attempt did not find there, the next ones will not find either',
        advice: 'List cache before retry.',
      })
    }
    return findings
  })
}

/** A fixed limit inside one that finds itself: the smaller decides, and the other is idle. */
function limits(stack: Stack): Finding[] {
  return stack.of('adaptiveLimit').flatMap((adaptive) => {
    const { maxLimit = 200 } = adaptive.value
    const inside = stack.of('bulkhead').filter(({ index }) => index > adaptive.index)
    return inside.map(({ index, value: { maxInFlight = 100 } }): Finding => {
      const idle = maxInFlight >= maxLimit
      return {
        id: 'adaptive-limit-with-bulkhead',
        severity: 'warning',
        path: `${stack.at(index)}.bulkhead`,
        message: idle
          ? `bulkhead (${maxInFlight}) stands inside adaptiveLimit (at most ${maxLimit}) and never refuses anything`
          : `bulkhead (${maxInFlight}) stands inside adaptiveLimit, which can never find a limit above it`,
        advice: 'Leave bulkhead out; maxLimit of adaptiveLimit is the bound.',
      }
    })
  })
}

function sheds(stack: Stack): Finding[] {
  return stack
    .of('shed')
    .filter(({ index }) => index > 0)
    .map(({ index }) => ({
      id: 'shed-not-outermost',
      severity: 'warning',
      path: `${stack.at(index)}.shed`,
      message: `${stack.kindAt(0)} stands outside shed: an overloaded process works on calls before it refuses them`,
      advice: 'List shed first.',
    }))
}

function faults(stack: Stack): Finding[] {
  return stack.of('chaos').flatMap(({ index, value }) => {
    const path = `${stack.at(index)}.chaos`
    const findings: Finding[] = [
      {
        id: 'chaos-in-file',
        severity: 'warning',
        path,
        message: `faults are injected on purpose, for ${shownDuration(value.for)} after each start${value.allowInProduction === true ? ', in production too' : ''}`,
        advice:
          'Take it out when the experiment is over; what should fail in a simulation stands in the faults of a scenario.',
      },
    ]
    if (index === 0 && stack.policies.length > 1) {
      findings.push({
        id: 'chaos-outermost',
        severity: 'warning',
        path,
        message: 'chaos stands outside all other policies: its faults reach callers and test nothing',
        advice: 'List chaos last, where the service would fail.',
      })
    }
    return findings
  })
}

function shownDuration(duration: number | string): string {
  return typeof duration === 'number' ? `${duration} ms` : duration
}
