// What an endpoint may be called: words that a line of a log or a terminal shows as they are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpoint } from '../src/endpoint.ts'
import { word } from '../src/polling/json-parts.ts'

const make = (text: string): (() => unknown)[] => [
  () => endpoint({ address: '10.0.0.1', port: 80, id: text }, 'e'),
  () => endpoint({ address: '10.0.0.1', port: 80, zone: text }, 'e'),
  () => endpoint({ address: '10.0.0.1', port: 80, version: text }, 'e'),
  () => endpoint({ address: '10.0.0.1', port: 80, metadata: { [text]: 'x' } }, 'e'),
  () => endpoint({ address: '10.0.0.1', port: 80, metadata: { key: text } }, 'e'),
]

test('words are texts that can be seen, in any script', () => {
  for (const text of ['a b', 'eu-west-1a', 'Zürich', '東京', 'القاهرة', '\u{1f680}', '~'.repeat(256)]) {
    for (const one of make(text)) assert.doesNotThrow(one, text)
    assert.equal(word(text), text)
  }
})

test('no word ends a line, turns the direction of a text or hides in it', () => {
  const hidden = [
    '\n',
    '\u0085',
    '\u001b[2J',
    '\u2028',
    '\u2029',
    '\u202e',
    '\u2066',
    '\u200b',
    '\ufeff',
    '\u{e0041}',
    '\ud800',
  ]
  for (const text of hidden) {
    for (const one of make(`a${text}b`)) assert.throws(one, { code: 'SG_BAD_OPTIONS' }, JSON.stringify(text))
    assert.equal(word(`a${text}b`), undefined)
  }
  for (const text of ['', 'x'.repeat(257)]) assert.equal(word(text), undefined)
})
