// The rules of the tail sampler, their order, and what processes must agree on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import { consistent } from '../../src/sampling/head.ts'
import { markKept, samplingAttributes } from '../../src/sampling/mark.ts'
import { keptResilienceEvents, resilienceEvents } from '../../src/sampling/resilience-events.ts'
import { estimateTraceBytes } from '../../src/sampling/span-size.ts'
import type { TailSamplerOptions } from '../../src/sampling/tail-options.ts'
import { type TailDecision, TailSampler } from '../../src/sampling/tail-sampler.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { child, event, highestId, lowestId, seed, span, traceIds } from './spans.ts'

/** Without chance and rarity, so that only the rule at hand can keep. */
function sampler(options: TailSamplerOptions = {}): TailSampler {
  return new TailSampler({ clock: new VirtualClock(), ratio: 0, rareBelow: 0, ...options })
}

const brief = ({ keep, reason }: TailDecision): string => `${keep ? 'keep' : 'drop'} ${reason}`

test('an error anywhere keeps the trace: by status or by error.type', () => {
  for (const parts of [{ status: 'error' as const }, { attributes: { 'error.type': '500' } }]) {
    assert.equal(brief(sampler().decide([span(parts)])), 'keep error')
    assert.equal(brief(sampler().decide([span(), child(), child(parts)])), 'keep error')
  }
  assert.equal(brief(sampler().decide([span({ status: 'ok' }), child()])), 'drop probability')
})

test('what policies did keeps the trace: as event, as attribute and as span, and only what matters', () => {
  for (const name of Object.values(resilienceEvents)) {
    const expected = keptResilienceEvents.has(name) ? 'keep breaker' : 'drop probability'
    assert.equal(brief(sampler().decide([span(), child({ events: [event('x'), event(name)] })])), expected, name)
    assert.equal(brief(sampler().decide([span(), child({ attributes: { a: 1, [name]: 'payments' } })])), expected, name)
    assert.equal(brief(sampler().decide([span(), child({ name })])), expected, name)
  }
  assert.equal(keptResilienceEvents.size, 9)
  assert.equal(brief(sampler().decide([span({ attributes: { 'switchgear.rejected': false } })])), 'drop probability')
  assert.equal(brief(sampler().decide([span({ attributes: { 'switchgear.policy': 'x' } })])), 'drop probability')
})

test('slow: above the percentile of its own service and route, once there are samples enough', () => {
  const tail = sampler({ minSamples: 100 })
  const slow = (parts = {}): string => brief(tail.decide([span({ durationMs: 1000, ...parts }), child()]))
  for (let n = 0; n < 99; n++) tail.decide([span({ durationMs: 10 })])
  assert.equal(slow(), 'drop probability', 'one sample is missing')
  for (let n = 0; n < 200; n++) tail.decide([span({ durationMs: 10 })])
  assert.equal(slow(), 'keep slow')
  assert.equal(slow({ name: 'GET /other' }), 'drop probability')
  assert.equal(slow({ service: 'payments' }), 'drop probability')
  assert.equal(
    brief(tail.decide([span({ durationMs: 10 }), child({ durationMs: 5000 })])),
    'drop probability',
    'a child does not count',
  )
})

test('a route is the http.route with its method where there is one, whatever the name of the span', () => {
  const tail = sampler()
  const on = (method: string, name: string, durationMs: number): string => {
    const attributes = { 'http.route': '/orders/:id', 'http.request.method': method }
    return brief(tail.decide([span({ name, durationMs, attributes })]))
  }
  for (let n = 0; n < 200; n++) on('GET', `GET /orders/${n}`, 10)
  assert.equal(tail.routes, 1)
  assert.equal(on('GET', 'x', 1000), 'keep slow')
  assert.equal(on('PUT', 'x', 1000), 'drop probability')
})

test('failures teach nothing of how long a route takes', () => {
  const tail = sampler()
  for (let n = 0; n < 200; n++) tail.decide([span({ durationMs: 10 })])
  for (let n = 0; n < 200; n++) tail.decide([span({ durationMs: 30_000, status: 'error' })])
  assert.equal(brief(tail.decide([span({ durationMs: 1000 })])), 'keep slow')
})

test('about 1 % of a steady route is slow', () => {
  const random = seededRandom(seed)
  const tail = sampler({ bytesPerSecond: '1gb' })
  let slow = 0
  for (let n = 0; n < 30_000; n++) {
    const decision = tail.decide([span({ durationMs: -20 * Math.log(1 - random()) })])
    if (n >= 2000 && decision.reason === 'slow') slow++
  }
  assert.ok(slow / 28_000 > 0.005 && slow / 28_000 < 0.015, `${(100 * slow) / 28_000} %`)
})

