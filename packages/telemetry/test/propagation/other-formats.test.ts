import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { propagation as api } from '@opentelemetry/api'
import { formatB3, parseB3, parseB3Multi } from '../../src/propagation/b3.ts'
import type { FieldReader } from '../../src/propagation/field-text.ts'
import { extract } from '../../src/propagation/inbound.ts'
import { parentOf, spanIdHex, traceIdHex } from '../../src/propagation/incoming-parent.ts'
import { formatJaeger, parseJaeger } from '../../src/propagation/jaeger.ts'
import { Propagation, type PropagationOptions, propagatorsOf } from '../../src/propagation/options.ts'
import { inject } from '../../src/propagation/outbound.ts'
import type { RemoteParent } from '../../src/trace/parent.ts'

const trace = '80f198ee56343ba864fe8b2a57d3eff7'
const short = '64fe8b2a57d3eff7'
const span = 'e457b5a2e4d86bd1'
const upper = '05e3ac9a4f6e3b90'

function plain(parent: RemoteParent | undefined): unknown {
  if (parent === undefined) return undefined
  return [traceIdHex(parent), spanIdHex(parent), parent.flags, parent.debug]
}

const reader =
  (headers: Record<string, string | string[]>): FieldReader =>
  (name) =>
    headers[name]

function position(flags: number, debug = false): RemoteParent {
  const parent = parentOf(trace, span, flags, debug)
  assert.ok(parent)
  return parent
}

function injected(options: PropagationOptions, from: RemoteParent, baggage = api.createBaggage()): unknown {
  const headers: Record<string, string> = {}
  inject((name, value) => (headers[name] = value), from, baggage, new Propagation(options))
  return headers
}

describe('B3 in one header', () => {
  it('reads ids and every state', () => {
    for (const [state, sampling, flags, debug] of [
      ['', 'defer', 1, false],
      ['-0', 'deny', 0, false],
      ['-1', 'accept', 1, false],
      ['-d', 'debug', 1, true],
      [`-1-${upper}`, 'accept', 1, false],
      [`-0-${upper}`, 'deny', 0, false],
    ] as const) {
      const read = parseB3(`${trace}-${span}${state}`)
      assert.equal(read?.sampling, sampling)
      assert.deepEqual(plain(read?.parent), [trace, span, flags, debug])
    }
  })

  it('pads trace ids of 64 bits on the left', () => {
    assert.deepEqual(plain(parseB3(`${short}-${span}-1`)?.parent), [`${'0'.repeat(16)}${short}`, span, 1, false])
  })

  it('reads a decision alone', () => {
    assert.deepEqual(parseB3('0'), { parent: undefined, sampling: 'deny' })
    assert.deepEqual(parseB3('1'), { parent: undefined, sampling: 'accept' })
    assert.deepEqual(parseB3('d'), { parent: undefined, sampling: 'debug' })
  })

  it('has nothing where a rule is broken', () => {
    const broken = ['', '2', 'true', '-', trace, `${trace}-`, `${trace}-${span}-`, `${trace}-${span}-2`]
    broken.push(`${trace}-${span}-1-`, `${trace}-${span}-1-x`, `${trace}-${span}-1-${upper}-1`, `${trace}0-${span}-1`)
    broken.push(`${trace}-${span}0-1`, `${trace.toUpperCase()}-${span}-1`, `${'0'.repeat(32)}-${span}-1`)
    broken.push(`${trace}-${'0'.repeat(16)}-1`, `${'0'.repeat(16)}-${span}-1`, `${short}0-${span}-1`)
    for (const text of broken) assert.equal(parseB3(text), undefined, text)
  })
})

