// The main job, for real: ten processes, real sockets, the whole story. Margins are wide, because the machine is not ours.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Report } from '../src/report.ts'
import { runs, start } from './program.ts'

test('the shop survives a dead payment service, and its unprotected twin does not', { timeout: 90_000 }, async (t) => {
  const program = start(t, ['--once', '--json', '--port', '0'])
  const code = await program.ended
  const log = program.stderr()
  assert.equal(code, 0, log)
  const report = JSON.parse(program.stdout()) as Report
  assert.equal(report.survived, true)
  assert.ok(report.criteria.length >= 10)
  assert.ok(report.criteria.every(({ passed }) => passed))

  await t.test('customers of the protected shop are served, refused at once, and hardly ever failed', () => {
    const { all, outage, routes, inFlightAtMost, refusal } = report.protected
    assert.ok(all.requests > 1200, `about 40 x 35 requests, got ${all.requests}`)
    assert.ok(outage.shareServed > 0.85, `all but POST /pay is served in the outage, got ${outage.shareServed}`)
    assert.ok(outage.fallback > 100, `checkouts are queued, got ${outage.fallback}`)
    assert.ok((routes['POST /pay']?.refused ?? 0) > 20, 'without a fallback, 503 and Retry-After')
    assert.equal(routes['GET /orders']?.shareServed, 1)
    assert.ok(inFlightAtMost <= (report.bound ?? 0))
    assert.ok((refusal.p50Ms ?? Infinity) < 200, `refusals are quick, got ${refusal.p50Ms} ms`)
  })

  await t.test('both circuits open, probe, and close after the heal', () => {
    assert.deepEqual(
      report.circuits.map(({ process }) => process),
      ['orders', 'gateway'],
    )
    for (const { process, openedAfterMs, recoveredAfterMs } of report.circuits) {
      assert.ok(openedAfterMs !== undefined && openedAfterMs > 0 && openedAfterMs < 5000)
      assert.ok(recoveredAfterMs !== undefined && recoveredAfterMs < 8000)
      const states = report.transitions.filter((change) => change.process === process).map(({ to }) => to)
      assert.equal(states[0], 'open')
      assert.equal(states.at(-1), 'closed')
      assert.ok(states.filter((state) => state === 'half-open').length >= 2, `it probed: ${states.join(' ')}`)
    }
    assert.equal(report.backlog.waiting, 0)
    assert.equal(report.backlog.settled, report.backlog.queued)
  })

  await t.test('in the unprotected shop waiting requests pile up as the arithmetic says', () => {
    const { inFlightAtMost, outage } = report.unprotected
    const ratio = inFlightAtMost / report.pileUp
    assert.ok(ratio > 0.75 && ratio < 1.4, `rate x time is ${report.pileUp}, got ${inFlightAtMost}`)
    assert.ok(inFlightAtMost > 3 * report.protected.inFlightAtMost)
    assert.ok(outage.shareServed < 0.7)
    assert.equal(outage.refused, 0)
  })

  await t.test('every span came in, and a saved checkout shows what the policies did', () => {
    const { traces } = report
    assert.ok(traces !== undefined)
    assert.equal(traces.received, traces.sent, 'what services sent until their end is what the collector has got')
    assert.equal(traces.lost, 0)
    assert.equal(traces.undecided, 0)
    const requests = report.protected.all.requests
    assert.ok(traces.received > 4 * requests, `each request is some spans, got ${traces.received} of ${requests}`)
    assert.ok((traces.kept['error'] ?? 0) > 100, 'all that failed or was refused is kept')
    assert.ok((traces.kept['rare'] ?? 0) > 0)
    assert.ok(traces.leftOut > 300, `most healthy traces are left out, got ${traces.leftOut}`)
    assert.ok(traces.rescue !== undefined)
    const [root] = traces.rescue.spans
    assert.deepEqual([root?.service, root?.name, root?.depth, root?.status], ['gateway', 'POST /checkout', 0, 202])
    const events = traces.rescue.spans.flatMap((span) => span.events)
    const rejection = events.find(({ name }) => name === 'rejected')
    assert.deepEqual([rejection?.errorType, rejection?.state], ['SG_CIRCUIT_OPEN', 'open'])
    assert.equal(events.find(({ name }) => name === 'fallback')?.policy, 'queueForLater')
    assert.match(log, /rejected by circuitBreaker at .*: SG_CIRCUIT_OPEN, circuit open/)
  })

  await t.test('no process is left', () => {
    assert.equal(report.processes.length, 10)
    assert.deepEqual(
      report.processes.filter(({ pid }) => runs(pid)),
      [],
    )
  })
})