test('rare: the first few of a route in a window, and again after it was quiet', () => {
  const clock = new VirtualClock()
  const tail = sampler({ clock, rareBelow: 3, rareWindow: '1m' })
  const seen = (): string => brief(tail.decide([span()]))
  assert.deepEqual([seen(), seen(), seen(), seen()], ['keep rare', 'keep rare', 'keep rare', 'drop probability'])
  assert.equal(brief(tail.decide([span({ name: 'GET /new' })])), 'keep rare')
  clock.advanceSync(60_000)
  assert.equal(seen(), 'drop probability', 'four in the minute before')
  clock.advanceSync(120_000)
  assert.equal(seen(), 'keep rare')
})

test('a flood of route names is not rare: the table is bounded and the rest is judged as one', () => {
  const clock = new VirtualClock()
  const tail = sampler({ clock, rareBelow: 1, maxRoutes: 10, bytesPerSecond: '1gb' })
  let kept = 0
  for (let n = 0; n < 5000; n++) if (tail.decide([span({ name: `GET /${n}` })]).keep) kept++
  assert.deepEqual([kept, tail.routes, tail.routesOverflowed], [10, 10, 4990])
  assert.equal(brief(tail.decide([span({ name: 'GET /x', durationMs: 1000 })])), 'keep slow', 'learned together')
})

test('the order: error, breaker, slow, rare, probability', () => {
  const tail = sampler({ ratio: 1, rareBelow: 1e6 })
  for (let n = 0; n < 200; n++) tail.decide([span({ durationMs: 10 })])
  const rejected = { 'switchgear.rejected': true }
  const decide = (parts: Parameters<typeof span>[0]): string => brief(tail.decide([span(parts)]))
  assert.equal(decide({ durationMs: 1000, status: 'error', attributes: rejected }), 'keep error')
  assert.equal(decide({ durationMs: 1000, attributes: rejected }), 'keep breaker')
  assert.equal(decide({ durationMs: 1000 }), 'keep slow')
  assert.equal(decide({ durationMs: 10 }), 'keep rare')
  assert.equal(brief(sampler({ ratio: 1 }).decide([span()])), 'keep probability')
})

test('probability: all processes agree, whatever they have seen, and with the head samplers', () => {
  const share = fc.double({ min: 0.000_1, max: 1, noNaN: true })
  const processes = Array.from({ length: 3 }, (_, n) => {
    const learned = sampler({ bytesPerSecond: '1gb' })
    for (let seen = 0; seen < 150 * n; seen++) learned.decide([span({ durationMs: 10, service: `s${n}` })])
    return n
  })
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f]{31}[1-9a-f]$/), share, share, (traceId, one, other) => {
      const [lower, higher] = one < other ? [one, other] : [other, one]
      const kept = processes.map((n) => {
        const tail = sampler({ ratio: lower, bytesPerSecond: '1gb' })
        for (let seen = 0; seen < 20 * n; seen++) tail.decide([span({ service: `s${n}` })])
        return tail.decide([child({ traceId, durationMs: n, name: `part ${n}` })]).keep
      })
      assert.equal(new Set(kept).size, 1)
      const part = (at: number): number => Number.parseInt(traceId.slice(at, at + 8), 16) | 0
      const root = { parent: undefined, traceC: part(16), traceD: part(24), random: true, name: '' }
      assert.equal(consistent(lower).decide(root).sampled, kept[0])
      if (kept[0]) assert.ok(sampler({ ratio: higher }).decide([span({ traceId })]).keep)
    }),
    { seed, numRuns: 500 },
  )
})

test('probability: explicit randomness counts, and the share that is kept is the ratio', () => {
  const tail = sampler({ ratio: 0.5 })
  assert.equal(tail.decide([span({ traceId: lowestId, traceState: 'a=1, ot=rv:80000000000000' })]).keep, true)
  assert.equal(tail.decide([span({ traceId: highestId, traceState: 'ot=rv:7fffffffffffff' })]).keep, false)
  const tenth = sampler({ ratio: 0.1, bytesPerSecond: '1gb' })
  const kept = traceIds(20_000).filter((traceId) => tenth.decide([span({ traceId })]).keep).length
  assert.ok(Math.abs(kept / 20_000 - 0.1) < 0.011, String(kept))
})

test('the effective ratio: what head and tail let through together', () => {
  const ratioOf = (parts: Partial<SpanData>, options: TailSamplerOptions): number =>
    sampler(options).decide([span({ traceId: highestId, ...parts })]).ratio
  assert.equal(ratioOf({ status: 'error' }, {}), 1)
  assert.equal(ratioOf({ status: 'error', traceState: 'ot=th:c' }, {}), 0.25)
  assert.equal(ratioOf({}, { ratio: 0.5 }), 0.5)
  assert.equal(ratioOf({ traceState: 'ot=th:c' }, { ratio: 0.5 }), 0.25, 'not thinned out twice')
  assert.equal(ratioOf({ traceState: 'ot=th:8' }, { ratio: 0.25 }), 0.25)
})