describe('B3 in several headers', () => {
  const ids = { 'x-b3-traceid': trace, 'x-b3-spanid': span }

  it('reads ids and every state', () => {
    for (const [more, sampling, flags, debug] of [
      [{}, 'defer', 1, false],
      [{ 'x-b3-sampled': '0' }, 'deny', 0, false],
      [{ 'x-b3-sampled': 'false' }, 'deny', 0, false],
      [{ 'x-b3-sampled': '1' }, 'accept', 1, false],
      [{ 'x-b3-sampled': 'True' }, 'accept', 1, false],
      [{ 'x-b3-flags': '1' }, 'debug', 1, true],
      [{ 'x-b3-flags': '1', 'x-b3-sampled': '0' }, 'debug', 1, true],
      [{ 'x-b3-flags': '0', 'x-b3-sampled': '0' }, 'deny', 0, false],
      [{ 'x-b3-parentspanid': upper, 'x-b3-sampled': '1' }, 'accept', 1, false],
      [{ 'x-b3-sampled': ['1', '0'] }, 'accept', 1, false],
      [{ 'x-b3-sampled': '0, 1' }, 'deny', 0, false],
    ] as const) {
      const read = parseB3Multi(reader({ ...ids, ...more } as Record<string, string>))
      assert.equal(read?.sampling, sampling)
      assert.deepEqual(plain(read?.parent), [trace, span, flags, debug])
    }
  })

  it('reads a decision alone', () => {
    assert.deepEqual(parseB3Multi(reader({ 'x-b3-sampled': '0' })), { parent: undefined, sampling: 'deny' })
    assert.deepEqual(parseB3Multi(reader({ 'x-b3-sampled': '1' })), { parent: undefined, sampling: 'accept' })
    assert.deepEqual(parseB3Multi(reader({ 'x-b3-flags': '1' })), { parent: undefined, sampling: 'debug' })
  })

  it('has nothing where a rule is broken', () => {
    assert.equal(parseB3Multi(reader({})), undefined)
    assert.equal(parseB3Multi(reader({ 'x-b3-traceid': trace })), undefined)
    assert.equal(parseB3Multi(reader({ 'x-b3-spanid': span })), undefined)
    assert.equal(parseB3Multi(reader({ ...ids, 'x-b3-sampled': '' })), undefined)
    assert.equal(parseB3Multi(reader({ ...ids, 'x-b3-sampled': 'd' })), undefined)
    assert.equal(parseB3Multi(reader({ ...ids, 'x-b3-spanid': 'zz' })), undefined)
  })
})

describe("Jaeger's header", () => {
  it('reads ids of any length, flags, and url-encoding', () => {
    for (const [text, traceId, spanId, flags, debug] of [
      [`${trace}:${span}:0:1`, trace, span, 1, false],
      [`${trace}:${span}:${upper}:0`, trace, span, 0, false],
      [`${trace}%3A${span}%3a0%3A1`, trace, span, 1, false],
      [`1:2::1`, '1'.padStart(32, '0'), '2'.padStart(16, '0'), 1, false],
      [`${trace}:${span}:0:3`, trace, span, 1, true],
      [`${trace}:${span}:0:02`, trace, span, 1, true],
      [`${trace}:${span}:0:8`, trace, span, 0, false],
      [`${trace.toUpperCase()}:${span}:0:1`, trace, span, 1, false],
    ] as const) {
      assert.deepEqual(plain(parseJaeger(text)), [traceId, spanId, flags, debug])
    }
  })

  it('has nothing where a rule is broken', () => {
    const broken = [
      '',
      ':::',
      '0:1:0:1',
      '1:0:0:1',
      `${trace}0:${span}:0:1`,
      `${trace}:${span}0:0:1`,
      '1:2:3',
      '1:2:3:4:5',
    ]
    for (const text of [...broken, '1:2:x:1', '1:2:0:', '1:2:0:x', '1:2:0:100', '-1:2:0:1', '%31:2:0:1']) {
      assert.equal(parseJaeger(text), undefined, text)
    }
  })

  it('carries baggage in names', () => {
    const headers = { 'uber-trace-id': '1:2:0:1', 'uberctx-User': 'Am%C3%A9lie', 'uberctx-': 'x', host: 'a' }
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
    const settings = new Propagation()
    const { parent, baggage } = extract(reader(lower), settings, () => Object.keys(headers))
    assert.equal(parent?.traceD, 1)
    assert.deepEqual(baggage?.getAllEntries(), [['user', { value: 'Amélie' }]])
    assert.equal(settings.drops.baggageIn, 1)
  })
})

describe('the order of formats', () => {
  const id = (digit: string): string => digit.repeat(32)
  const all = {
    traceparent: `00-${id('1')}-${span}-01`,
    b3: `${id('2')}-${span}-1`,
    'x-b3-traceid': id('3'),
    'x-b3-spanid': span,
    'uber-trace-id': `${id('4')}:${span}:0:1`,
  }

  it('is W3C, B3 as one, B3 as several, Jaeger, each if it is valid and wanted', () => {
    const headers: Record<string, string> = { ...all }
    const settings = new Propagation()
    const found = (): string | undefined => {
      const { parent } = extract(reader(headers), settings)
      return parent && traceIdHex(parent).slice(0, 1)
    }
    for (const [digit, name] of [
      ['1', 'traceparent'],
      ['2', 'b3'],
      ['3', 'x-b3-traceid'],
      ['4', 'uber-trace-id'],
    ] as const) {
      assert.equal(found(), digit)
      headers[name] = 'broken'
    }
    assert.equal(found(), undefined)
  })

  it('leaves out what is not wanted', () => {
    const { parent } = extract(reader(all), new Propagation({ incoming: ['jaeger'] }))
    assert.equal(parent && traceIdHex(parent), id('4'))
    const nothing = extract(reader({ ...all, baggage: 'a=1' }), new Propagation({ incoming: [] }))
    assert.deepEqual(nothing, { parent: undefined, denied: false, asks: undefined, baggage: undefined })
  })

  it('tells what B3 wants', () => {
    const settings = new Propagation()
    const told = (b3: string): unknown => {
      const { parent, denied, asks } = extract(reader({ b3 }), settings)
      return [parent !== undefined, denied, asks]
    }
    assert.deepEqual(told('0'), [false, true, undefined])
    assert.deepEqual(told('1'), [false, false, 'accept'])
    assert.deepEqual(told('d'), [false, false, 'debug'])
    assert.deepEqual(told(`${trace}-${span}`), [true, false, 'defer'])
    assert.deepEqual(told(`${trace}-${span}-0`), [true, true, undefined])
    assert.deepEqual(told(`${trace}-${span}-1`), [true, false, undefined])
    assert.deepEqual(told(`${trace}-${span}-d`), [true, false, undefined])
    const both = extract(reader({ b3: '0', traceparent: all.traceparent }), settings)
    assert.equal(both.denied, false)
  })

  it('makes no object where there is nothing', () => {
    const settings = new Propagation()
    assert.equal(extract(reader({}), settings), extract(reader({ host: 'a', traceparent: 'x' }), settings))
  })
})

