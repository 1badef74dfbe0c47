import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TraceStateView, traceStateText } from '../../src/propagation/trace-state-view.ts'
import { cutTracestate, parseTracestate, readMember } from '../../src/propagation/tracestate.ts'

describe('readMember', () => {
  it('finds a member by its whole key', () => {
    const state = 'foot=1,a@ot=2,ot=th:c;rv:6e6d1a75832a2f,bar=3'
    assert.equal(readMember(state, 'ot'), 'th:c;rv:6e6d1a75832a2f')
    assert.equal(readMember(state, 'foot'), '1')
    assert.equal(readMember(state, 'bar'), '3')
    assert.equal(readMember(state, 'foo'), undefined)
    assert.equal(readMember('', 'ot'), undefined)
  })
})

describe('cutTracestate', () => {
  const long = (key: string): string => `${key}=${'x'.repeat(200)}`

  it('leaves alone what fits', () => {
    assert.equal(cutTracestate('a=1,b=2', 7), 'a=1,b=2')
  })

  it('removes long members first, then from the end', () => {
    const state = `a=1,${long('b')},c=3,${long('d')},e=5`
    assert.equal(cutTracestate(state, state.length - 1), `a=1,${long('b')},c=3,e=5`)
    assert.equal(cutTracestate(state, 20), 'a=1,c=3,e=5')
    assert.equal(cutTracestate(state, 10), 'a=1,c=3')
    assert.equal(cutTracestate(state, 2), '')
  })

  it('does not call a member of 128 characters long', () => {
    const even = `b=${'x'.repeat(126)}`
    assert.equal(even.length, 128)
    assert.equal(cutTracestate(`a=1,${even},c=3`, 133), `a=1,${even}`)
    assert.equal(cutTracestate(`a=1,${even}x,c=3`, 133), 'a=1,c=3')
  })
})

describe('TraceStateView', () => {
  it('is immutable and puts what is set first', () => {
    const state = new TraceStateView('foo=1,bar=2')
    const changed = state.set('bar', '3')
    assert.equal(state.serialize(), 'foo=1,bar=2')
    assert.equal(changed.serialize(), 'bar=3,foo=1')
    assert.equal(changed.get('bar'), '3')
    assert.equal(changed.unset('bar').serialize(), 'foo=1')
    assert.equal(changed.set('BAD', '1').serialize(), 'bar=3,foo=1')
  })

  it('reads the state of others with the same rules', () => {
    const foreign = (text: string) =>
      ({ ...new TraceStateView(''), serialize: () => text }) as unknown as TraceStateView
    assert.equal(traceStateText(foreign('foo=1 , bar=2')), 'foo=1,bar=2')
    assert.equal(traceStateText(foreign('foo')), '')
    assert.equal(traceStateText(undefined), '')
  })
})

describe('parseTracestate', () => {
  it('drops the whole list for one broken member, wherever it is', () => {
    for (const text of ['a=1,b', 'b,a=1', 'a=1,b,c=3', 'a=1,\u00e9=2', 'a=1\n']) assert.equal(parseTracestate(text), '')
  })
})
