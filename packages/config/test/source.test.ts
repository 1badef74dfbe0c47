import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../src/index.ts'
import { errorOf, problemsOf, yaml } from './faulty.ts'

const valid = yaml('services:', '  payments:', '    endpoints: [http://127.0.0.1:8081]')

test('an empty text, and one of comments alone', () => {
  assert.deepEqual(problemsOf(''), ['1:1 the file is empty'])
  assert.deepEqual(problemsOf('\n# nothing\n'), ['1:1 the file is empty'])
})

test('something else than a mapping', () => {
  assert.deepEqual(problemsOf('- a\n'), ['1:1 got a list'])
  assert.deepEqual(problemsOf('hello\n'), ["1:1 got 'hello'"])
  assert.deepEqual(problemsOf('~\n'), ['1:1 got nothing'])
  assert.match(errorOf('- a\n').message, /expected a mapping with the keys 'services' and/)
})

test('duplicate keys are told together with what else is wrong', () => {
  const text = yaml(
    'services:',
    '  a: { endpoints: [http://a] }',
    '  a: { endpoints: [http://a], nme: 1 }',
    'service: {}',
  )
  assert.deepEqual(problemsOf(text), [
    "3:3 duplicate key 'a'",
    '3:31 services.a.nme: unknown key',
    '4:1 service: unknown key ?services',
  ])
})

test('several duplicate keys on one line are all told', () => {
  const found = problemsOf('services: { a: { endpoints: [http://a], endpoints: [http://b], endpoints: [http://c] } }')
  assert.deepEqual(found, ["1:41 duplicate key 'endpoints'", "1:64 duplicate key 'endpoints'"])
})

test('tabs', () => {
  const error = errorOf('services:\n\tpayments: {}\n\torders: {}\n')
  assert.deepEqual(
    error.problems.map(({ line, column, message, expected }) => [line, column, message, expected]),
    [
      [2, 1, 'a tab cannot indent', 'spaces'],
      [3, 1, 'a tab cannot indent', 'spaces'],
    ],
  )
})

test('broken syntax is told once for each line, at a place inside the text', () => {
  assert.deepEqual(problemsOf('services: { a: [1\n\n\n'), [
    '1:18 Flow sequence in block collection must be sufficiently indented and end with a ]',
  ])
  assert.deepEqual(problemsOf('a: "b\n'), ['1:6 Missing closing "quote'])
  assert.deepEqual(problemsOf('a: b: c\n'), ['1:4 Nested mappings are not allowed in compact mappings'])
  assert.deepEqual(problemsOf('a:\n  b: 1\n c: 2\n'), ['3:1 All mapping items must start at the same column'])
})

test('a second document', () => {
  assert.deepEqual(problemsOf(`${valid}---\nservices: {}\n`), ['4:1 a second document'])
  assert.deepEqual(problemsOf(`${valid}...\nb: 1\n`), ['5:1 a second document'])
  assert.ok(parseConfig(`---\n${valid}...\n`))
})

test('a byte order mark and Windows line ends change no position', () => {
  assert.ok(parseConfig(`\uFEFF${valid}`))
  assert.deepEqual(problemsOf('\uFEFFservice: {}\nservices: {}\n'), ['1:1 service: unknown key ?services'])
  const text = 'services:\r\n  a:\r\n    endpoints: [http://a]\r\n    polices: []\r\n'
  assert.deepEqual(problemsOf(text), ['4:5 services.a.polices: unknown key ?policies'])
})

test('YAML 1.1 cannot be switched on: no is a text and a merge key is refused', () => {
  const text = `%YAML 1.1\n---\nservices:\n  a: { endpoints: [http://a], fallback: { cached: no } }\n`
  assert.deepEqual(problemsOf(text), ["4:51 services.a.fallback.cached: got 'no'"])
  assert.deepEqual(problemsOf('services:\n  a: { <<: {}, endpoints: [http://a] }\n'), [
    '2:8 merge keys (<<) are not part of YAML 1.2',
  ])
})

test('keys that are no words', () => {
  assert.deepEqual(problemsOf('? [a]\n: 1\n'), ['1:3 a key that is not a word'])
  assert.deepEqual(problemsOf('~: 1\n'), ['1:1 a key that is not a word'])
  assert.deepEqual(problemsOf('x: &a b\n*a : 1\n'), ['2:1 a key that is not a word'])
})

