import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { propagation as api } from '@opentelemetry/api'
import fc from 'fast-check'
import { parseB3 } from '../../src/propagation/b3.ts'
import { formatBaggage, parseBaggage } from '../../src/propagation/baggage.ts'
import { extract } from '../../src/propagation/inbound.ts'
import { parseJaeger } from '../../src/propagation/jaeger.ts'
import { Propagation, propagationFormats } from '../../src/propagation/options.ts'
import { inject } from '../../src/propagation/outbound.ts'
import { formatTraceparent, parseTraceparent } from '../../src/propagation/traceparent.ts'
import {
  cutTracestate,
  deleteMember,
  parseTracestate,
  readMember,
  writeMember,
} from '../../src/propagation/tracestate.ts'
import { outgoingTracestate } from './requirement.ts'

fc.configureGlobal({ seed: Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101), numRuns: 500 })

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const position = fc
  .record({ traceA: word, traceB: word, traceC: word, traceD: word, spanA: word, spanB: word, flags: fc.nat(255) })
  .filter((span) => (span.traceA | span.traceB | span.traceC | span.traceD) !== 0 && (span.spanA | span.spanB) !== 0)

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
/** Texts that are nearly headers: the characters that matter, and parts of the right length. */
const nearly = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefg-:=,;% \t@%d1', 'é', '\u{1F422}'), maxLength: 80 }),
  fc
    .tuple(hex(2), hex(32), hex(16), hex(2), fc.string({ maxLength: 3 }))
    .map(([v, t, s, f, x]) => `${v}-${t}-${s}-${f}${x}`),
  fc.tuple(hex(32), hex(16), fc.constantFrom('', '-0', '-1', '-d', '-x')).map(([t, s, x]) => `${t}-${s}${x}`),
  fc.array(fc.tuple(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 })).map(([k, v]) => `${k}=${v}`)).map(String),
  fc.string({ unit: 'binary', maxLength: 80 }),
)

const stateKey = fc.stringMatching(/^[a-z0-9][a-z0-9_*/@-]{0,20}$/)
const stateValue = fc.stringMatching(/^[ -+\--<>-~]{0,40}[!-+\--<>-~]$/)
const state = fc
  .uniqueArray(fc.tuple(stateKey, stateValue), { selector: ([key]) => key, maxLength: 32 })
  .map((members) => members.map(([key, value]) => `${key}=${value}`).join(','))