test('kept spans are marked: reason and ratio on the root, the threshold in every trace state', () => {
  const root = span({ traceId: highestId, attributes: { a: 1 } })
  const below = child({ traceId: highestId, traceState: 'x=1,ot=th:e', flags: 0x103 })
  const unknown = child({ traceId: highestId, flags: 0x101 })
  const decision = sampler({ ratio: 0.25 }).decide([root, below, unknown])
  const [first, second, third] = markKept([root, below, unknown], decision, root)
  assert.deepEqual(first, {
    ...root,
    traceState: 'ot=th:c',
    attributes: { a: 1, 'switchgear.sampling.reason': 'probability', 'switchgear.sampling.ratio': 0.25 },
  })
  assert.equal(second, below, 'it passed a stricter one')
  assert.equal(third, unknown, 'nobody says that its trace id is random')
  assert.deepEqual(root.attributes, { a: 1 })
  const error = sampler().decide([span({ status: 'error' })])
  assert.deepEqual(samplingAttributes(error), { 'switchgear.sampling.reason': 'error', 'switchgear.sampling.ratio': 1 })
  assert.equal(markKept([root], error, root)[0]?.traceState, '', 'no probability was involved')
})

test('budget: over it, traces are dropped with that reason; errors overdraw up to the bound', () => {
  const trace = [span({ traceId: highestId })]
  const bytes = estimateTraceBytes(trace)
  const tail = sampler({ ratio: 1, bytesPerSecond: bytes, burst: 2 * bytes, overdraft: 3 * bytes })
  const healthy = (): string => brief(tail.decide(trace))
  const failed = (): string => brief(tail.decide([{ ...trace[0], status: 'error' } as SpanData]))
  assert.deepEqual([healthy(), healthy(), healthy()], ['keep probability', 'keep probability', 'drop budget'])
  assert.deepEqual([failed(), failed(), failed(), failed()], ['keep error', 'keep error', 'keep error', 'drop budget'])
  assert.equal(tail.budgetBytes, -3 * bytes)
})

test('budget: over simulated minutes no more is kept than burst, overdraft and rate allow, and little less', () => {
  const clock = new VirtualClock()
  const random = seededRandom(seed)
  const bytesPerSecond = 20_000
  const tail = new TailSampler({ clock, ratio: 1, bytesPerSecond, burst: 50_000, overdraft: 30_000 })
  let [keptBytes, keptErrors, errors] = [0, 0, 0]
  for (let second = 0; second < 300; second++) {
    for (let n = 0; n < 400; n++) {
      const isError = random() < 0.02
      const trace = [span({ status: isError ? 'error' : 'unset', attributes: { text: 'x'.repeat(random() * 400) } })]
      const { keep } = tail.decide(trace)
      if (isError) errors++
      if (keep) keptBytes += estimateTraceBytes(trace)
      if (keep && isError) keptErrors++
      clock.advanceSync(2.5)
    }
  }
  assert.ok(keptBytes <= 50_000 + 30_000 + 300 * bytesPerSecond, String(keptBytes))
  assert.ok(keptBytes >= 0.97 * 300 * bytesPerSecond, String(keptBytes))
  assert.equal(keptErrors, errors, 'errors alone stay below the budget, so none is lost')
})

test('a trace without its root has no route: it is neither slow nor rare; an entry from outside has', () => {
  const tail = sampler({ rareBelow: 1e6 })
  assert.equal(brief(tail.decide([child(), child()])), 'drop probability')
  assert.equal(brief(tail.decide([child(), child({ flags: 0x303 })])), 'keep rare')
  assert.equal(brief(tail.decide([])), 'drop probability')
})

test('wrong options are refused by name', () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ ratio: 2 }, /tailSampler\.ratio must be in \[0, 1\], got 2$/],
    [{ minSamples: 0 }, /tailSampler\.minSamples must be a whole number in \[1, 1000\], got 0$/],
    [{ rareBelow: -1 }, /tailSampler\.rareBelow must be a whole number >= 0, got -1$/],
    [{ rareWindow: 'soon' }, /tailSampler\.rareWindow must be a duration .*, got 'soon'$/],
    [{ maxRoutes: 1.5 }, /tailSampler\.maxRoutes must be a whole number >= 1, got 1.5$/],
    [{ bytesPerSecond: '1tb' }, /tailSampler\.bytesPerSecond must be a size of at least 1 byte, .*, got '1tb'$/],
    [{ overdraft: -1 }, /tailSampler\.overdraft must be a size of at least 0 bytes, .*, got -1$/],
    [{ rato: 0.1 }, /tailSampler\.rato is not an option; known are ratio, /],
  ]
  for (const [options, message] of wrong) assert.throws(() => new TailSampler(options), message)
})
