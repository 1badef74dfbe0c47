// Whatever a file holds, the answer is a configuration or a ConfigError whose problems lie inside the text.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { ConfigError, parseConfig } from '../src/index.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

function survives(text: string): void {
  let error: unknown
  try {
    const config = parseConfig(text)
    assert.ok(Object.isFrozen(config))
    return
  } catch (thrown) {
    error = thrown
  }
  assert.ok(error instanceof ConfigError, `${String(error)} of ${JSON.stringify(text)}`)
  assert.ok(error.problems.length > 0)
  const lines = text.split('\n')
  let before = [0, 0]
  for (const { line, column, message, expected } of error.problems) {
    assert.ok(line >= 1 && line <= lines.length && column >= 1, `${line}:${column}`)
    assert.ok(column <= (lines[line - 1] ?? '').length + 1, `${line}:${column} of ${JSON.stringify(text)}`)
    assert.ok(line > (before[0] ?? 0) || (line === before[0] && column >= (before[1] ?? 0)), 'out of order')
    assert.ok(message !== '' && expected !== '' && !/\n/.test(message), message)
    before = [line, column]
  }
}

const words =
  'services gateway routes path service methods host port drainTimeout endpoints policies fallback circuitBreaker retry ' +
  'timeout bulkhead preset window budget after value cached headers maxAttempts a payments 1 constructor ' +
  'load scenarios faults fault kind calls to at for rate users latency median p99 instances budgets circuitBreakers shared'
const key = fc.constantFrom(...words.split(' '), 'x y', '')
const texts = fc.constantFrom('5s', '10', 'critical', 'http://a', '/', 'GET', 'a', '', '*a', '&a', '~', '\u0007')
const others = fc.constantFrom<unknown>(null, true, 0, 1, 80, 0.5, NaN, Infinity)
const scalar = fc.oneof(texts, others, fc.string(), fc.double())
const { node } = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(key, tie('node'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

test('property: any data in the shape of a configuration', () => {
  const config = fc.record(
    { services: fc.dictionary(key, node), gateway: node, shared: node, simulation: node, other: node },
    { requiredKeys: [], noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.oneof(config, node), (data) => survives(stringify(data))),
    { seed, numRuns: 1000 },
  )
})

test('property: any text, and a valid text with a piece put in or cut out', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), survives), { seed, numRuns: 500 })
  const valid = [
    'gateway:',
    '  port: 0',
    '  routes: [{ path: /a, service: a }]',
    'services:',
    '  a: &a',
    '    endpoints: [http://a]',
    '    policies:',
    '      - timeout: 5s',
    '      - retry: { budget: { ratio: 0.1 } }',
    '  b: *a',
    '',
  ].join('\n')
  assert.ok(parseConfig(valid))
  const marks = ['\t', ' ', '\n', '\r\n', ':', '- ', '[', '{', '}', ']', '"', "'", '#', '|', '%', ',', '\uFEFF']
  const starts = ['&a ', '*a', '!!x ', '? ', '<<: ', '---\n', '...\n', 'a: ']
  const piece = fc.oneof(fc.constantFrom(...marks, ...starts), fc.string({ maxLength: 5 }))
  fc.assert(
    fc.property(fc.nat(valid.length), fc.nat(8), piece, (at, cut, inserted) => {
      survives(valid.slice(0, at) + inserted + valid.slice(at + cut))
    }),
    { seed, numRuns: 2000 },
  )
})

test('a large file with a mistake on every line is answered within seconds', () => {
  // Processor time, so that whatever else runs on the machine does not count. Comparing each key with all others took 30 s.
  const begun = process.cpuUsage()
  const text = `services:\n${Array.from({ length: 20_000 }, (_, index) => `  s${index}: { endpont: [http://a] }`).join('\n')}\n`
  assert.throws(
    () => parseConfig(text),
    (error) => error instanceof ConfigError && error.problems.length === 40_000,
  )
  const unknown = `services: {}\n${Array.from({ length: 60_000 }, (_, index) => `servic${index}: 1`).join('\n')}\n`
  assert.throws(
    () => parseConfig(unknown),
    (error) => error instanceof ConfigError && error.problems.length === 60_000,
  )
  const { user, system } = process.cpuUsage(begun)
  const elapsed = (user + system) / 1000
  assert.ok(elapsed < 15_000, `${Math.round(elapsed)} ms`)
})
