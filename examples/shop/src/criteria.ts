// What "the shop survived" means. Each criterion says what it wanted and what it got, so that a failed run names what
// failed. The limits are wide of what a calm machine measures and narrow of what a customer would forgive.
import type { BacklogState } from './backlog.ts'
import type { CircuitMeasure, ShopMeasure } from './measure.ts'
import { percent } from './share.ts'

/** What is judged. */
export interface Findings {
  readonly protected: ShopMeasure
  /** The most that may be in flight in the protected shop; undefined when the config declares no bulkhead. */
  readonly bound: number | undefined
  readonly circuits: readonly CircuitMeasure[]
  readonly backlog: BacklogState
}

/** One condition of survival. */
export interface Criterion {
  readonly name: string
  readonly passed: boolean
  /** For people: what was measured and what was wanted. */
  readonly measured: string
  readonly wanted: string
}

const openWithinMs = 5000
/** `openFor` of the circuit and the time that probes take, twice over. */
const recoverWithinMs = 8000
/** Below the attempt timeout: whoever is refused has not waited for the dead service. */
const refuseWithinMs = 400
const untouched = ['GET /orders', 'GET /recommendations']
const checkout = 'POST /checkout'
const checkoutShare = 0.99

/** Judges what was found. The shop survived when every criterion passed. */
export function judge(findings: Findings): Criterion[] {
  return [...servedCriteria(findings), ...circuitCriteria(findings), ...promptCriteria(findings)]
}

function servedCriteria(findings: Findings): Criterion[] {
  const { routes } = findings.protected
  const criteria = untouched.map((route): Criterion => {
    const share = routes[route]?.shareServed ?? 0
    return { name: `${route} is served throughout`, passed: share === 1, measured: percent(share), wanted: '100 %' }
  })
  const accepted = routes[checkout]?.shareServed ?? 0
  const { waiting, queued } = findings.backlog
  return [
    ...criteria,
    {
      name: 'checkouts are paid or queued for payment',
      passed: accepted >= checkoutShare,
      measured: percent(accepted),
      wanted: `at least ${percent(checkoutShare)}`,
    },
    {
      name: 'every queued payment is made after all',
      passed: waiting === 0,
      measured: `${waiting} of ${queued} left`,
      wanted: 'none left',
    },
  ]
}

function circuitCriteria(findings: Findings): Criterion[] {
  return findings.circuits.flatMap(({ process, service, openedAfterMs, recoveredAfterMs }) => [
    within(`circuit ${process} -> ${service} opens`, openedAfterMs, openWithinMs),
    within(`circuit ${process} -> ${service} recovers after the heal`, recoveredAfterMs, recoverWithinMs),
  ])
}

function promptCriteria(findings: Findings): Criterion[] {
  const { inFlightAtMost, outage, refusal } = findings.protected
  const { bound } = findings
  const { p99Ms } = refusal
  return [
    {
      name: 'requests in flight stay bounded',
      passed: bound !== undefined && inFlightAtMost <= bound,
      measured: `${inFlightAtMost} at most`,
      wanted: bound === undefined ? 'a bulkhead in the config' : `at most ${bound}`,
    },
    {
      name: 'who is refused is refused at once',
      passed: outage.refused > 0 && p99Ms !== undefined && p99Ms <= refuseWithinMs,
      measured: p99Ms === undefined ? 'nobody was refused' : `p99 ${Math.ceil(p99Ms)} ms`,
      wanted: `p99 within ${refuseWithinMs} ms`,
    },
  ]
}

function within(name: string, tookMs: number | undefined, limitMs: number): Criterion {
  return {
    name,
    passed: tookMs !== undefined && tookMs <= limitMs,
    measured: tookMs === undefined ? 'never' : `after ${(tookMs / 1000).toFixed(1)} s`,
    wanted: `within ${limitMs / 1000} s`,
  }
}
