// Calls that nothing ends, and timeouts that contradict each other or the retry between them.
import type { Finding } from './finding.ts'
import type { Stack } from './stack.ts'

/** Findings about the timeouts and retries of one service. */
export function timingRules(stack: Stack): Finding[] {
  if (stack.timeouts.length === 0) {
    return [
      {
        id: 'no-timeout',
        severity: 'error',
        path: stack.at(),
        message: `${stack.service} has no timeout: a service that hangs keeps every call, its memory and its socket`,
        advice: 'Add timeout as the innermost policy, a little above what a healthy call needs.',
      },
    ]
  }
  return [...stack.retries.flatMap(({ index, value }) => retryRules(stack, index, value)), ...nesting(stack)]
}

function retryRules(stack: Stack, retry: number, attempts: number): Finding[] {
  const path = `${stack.at(retry)}.retry`
  const findings: Finding[] = []
  if (!stack.timeouts.some(({ index }) => index > retry)) {
    findings.push({
      id: 'retry-without-attempt-timeout',
      severity: 'warning',
      path,
      message: 'no timeout stands inside retry: one hanging attempt uses up the time of all the others',
      advice: 'Add a timeout after retry in the list; it bounds each attempt.',
    })
  }
  if (!stack.timeouts.some(({ index }) => index < retry)) {
    findings.push({
      id: 'retry-without-total-timeout',
      severity: 'warning',
      path,
      message: `no timeout stands outside retry: ${attempts} attempts and the waits between them have no common end`,
      advice: 'Add a timeout before retry in the list; it bounds the call as a whole.',
    })
  }
  return findings
}

/** A timeout that is not shorter than one outside of it can never be the one that ends a call. */
function nesting(stack: Stack): Finding[] {
  return stack.timeouts.flatMap(({ index, value }) => {
    const outer = stack.timeouts.find((other) => other.index < index && other.value <= value)
    if (outer === undefined) return []
    return [
      {
        id: 'attempt-timeout-over-total',
        severity: 'error',
        path: `${stack.at(index)}.timeout`,
        message: `this timeout (${value} ms) is not shorter than the one outside of it (${outer.value} ms) and never passes first`,
        advice: 'Make the outer one long enough for all attempts and their waits, or this one shorter.',
      },
    ]
  })
}
