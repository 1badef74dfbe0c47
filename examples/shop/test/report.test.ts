import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Journal } from '../src/journal.ts'
import { comparison, criterionLines, reportJson, reportOn, type Evidence } from '../src/report.ts'
import { Scoreboard, type Verdict } from '../src/scoreboard.ts'
import { traceLines } from '../src/traces-report.ts'
import type { TraceReport } from '../src/tracing.ts'

/** A shop that got the same `verdict` for every POST /pay of a second-long outage and served everything else. */
function shop(verdict: Verdict): Scoreboard {
  const score = new Scoreboard()
  for (let begunAt = 1000; begunAt < 4000; begunAt += 100) {
    for (const route of ['GET /orders', 'GET /recommendations', 'POST /checkout', 'POST /pay']) {
      score.sent()
      const hit = route === 'POST /pay' && begunAt >= 2000 && begunAt < 3000
      score.done({ route, begunAt, tookMs: 3.0777, verdict: hit ? verdict : 'full', why: hit ? '503' : '200' })
    }
  }
  return score
}

const traces: TraceReport = {
  sent: 40,
  received: 40,
  lost: 0,
  kept: { error: 2, breaker: 0, rare: 5 },
  leftOut: 3,
  undecided: 0,
  keptSpans: 30,
  rescue: undefined,
}

function evidence(): Evidence {
  const journal = new Journal()
  for (const process of ['orders', 'gateway']) {
    for (const [to, at] of [
      ['open', 2500],
      ['half-open', 3100],
      ['closed', 3200],
    ] as const) {
      journal.transition(
        process,
        { type: 'transition', service: 'payments', from: '', to, reason: '', agoMs: 5 },
        at + 5,
      )
    }
  }
  return {
    seed: 7,
    perSecond: 40,
    begunAt: 1000,
    outage: { brokenAt: 2000, healedAt: 3000 },
    payments: { endpoints: ['http://127.0.0.1:7101'], policies: [{ bulkhead: { maxInFlight: 16 } }] },
    journal,
    protected: shop('refused'),
    unprotected: shop('failed'),
    processes: [{ name: 'orders', origin: 'http://127.0.0.1:1', pid: 1 }],
    traces,
  }
}

test('a report measures both shops and judges the protected one', () => {
  const report = reportOn(evidence())
  assert.equal(report.survived, true)
  assert.equal(report.outageMs, 1000)
  assert.equal(report.bound, 112)
  assert.equal(report.pileUp, 18)
  assert.deepEqual(
    report.circuits.map(({ openedAfterMs, recoveredAfterMs }) => [openedAfterMs, recoveredAfterMs]),
    [
      [500, 200],
      [500, 200],
    ],
  )
  assert.equal(report.transitions[0]?.at, 1500, 'times count from the start of the load')
})

test('as JSON its numbers are rounded and shares are not', () => {
  const parsed = JSON.parse(reportJson(reportOn(evidence()))) as ReturnType<typeof reportOn>
  assert.equal(parsed.protected.latency.p50Ms, 3.1)
  assert.equal(parsed.protected.all.shareServed, 0.9167)
})

test('the two shops stand side by side in aligned columns', () => {
  const [head = '', ...rows] = comparison(reportOn(evidence()))
  const edge = head.length
  const row = (name: string): string[] => {
    const line = rows.find((candidate) => candidate.startsWith(name)) ?? ''
    assert.equal(line.length, edge, `'${name}' ends where the head ends`)
    return line
      .slice(name.length)
      .trim()
      .split(/\s{3,}/)
  }
  assert.deepEqual(head.trim().split(/\s+/), ['protected', 'unprotected'])
  assert.deepEqual(row('requests'), ['120', '120'])
  assert.deepEqual(row('  refused at once (503, Retry-After)'), ['10 (8.3 %)', '-'])
  assert.deepEqual(row('  failed'), ['-', '10 (8.3 %)'])
  assert.deepEqual(row('  bound / rate x time'), ['<= 112', '18'])
  assert.deepEqual(row('time to open, orders'), ['0.5 s', '-'])
  assert.deepEqual(row('refusal latency p50 / p99'), ['3.1 / 3.1 ms', '-'])
})

test('the traces are counted, with the reasons why some were kept', () => {
  const lines = traceLines(traces).map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))
  assert.deepEqual(lines, [
    'traces | 10',
    'kept | 7 | error 2 | rare 5',
    'left out, nothing spoke for them | 3',
    'spans sent by five services | 40',
    'received | 40',
    'lost | 0',
    'kept | 30',
  ])
  assert.equal((JSON.parse(reportJson(reportOn(evidence()))) as { traces: TraceReport }).traces.received, 40)
})

test('every criterion is one line with what was measured and what was wanted', () => {
  const { criteria } = reportOn(evidence())
  const lines = criterionLines(criteria)
  assert.equal(lines.length, criteria.length)
  assert.match(lines.join('\n'), /requests in flight stay bounded +1 at most \(wanted: at most 112\)/)
})
