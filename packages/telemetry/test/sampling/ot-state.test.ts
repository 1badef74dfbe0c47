// The member `ot` of a trace state: what is read, and what writing leaves alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTracestate } from '../../src/propagation/tracestate.ts'
import { OtReader, withThreshold } from '../../src/sampling/ot-state.ts'
import { seed } from './spans.ts'

const ot = new OtReader()

function read(traceState: string): { th: string | undefined; names: boolean; rv: string | undefined } {
  ot.read(traceState)
  const text = (high: number, low: number): string =>
    high.toString(16).padStart(6, '0') + low.toString(16).padStart(8, '0')
  return {
    th: ot.hasThreshold ? text(ot.thresholdHigh, ot.thresholdLow) : undefined,
    names: ot.namesThreshold,
    rv: ot.hasRandomness ? text(ot.randomHigh, ot.randomLow) : undefined,
  }
}

const nothing = { th: undefined, names: false, rv: undefined }

test('reads th and rv wherever the member stands', () => {
  const both = { th: 'c0000000000000', names: true, rv: '6e6d1a75832a2f' }
  for (const text of [
    'ot=th:c;rv:6e6d1a75832a2f',
    'a=1,ot=rv:6e6d1a75832a2f;th:c',
    'a=1,ot=x:1;th:c;rv:6e6d1a75832a2f,b=2',
  ])
    assert.deepEqual(read(text), both, text)
  assert.deepEqual(read('ot=th:0'), { th: '00000000000000', names: true, rv: undefined })
  assert.deepEqual(read('ot=th:fd70a4'), { th: 'fd70a400000000', names: true, rv: undefined })
  assert.deepEqual(read('ot=th:0123456789abcd').th, '0123456789abcd')
})

test('members of others and a missing member say nothing', () => {
  for (const text of ['', 'a=1', 'boot=th:c', 'x@ot=th:c', 'a=ot', 'a=1,bot=th:c', 'ot=x:1', 'ot=rv', 'ot=oth:c'])
    assert.deepEqual(read(text), nothing, text)
})

test('an invalid th is named but not believed; an invalid rv is not believed', () => {
  for (const th of ['', 'C', 'g', '0123456789abcde', ' c', '0x1', 'c '])
    assert.deepEqual(read(`ot=th:${th};x:1`), { th: undefined, names: true, rv: undefined }, th)
  for (const rv of ['', '6e6d1a75832a2', '6e6d1a75832a2f0', '6E6D1A75832A2F', '6e6d1a75832a2g'])
    assert.deepEqual(read(`ot=rv:${rv}`), nothing, rv)
})

test('of keys that stand twice, which none may, the first counts', () => {
  const rv = '6e6d1a75832a2f'
  assert.deepEqual(read(`ot=th:8;th:c;rv:${rv};rv:${'0'.repeat(14)}`), { th: '80000000000000', names: true, rv })
  assert.deepEqual(read('ot=th:X;th:c'), { th: undefined, names: true, rv: undefined })
  assert.equal(withThreshold('ot=th:8;k:1;th:c', 'e'), 'ot=th:e;k:1')
})

test('what was read before is forgotten', () => {
  read('ot=th:c;rv:6e6d1a75832a2f')
  assert.deepEqual(read('a=1'), nothing)
})

test('writing sets, replaces and erases, keeps the rest and moves the member to the front', () => {
  assert.equal(withThreshold('', '8'), 'ot=th:8')
  assert.equal(withThreshold('a=1,b=2', '8'), 'ot=th:8,a=1,b=2')
  assert.equal(withThreshold('a=1,ot=p:8;th:c;rv:6e6d1a75832a2f,b=2', 'e'), 'ot=th:e;p:8;rv:6e6d1a75832a2f,a=1,b=2')
  assert.equal(withThreshold('a=1,ot=p:8;th:c,b=2', undefined), 'ot=p:8,a=1,b=2')
  assert.equal(withThreshold('a=1,ot=th:c,b=2', undefined), 'a=1,b=2')
  assert.equal(withThreshold('ot=th:c', undefined), '')
  assert.equal(withThreshold('a=1', undefined), 'a=1')
})

test('a member that would become too long is left without a threshold, and a full list loses its last', () => {
  const long = `x:${'y'.repeat(250)}`
  assert.equal(withThreshold(`ot=${long}`, 'c'), `ot=${long}`)
  assert.equal(withThreshold(`ot=th:c;${'x'.repeat(251)}`, 'fd70a'), `ot=${'x'.repeat(251)}`)
  const full = Array.from({ length: 32 }, (_, n) => `k${n}=v`)
  assert.equal(withThreshold(full.join(','), 'c'), ['ot=th:c', ...full.slice(0, 31)].join(','))
})

test('any valid list stays valid, keeps the others in order, and says what was written', () => {
  const key = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
  const entry = fc.stringMatching(/^(th|rv|p|x):[0-9a-f]{1,14}$/)
  const value = fc.oneof(
    fc.stringMatching(/^[!-+.-<>-~]{1,20}$/),
    fc.array(entry, { minLength: 1, maxLength: 5 }).map((all) => all.join(';')),
  )
  const member = fc.oneof(fc.tuple(key, value), fc.tuple(fc.constant('ot'), value))
  const list = fc.uniqueArray(member, { selector: ([name]) => name, maxLength: 31 })
  const threshold = fc.option(fc.stringMatching(/^[0-9a-f]{0,13}[1-9a-f]$/), { nil: undefined })
  fc.assert(
    fc.property(list, threshold, (members, th) => {
      const before = members.map(([name, text]) => `${name}=${text}`).join(',')
      const after = withThreshold(before, th)
      assert.equal(parseTracestate(after), after)
      const others = (text: string): string[] =>
        text.split(',').filter((part) => part !== '' && !part.startsWith('ot='))
      assert.deepEqual(others(after), others(before))
      const rv = read(before).rv
      assert.deepEqual(read(after), { th: th?.padEnd(14, '0'), names: th !== undefined, rv })
    }),
    { seed, numRuns: 2000 },
  )
})