test('a key cannot reach the prototype of anything', () => {
  assert.deepEqual(problemsOf('services:\n  __proto__: { endpoints: [http://a] }\n'), [
    "2:3 '__proto__' cannot be a key",
  ])
  assert.deepEqual(problemsOf('services: { a: { endpoints: [http://a] } }\nconstructor: 1\ntoString: 1\n'), [
    '2:1 constructor: unknown key',
    '3:1 toString: unknown key',
  ])
})

test('tags', () => {
  assert.deepEqual(problemsOf('services: !secret a\n'), ['1:11 Unresolved tag: !secret', "1:19 unknown tag '!secret'"])
  assert.deepEqual(problemsOf('services: !!binary aGk=\n'), ["1:20 unknown tag 'tag:yaml.org,2002:binary'"])
  assert.ok(parseConfig('services: !!map { "1": { endpoints: [!!str http://a] } }\n'))
})

test('aliases share policies between services', () => {
  const services = Array.from(
    { length: 300 },
    (_, index) => `  s${index}: { endpoints: [http://s${index}], policies: *standard }`,
  )
  const config = parseConfig(
    yaml(
      'services:',
      '  a:',
      '    endpoints: [http://a]',
      '    policies: &standard',
      '      - timeout: 1s',
      ...services,
    ),
  )
  assert.deepEqual(config.services['s299']?.policies, [{ timeout: '1s' }])
})

test('a mistake behind an alias is told where it is written', () => {
  const text = yaml(
    'services:',
    '  a:',
    '    endpoints: [http://a]',
    '    policies: &all [{ retry: { maxAttempt: 2 } }]',
    '  b: { endpoints: [http://b], policies: *all }',
    '  c: { endpoints: *all }',
  )
  assert.deepEqual(
    problemsOf(text),
    [
      '4:32 services.a.policies[0].retry.maxAttempt: unknown key ?maxAttempts',
      '4:32 services.b.policies[0].retry.maxAttempt: unknown key ?maxAttempts',
      '4:21 services.c.endpoints[0]: got a mapping',
    ].toSorted(),
  )
})

test('aliases of nothing, of themselves, and too many of them', () => {
  assert.deepEqual(problemsOf('services: &services\n  a: { endpoints: *servces }\n'), [
    "2:19 unknown alias '*servces' ?services",
  ])
  assert.deepEqual(problemsOf('services: &x\n  a: { endpoints: *x }\n'), ["2:19 alias '*x' contains itself"])
  assert.deepEqual(problemsOf('a: *later\nb: &later 1\n'), ["1:4 unknown alias '*later'"])
  const levels = [...'bcdefghij'].map(
    (name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[index]}`).join(', ')}]`,
  )
  assert.deepEqual(problemsOf(yaml('a: &a [x, x, x, x, x, x, x, x, x]', ...levels)), [
    "6:16 alias '*e' expands the file to too many nodes",
  ])
})

test('an anchor that is set again means the last one above the alias', () => {
  const config = parseConfig(
    yaml(
      'services:',
      '  a: { endpoints: &e [http://a] }',
      '  b: { endpoints: *e }',
      '  c: { endpoints: &e [http://c] }',
      '  d: { endpoints: *e }',
    ),
  )
  assert.deepEqual(
    Object.values(config.services).map(({ endpoints }) => endpoints?.[0]),
    ['http://a', 'http://a', 'http://c', 'http://c'],
  )
})

test('nesting and size are bounded', () => {
  assert.deepEqual(problemsOf(`services: ${'['.repeat(100)}${']'.repeat(100)}`), ['1:75 nested too deeply'])
  for (const open of ['[', '{a: ', '- ']) {
    for (const depth of [500, 5000, 50_000]) {
      const [first = ''] = problemsOf(`services:\n${open.repeat(depth)}`)
      assert.match(first, /^\d+:\d+ /, `${depth} x '${open}'`)
    }
  }
  assert.deepEqual(problemsOf(`# ${'x'.repeat(1024 * 1024)}`), ['1:1 the file is too large'])
})