/** An independent grammar of each header that may be written. */
const grammars: Record<string, RegExp> = {
  traceparent: /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]$/,
  tracestate: outgoingTracestate,
  b3: /^(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[01d]$/,
  'x-b3-traceid': /^(?!0{32})[0-9a-f]{32}$/,
  'x-b3-spanid': /^(?!0{16})[0-9a-f]{16}$/,
  'x-b3-sampled': /^[01]$/,
  'x-b3-flags': /^1$/,
  'uber-trace-id': /^(?!0{32})[0-9a-f]{32}:(?!0{16})[0-9a-f]{16}:0:[013]$/,
  baggage:
    /^[!#$%&'*+.^_`|~\w-]+=(?:%[0-9A-F]{2}|[!#-+\--:<-[\]-~])*(?:;[^,]+)?(?:,[!#$%&'*+.^_`|~\w-]+=(?:%[0-9A-F]{2}|[!#-+\--:<-[\]-~])*(?:;[^,]+)?)*$/,
}

describe('round trips', () => {
  it('traceparent', () => {
    fc.assert(
      fc.property(position, (span) => {
        const text = formatTraceparent(span)
        assert.match(text, grammars['traceparent'] ?? /^$/)
        assert.deepEqual(
          { ...parseTraceparent(text) },
          { ...span, flags: span.flags & 3, traceState: '', debug: false },
        )
      }),
    )
  })

  it('agrees with a grammar on what is a traceparent', () => {
    const grammar =
      /^(?!ff)(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[^]*)?)$/
    const oneOff = fc
      .tuple(
        position,
        fc.nat(54),
        fc.constantFrom(...'0fgA-. \u0130\u00b2'),
        fc.constantFrom('', '-', '-x', '.'),
        fc.constantFrom('00', 'cc', 'ff'),
      )
      .map(([span, at, character, end, version]) => {
        const text = version + formatTraceparent(span).slice(2) + end
        return text.slice(0, at) + character + text.slice(at + 1)
      })
    fc.assert(
      fc.property(fc.oneof(nearly, oneOff), (text) => {
        const bare = text.replace(/^[ \t]+|[ \t]+$/g, '')
        assert.equal(parseTraceparent(text) !== undefined, grammar.test(bare), JSON.stringify(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('tracestate', () => {
    fc.assert(fc.property(state, (text) => assert.equal(parseTracestate(text), text)))
  })

  it('baggage', () => {
    const key = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/).filter((text) => !/^\d+$/.test(text))
    const entry = fc.string({ unit: 'grapheme', maxLength: 30 }).map((value) => ({ value }))
    fc.assert(
      fc.property(fc.dictionary(key, entry, { maxKeys: 20 }), (entries) => {
        const text = formatBaggage(api.createBaggage(entries))
        if (text !== undefined) assert.match(text, grammars['baggage'] ?? /^$/)
        assert.deepEqual(parseBaggage(text)?.getAllEntries() ?? [], Object.entries(entries))
      }),
    )
  })
})

describe('changes of tracestate', () => {
  it('set one member and keep the others in their order', () => {
    fc.assert(
      fc.property(state, stateKey, stateValue, (before, key, value) => {
        const after = writeMember(before, key, value)
        assert.match(after, outgoingTracestate)
        assert.ok(after.startsWith(`${key}=${value}`))
        assert.equal(readMember(after, key), value)
        const others = before.split(',').filter((member) => member !== '' && !member.startsWith(`${key}=`))
        assert.equal(after, [`${key}=${value}`, ...others.slice(0, 31)].join(','))
        assert.equal(deleteMember(after, key), others.slice(0, 31).join(','))
      }),
    )
  })

  it('never write what is invalid', () => {
    fc.assert(
      fc.property(state, nearly, nearly, (before, key, value) => {
        const after = writeMember(before, key, value)
        if (after !== '') assert.match(after, outgoingTracestate)
      }),
    )
  })

  it('cut whole members and keep the order', () => {
    fc.assert(
      fc.property(state, fc.nat(600), (before, most) => {
        const after = cutTracestate(before, most)
        assert.ok(after.length <= Math.max(most, 0))
        const rest = before.split(',')
        for (const member of after.split(',').filter(Boolean)) {
          const at = rest.indexOf(member)
          assert.ok(at >= 0, `${member} is new or out of order`)
          rest.splice(0, at + 1)
        }
      }),
    )
  })
})

describe('garbage', () => {
  const value = fc.oneof(nearly, fc.array(nearly, { maxLength: 3 }), fc.constant(undefined))
  const names = [
    'traceparent',
    'tracestate',
    'baggage',
    'b3',
    'x-b3-traceid',
    'x-b3-spanid',
    'x-b3-sampled',
    'x-b3-flags',
  ]
  const model = Object.fromEntries([...names, 'uber-trace-id', 'uberctx-a', 'uberctx-b c'].map((name) => [name, value]))

  it('never throws, and what goes on is valid', () => {
    const settings = new Propagation({ outgoing: propagationFormats })
    let continued = 0
    fc.assert(
      fc.property(fc.record(model), (headers) => {
        const { parent, baggage } = extract(
          (name) => headers[name],
          settings,
          () => Object.keys(headers),
        )
        if (parent !== undefined) continued++
        const write = (name: string, text: string): void => {
          if (name.startsWith('uberctx-')) return assert.match(text, /^[!#-+\--:<-[\]-~]*$/)
          assert.match(text, grammars[name] ?? /^$/)
        }
        inject(write, parent, baggage, settings)
      }),
      { numRuns: 2000 },
    )
    assert.ok(continued > 20, `only ${continued} of the runs had a parent`)
  })

  it('never makes an id of zeros', () => {
    fc.assert(
      fc.property(nearly, (text) => {
        for (const parent of [parseTraceparent(text), parseB3(text)?.parent, parseJaeger(text)]) {
          if (parent !== undefined) assert.ok(parent.isValid)
        }
      }),
    )
  })
})