describe('inject', () => {
  it('writes W3C by default', () => {
    const baggage = api.createBaggage({ user: { value: 'a b' } })
    const from = { ...position(3), traceState: 'ot=th:0,rojo=1' }
    assert.deepEqual(injected({}, from, baggage), {
      traceparent: `00-${trace}-${span}-03`,
      tracestate: 'ot=th:0,rojo=1',
      baggage: 'user=a%20b',
    })
    assert.deepEqual(injected({}, position(0xfc)), { traceparent: `00-${trace}-${span}-00` })
  })

  it('writes all formats that are wanted', () => {
    const baggage = api.createBaggage({ User: { value: 'a b' } })
    assert.deepEqual(injected({ outgoing: ['b3', 'b3multi', 'jaeger'] }, position(1), baggage), {
      b3: `${trace}-${span}-1`,
      'x-b3-traceid': trace,
      'x-b3-spanid': span,
      'x-b3-sampled': '1',
      'uber-trace-id': `${trace}:${span}:0:1`,
      'uberctx-user': 'a%20b',
    })
    assert.deepEqual(injected({ outgoing: ['b3multi'] }, position(1, true)), {
      'x-b3-traceid': trace,
      'x-b3-spanid': span,
      'x-b3-flags': '1',
    })
    assert.equal(formatB3(position(2)), `${trace}-${span}-0`)
    assert.equal(formatB3(position(1, true)), `${trace}-${span}-d`)
    assert.equal(formatJaeger(position(1, true)), `${trace}:${span}:0:3`)
    assert.deepEqual(injected({ outgoing: [] }, position(1), baggage), {})
  })

  it('cuts a long tracestate where it is told to', () => {
    const long = `long=${'x'.repeat(200)}`
    const traceState = Array.from({ length: 3 }, (_, index) => `${long.replace('long', `k${index}`)}`).join(',')
    const headers = injected({ maxTracestate: 512 }, { ...position(1), traceState: `${traceState},a=1` })
    const kept = traceState.split(',').slice(0, 2).join(',')
    assert.equal((headers as Record<string, string>)['tracestate'], `${kept},a=1`)
  })
})

describe('options', () => {
  it('are checked', () => {
    const cases: [unknown, RegExp][] = [
      [{ outgoing: ['zipkin'] }, /propagation\.outgoing\[0\] must be one of tracecontext, .* got 'zipkin'/],
      [{ incoming: 'b3' }, /propagation\.incoming must be a list of formats/],
      [{ maxTracestate: 511 }, /propagation\.maxTracestate must be a whole number >= 512, got 511/],
      [{ formats: [] }, /propagation\.formats is not an option; known are incoming, outgoing, maxTracestate/],
      [null, /propagation must be an object of options/],
    ]
    for (const [options, message] of cases) {
      assert.throws(() => new Propagation(options as PropagationOptions), { code: 'SG_BAD_OPTIONS', message })
    }
  })

  it('come from OTEL_PROPAGATORS', () => {
    assert.deepEqual(propagatorsOf(undefined), { options: {}, unknown: [] })
    assert.deepEqual(propagatorsOf(' , '), { options: {}, unknown: [] })
    assert.deepEqual(propagatorsOf('none'), { options: { incoming: [], outgoing: [] }, unknown: [] })
    assert.deepEqual(propagatorsOf('xray'), { options: {}, unknown: ['xray'] })
    assert.deepEqual(propagatorsOf('B3multi, tracecontext,xray,b3multi'), {
      options: { incoming: ['tracecontext', 'b3', 'b3multi'], outgoing: ['b3multi', 'tracecontext'] },
      unknown: ['xray'],
    })
    for (const text of [undefined, 'none', 'xray', 'jaeger,baggage']) {
      assert.doesNotThrow(() => new Propagation(propagatorsOf(text).options))
    }
  })
})
