// Circuit breakers that are missing, trip on noise or too late, or probe while the old calls still run.
import type { CircuitBreakerOptions } from '@switchgear/core'
import { milliseconds } from '../schema/field.ts'
import type { Finding } from './finding.ts'
import type { Stack } from './stack.ts'

/** More failures in a row than this are an outage that callers have long felt. */
const tooPatient = 50
/** Below so many calls a ratio is decided by one or two of them. */
const fewCalls = 5

/** Findings about the circuit breakers of one service. */
export function breakerRules(stack: Stack): Finding[] {
  if (stack.breakers.length === 0) {
    return [
      {
        id: 'no-circuit-breaker',
        severity: 'warning',
        path: stack.at(),
        message: `${stack.service} has no circuit breaker: while it is down, every call waits for it and fails`,
        advice: 'Add circuitBreaker, inside retry, so that each attempt counts.',
      },
    ]
  }
  const longest = Math.min(Infinity, ...stack.timeouts.map(({ value }) => value))
  return stack.breakers.flatMap(({ index, value, shared }) => {
    const path = `${stack.at(index)}.circuitBreaker`
    // What a shared one trips on is told once, where it is defined.
    return [...(shared === undefined ? trigger(value, path) : []), ...openTime(value, path, longest)]
  })
}

/** Findings about what opens a circuit. */
export function trigger(options: CircuitBreakerOptions, path: string): Finding[] {
  const findings: Finding[] = []
  const { consecutiveFailures: inRow, minimumThroughput = 10, window } = options
  if (inRow === 1) {
    findings.push({
      id: 'breaker-hair-trigger',
      severity: 'warning',
      path,
      message: 'consecutiveFailures 1 opens the circuit at any single failure',
      advice: 'Take at least 3, so that one lost packet is not an outage.',
    })
  }
  if (typeof inRow === 'number' && inRow > tooPatient) {
    findings.push({
      id: 'breaker-too-patient',
      severity: 'warning',
      path,
      message: `consecutiveFailures ${inRow} lets that many callers fail before the circuit opens`,
      advice: `Take 3 to 10, or failureRatio where some failures are normal; above ${tooPatient} it protects nobody.`,
    })
  }
  if (options.failureRatio === undefined && options.slowCallRatio === undefined) return findings
  // Core asks for no more calls than a window of calls can hold.
  const calls = typeof window === 'number' ? Math.min(minimumThroughput, window) : minimumThroughput
  if (calls < fewCalls) {
    findings.push({
      id: 'breaker-low-throughput',
      severity: 'warning',
      path,
      message: `a ratio is decided by ${calls === 1 ? 'one call' : `${calls} calls`}: the smaller of minimumThroughput and a window of calls`,
      advice: `Take at least ${fewCalls}, better 10; for quiet services consecutiveFailures says more than a ratio.`,
    })
  }
  return findings
}

function openTime({ openFor, rampFor = 0 }: CircuitBreakerOptions, path: string, longestMs: number): Finding[] {
  if (openFor === undefined) return []
  const openForMs = milliseconds(openFor) ?? 0
  // In a ramp the load comes back slowly enough, however early it begins.
  if (longestMs === Infinity || openForMs >= longestMs || milliseconds(rampFor) !== 0) return []
  return [
    {
      id: 'open-shorter-than-timeout',
      severity: 'warning',
      path,
      message: `openFor (${openForMs} ms) ends before the calls that began earlier have timed out (${longestMs} ms)`,
      advice:
        'Keep it open for several timeouts: a service that hangs needs the time without load to recover. Or give it a ramp (rampFor).',
    },
  ]
}
