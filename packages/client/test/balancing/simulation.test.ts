// What balancers are for, in simulated traffic: the slow one of ten, the one that fails at once, the new one. Time is virtual and
// chance is seeded; the bounds leave room for other seeds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BalancerName, LoadOptions } from '../../src/balancing/index.ts'
import { type Answering, failing, good, Server, shareOf, Traffic } from './endpoints.ts'

function tenServers(answerOfFirst: Answering): [Server, ...Server[]] {
  const others = Array.from({ length: 9 }, (_, index) => new Server(`e${index + 1}`, good(20)))
  return [new Server('e0', answerOfFirst), ...others]
}

function slowOneOfTen(name: BalancerName): { p99: number; share: number } {
  const servers = tenServers(good(200))
  const traffic = new Traffic(name, servers, 500)
  traffic.warm(5000, servers)
  traffic.clock.advanceSync(30_000)
  return { p99: traffic.percentile(0.99), share: shareOf(servers[0], servers) }
}

test('one slow of ten: the peak EWMA hides it from the p99, least request does so in part, round robin not at all', () => {
  const roundRobin = slowOneOfTen('roundRobin')
  const leastRequest = slowOneOfTen('leastRequest')
  const peakEwma = slowOneOfTen('peakEwma')
  // Without a slow one the p99 of these answers is 56 ms: 20 * (0.5 + ln(100) / 2).
  assert.ok(peakEwma.p99 < 70, `peakEwma ${peakEwma.p99}`)
  assert.ok(leastRequest.p99 > peakEwma.p99 * 1.5, `leastRequest ${leastRequest.p99}`)
  assert.ok(roundRobin.p99 > leastRequest.p99 * 1.3, `roundRobin ${roundRobin.p99}`)
  assert.ok(peakEwma.share > 0, 'it is tried again')
  assert.ok(peakEwma.share < 0.01, `peakEwma share ${peakEwma.share}`)
})

test('one that was slow gets its share again', () => {
  const servers = tenServers(good(500))
  const traffic = new Traffic('peakEwma', servers, 500)
  traffic.warm(20_000, servers)
  servers[0].answer = good(20)
  traffic.warm(60_000, servers)
  traffic.clock.advanceSync(30_000)
  const share = shareOf(servers[0], servers)
  assert.ok(share > 0.05 && share < 0.2, `share ${share}`)
})

for (const name of ['peakEwma', 'leastRequest'] as const) {
  test(`${name}: an endpoint that answers 503 in 1 ms gets less than its share, whether calls are few or many`, () => {
    for (const perSecond of [20, 200, 2000]) {
      const servers = tenServers(failing(1))
      const traffic = new Traffic(name, servers, perSecond)
      traffic.warm(10_000, servers)
      traffic.clock.advanceSync(20_000)
      const share = shareOf(servers[0], servers)
      assert.ok(share < 0.05, `${perSecond}/s: ${share}`)
      assert.ok(share > 0, `${perSecond}/s: it is tried again`)
    }
  })

  test(`${name}: without the charge the same endpoint attracts calls, so it is the charge that keeps them away`, () => {
    const load: LoadOptions = { failurePenalty: 0 }
    const servers = Array.from(
      { length: 10 },
      (_, index) => new Server(`e${index}`, index === 0 ? failing(1) : good(20), { load }),
    )
    const traffic = new Traffic(name, servers, 2000)
    traffic.warm(10_000, servers)
    traffic.clock.advanceSync(10_000)
    const share = shareOf(servers[0] as Server, servers)
    assert.ok(share > 0.13, `share ${share}`)
  })

  test(`${name}: failures that all endpoints have now and then leave the shares even`, () => {
    const answer: Answering = (random) => ({
      ...good(20)(random),
      outcome: random() < 0.005 ? 'failure' : 'success',
    })
    const servers = Array.from({ length: 10 }, (_, index) => new Server(`e${index}`, answer))
    const traffic = new Traffic(name, servers, 1000)
    traffic.warm(10_000, servers)
    traffic.clock.advanceSync(30_000)
    for (const server of servers) {
      const share = shareOf(server, servers)
      assert.ok(share > 0.07 && share < 0.14, `${server.id}: ${share}`)
    }
  })
}

/** How the part of an eleventh grows in eight spans of 5 s, in relation to a fair share. */
function growth(name: BalancerName, load: LoadOptions): number[] {
  const servers = tenServers(good(20))
  const traffic = new Traffic(name, servers, 500)
  traffic.warm(10_000, servers)
  const fresh = new Server('fresh', good(20), { since: traffic.clock.now(), load })
  const all = [...servers, fresh]
  traffic.balancer.update(all)
  return Array.from({ length: 8 }, () => {
    traffic.warm(0, all)
    traffic.clock.advanceSync(5000)
    return shareOf(fresh, all) * all.length
  })
}

for (const name of ['peakEwma', 'leastRequest', 'roundRobin', 'random'] as const) {
  test(`${name}: a new endpoint starts slowly and has its whole share after the slow start`, () => {
    const shares = growth(name, { slowStart: '30s' })
    const [first = 0, , , fourth = 0, , sixth = 0, , last = 0] = shares
    assert.ok(first > 0.05 && first < 0.35, `first ${shares}`)
    assert.ok(fourth > first * 1.5, `fourth ${shares}`)
    assert.ok(sixth > 0.7, `sixth ${shares}`)
    assert.ok(last > 0.7 && last < 1.4, `last ${shares}`)
  })
}

test('peakEwma: a new endpoint is neither flooded nor starved without a slow start', () => {
  for (const share of growth('peakEwma', { slowStart: 0 })) assert.ok(share > 0.4 && share < 1.8, `${share}`)
})

test('peakEwma: a new endpoint that hangs gets a handful of calls and no more', () => {
  const servers = tenServers(good(20))
  const traffic = new Traffic('peakEwma', servers, 500)
  traffic.warm(10_000, servers)
  const hanging = new Server('hanging', () => ({ tookMs: 60_000, outcome: 'failure' }))
  const all = [...servers, hanging]
  traffic.balancer.update(all)
  traffic.warm(30_000, all)
  traffic.clock.advanceSync(1000)
  assert.ok(hanging.account.inFlight > 0)
  assert.ok(hanging.account.inFlight < 40, `${hanging.account.inFlight} calls wait for it`)
})
