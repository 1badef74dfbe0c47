// The head samplers: who is sampled, and what becomes of the trace state.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { alwaysOff, alwaysOn, consistent, parentBased, ratio } from '../../src/sampling/head.ts'
import { leastProbability } from '../../src/sampling/threshold.ts'
import type { HeadSampler, SamplingDecision, SamplingRequest } from '../../src/trace/sampler.ts'
import { highestId, lowestId, seed, traceIds } from './spans.ts'

interface Caller {
  readonly traceState?: string
  readonly sampled?: boolean
  readonly random?: boolean
}

function request(traceId: string, caller?: Caller): SamplingRequest {
  const part = (n: number): number => Number.parseInt(traceId.slice(8 * n, 8 * n + 8), 16) | 0
  const { traceState = '', sampled = true, random = true } = caller ?? {}
  const [traceA, traceB, traceC, traceD] = [part(0), part(1), part(2), part(3)]
  const flags = (sampled ? 1 : 0) | (random ? 2 : 0)
  const parent = caller && { traceA, traceB, traceC, traceD, spanA: 1, spanB: 2, flags, traceState }
  return { parent, traceC, traceD, random, name: 'GET /' }
}

const decide = (sampler: HeadSampler, traceId: string, caller?: Caller): SamplingDecision =>
  sampler.decide(request(traceId, caller))

test('always on and always off, and the threshold of a caller that no longer holds', () => {
  assert.deepEqual(decide(alwaysOn, lowestId), { sampled: true })
  assert.deepEqual(decide(alwaysOff, highestId), { sampled: false })
  assert.deepEqual(decide(alwaysOn, lowestId, { traceState: 'a=1', sampled: false }), { sampled: true })
  assert.deepEqual(decide(alwaysOn, lowestId, { traceState: 'ot=th:0' }), { sampled: true })
  assert.deepEqual(decide(alwaysOn, lowestId, { traceState: 'a=1,ot=th:c' }), {
    sampled: true,
    traceState: 'ot=th:0,a=1',
  })
  assert.deepEqual(decide(alwaysOff, highestId, { traceState: 'ot=th:c' }), { sampled: false, traceState: '' })
})

test('a ratio looks at the last 56 bits of the trace id and at nothing else', () => {
  const half = ratio(0.5)
  for (const [id, sampled] of [
    ['00000000000000000080000000000000', true],
    ['ffffffffffffffffff7fffffffffffff', false],
    [highestId, true],
    [lowestId, false],
  ] as const) {
    assert.deepEqual(decide(half, id), { sampled }, id)
    assert.deepEqual(decide(half, id, { sampled: !sampled, random: false }), { sampled }, id)
  }
  assert.deepEqual(decide(half, highestId, { traceState: 'ot=th:c;rv:00000000000000' }), {
    sampled: true,
    traceState: 'ot=rv:00000000000000',
  })
  assert.deepEqual(decide(ratio(0), highestId), { sampled: false })
  assert.deepEqual(decide(ratio(1), lowestId), { sampled: true })
  assert.equal(ratio(0.0001).description, 'TraceIdRatioBased{0.0001}')
})

test('consistent: a root that is sampled carries the threshold, one that is not carries nothing', () => {
  assert.deepEqual(decide(consistent(0.25), 'aaaaaaaaaaaaaaaaaac0000000000000'), {
    sampled: true,
    traceState: 'ot=th:c',
  })
  assert.deepEqual(decide(consistent(0.25), 'aaaaaaaaaaaaaaaaaabfffffffffffff'), { sampled: false })
  assert.deepEqual(decide(consistent(1), lowestId), { sampled: true, traceState: 'ot=th:0' })
  assert.deepEqual(decide(consistent(leastProbability), highestId), {
    sampled: true,
    traceState: `ot=th:${'f'.repeat(14)}`,
  })
  assert.equal(consistent(0), alwaysOff)
  assert.equal(consistent(0.25).description, 'ProbabilitySampler{0.25}')
})

test('consistent: explicit randomness wins over the trace id, and is passed on as it is', () => {
  const quarter = consistent(0.25)
  assert.deepEqual(decide(quarter, highestId, { traceState: 'ot=rv:bfffffffffffff' }), { sampled: false })
  assert.deepEqual(decide(quarter, lowestId, { traceState: 'a=1,ot=rv:c0000000000000', random: false }), {
    sampled: true,
    traceState: 'ot=th:c;rv:c0000000000000,a=1',
  })
})

test("consistent: the caller's flag and threshold are ignored, and its threshold is replaced or erased", () => {
  const quarter = consistent(0.25)
  assert.deepEqual(decide(quarter, highestId, { sampled: false }), { sampled: true, traceState: 'ot=th:c' })
  assert.deepEqual(decide(quarter, highestId, { traceState: 'ot=th:8' }), { sampled: true, traceState: 'ot=th:c' })
  assert.deepEqual(decide(quarter, highestId, { traceState: 'ot=th:c00' }), { sampled: true }, 'the same threshold')
  assert.deepEqual(decide(quarter, lowestId, { traceState: 'a=1,ot=th:0' }), { sampled: false, traceState: 'a=1' })
})

test('consistent: without a random flag or rv it decides, and claims no probability', () => {
  const quarter = consistent(0.25)
  assert.deepEqual(decide(quarter, highestId, { random: false }), { sampled: true })
  assert.deepEqual(decide(quarter, lowestId, { random: false }), { sampled: false })
  assert.deepEqual(decide(quarter, highestId, { random: false, traceState: 'ot=th:8' }), {
    sampled: true,
    traceState: '',
  })
})

test('parent-based: the root is asked for roots, callers are followed', () => {
  const sampler = parentBased(consistent(0.25))
  assert.deepEqual(decide(sampler, highestId), { sampled: true, traceState: 'ot=th:c' })
  assert.deepEqual(decide(sampler, lowestId), { sampled: false })
  assert.deepEqual(decide(sampler, lowestId, { sampled: true }), { sampled: true })
  assert.deepEqual(decide(sampler, highestId, { sampled: false }), { sampled: false })
  assert.match(sampler.description, /^ParentBased\{root:ProbabilitySampler\{0.25\},/)
})

test('parent-based: a threshold that agrees with the flag stays, one that contradicts it is erased', () => {
  const sampler = parentBased(alwaysOn)
  const agreeing = 'aaaaaaaaaaaaaaaaaac0000000000000'
  assert.deepEqual(decide(sampler, agreeing, { traceState: 'a=1,ot=th:c' }), { sampled: true })
  assert.deepEqual(decide(sampler, lowestId, { traceState: 'a=1,ot=th:c' }), { sampled: true, traceState: 'a=1' })
  assert.deepEqual(decide(sampler, agreeing, { traceState: 'ot=th:c', sampled: false }), {
    sampled: false,
    traceState: '',
  })
  assert.deepEqual(decide(sampler, lowestId, { traceState: 'ot=th:c', sampled: false }), { sampled: false })
  assert.deepEqual(decide(sampler, lowestId, { traceState: 'ot=th:c;rv:c0000000000000' }), { sampled: true })
  assert.deepEqual(decide(sampler, agreeing, { traceState: 'ot=th:c;rv:bfffffffffffff' }), {
    sampled: true,
    traceState: 'ot=rv:bfffffffffffff',
  })
  assert.deepEqual(decide(sampler, agreeing, { traceState: 'ot=th:XYZ;k:1' }), { sampled: true, traceState: 'ot=k:1' })
})

test('parent-based: others may decide below a caller', () => {
  const sampler = parentBased(alwaysOff, { remoteParentSampled: ratio(0.5), remoteParentNotSampled: alwaysOn })
  assert.equal(decide(sampler, highestId).sampled, false)
  assert.equal(decide(sampler, lowestId, { sampled: true }).sampled, false)
  assert.equal(decide(sampler, lowestId, { sampled: false }).sampled, true)
})

test('an answer without a change of the trace state is always the same object', () => {
  const samplers = [alwaysOn, alwaysOff, ratio(0.5), consistent(0.5), parentBased(consistent(0.5))]
  const callers: (Caller | undefined)[] = [undefined, {}, { traceState: 'a=1,b=2', sampled: false, random: false }]
  callers.push({ traceState: 'a=1,ot=k:1', sampled: false })
  for (const sampler of samplers) {
    for (const caller of callers) {
      for (const id of [lowestId, highestId]) {
        if (caller?.traceState !== undefined && decide(sampler, id, caller).traceState !== undefined) continue
        assert.equal(decide(sampler, id, caller), decide(sampler, id, caller), `${sampler.description} ${id}`)
      }
    }
  }
  const kept = { traceState: 'a=1,ot=th:8' }
  for (const sampler of [consistent(0.5), parentBased(alwaysOn)])
    assert.equal(decide(sampler, highestId, kept), decide(sampler, highestId, kept), sampler.description)
})

test('what is sampled at a probability is sampled at every higher one, by ratio and by consistent alike', () => {
  const [id] = [fc.stringMatching(/^[0-9a-f]{32}$/)]
  const share = fc.double({ min: 0.000_001, max: 1, noNaN: true })
  fc.assert(
    fc.property(id, share, share, (traceId, one, other) => {
      const [lower, higher] = one < other ? [one, other] : [other, one]
      const low = decide(consistent(lower), traceId).sampled
      assert.equal(decide(ratio(lower), traceId).sampled, low)
      if (low) assert.ok(decide(consistent(higher), traceId).sampled)
    }),
    { seed, numRuns: 2000 },
  )
})

test('the share that is sampled is the ratio', () => {
  const ids = traceIds(20_000)
  for (const share of [0.01, 0.1, 0.5]) {
    const sampled = ids.filter((id) => decide(consistent(share), id).sampled).length / ids.length
    assert.ok(Math.abs(sampled - share) < 5 * Math.sqrt((share * (1 - share)) / ids.length), `${share}: ${sampled}`)
  }
})

test('wrong shares are refused by name', () => {
  for (const share of [-0.1, 1.1, Number.NaN, '0.5' as unknown as number])
    assert.throws(() => ratio(share), /^SwitchgearError: sampler\.ratio must be in \[0, 1\], got /)
  for (const share of [-0.1, 1.1, leastProbability / 2, Number.NaN])
    assert.throws(() => consistent(share), /sampler\.ratio must be 0 or in \[2\^-56, 1\], got /)
  const misspelt: object = { remoteParentsampled: alwaysOn }
  assert.throws(() => parentBased(alwaysOn, misspelt), /sampler\.parentBased\.remoteParentsampled is not an option/)
})
