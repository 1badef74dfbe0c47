import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SwitchgearError } from '@switchgear/core'
import { ConfigError, configError, describe, type Problem } from '../src/index.ts'
import { formatPath } from '../src/path.ts'
import { masked } from '../src/problem.ts'

const problem = (parts: Partial<Problem>): Problem => ({
  file: 'switchgear.yaml',
  line: 1,
  column: 1,
  path: 'a.b',
  message: 'got 1',
  expected: 'a text',
  ...parts,
})

test('a path is written as one would write it in code', () => {
  assert.equal(formatPath([]), '')
  assert.equal(formatPath(['services', 'payments', 'policies', 1, 'retry']), 'services.payments.policies[1].retry')
  assert.equal(formatPath(['services', 'payments.v2', 'policies']), 'services["payments.v2"].policies')
  assert.equal(formatPath(['shop-front']), 'shop-front')
})

test('a problem on one line, with and without a suggestion', () => {
  assert.equal(describe(problem({})), 'switchgear.yaml:1:1 a.b: got 1, expected a text')
  const line = "switchgear.yaml:1:1 a.b: got 1, did you mean 'c'? expected a text"
  assert.equal(describe(problem({ nearest: 'c' })), line)
  assert.equal(describe(problem({ path: '' })), 'switchgear.yaml:1:1 got 1, expected a text')
  assert.equal(describe(problem({ path: '', line: 0, column: 0 })), 'switchgear.yaml: got 1, expected a text')
})

test('the error carries its problems in the order of their positions, frozen', () => {
  const error = new ConfigError('switchgear.yaml', [problem({ line: 2 }), problem({ line: 1, column: 9 }), problem({})])
  assert.ok(error instanceof SwitchgearError)
  assert.equal(error.code, configError.code)
  assert.equal(error.name, 'ConfigError')
  assert.equal(error.file, 'switchgear.yaml')
  assert.deepEqual(
    error.problems.map(({ line, column }) => [line, column]),
    [
      [1, 1],
      [1, 9],
      [2, 1],
    ],
  )
  assert.ok(Object.isFrozen(error.problems) && Object.isFrozen(error.problems[0]))
})

test('the message shows the source line with a caret under the column', () => {
  const error = new ConfigError('f', [problem({ file: 'f', line: 2, column: 4 })], 'first\r\n\ta: 1\r\n')
  assert.equal(
    error.message,
    ['1 problem in f', 'f:2:4 a.b: got 1, expected a text', '    2 | \ta: 1', '      | \t  ^'].join('\n'),
  )
})

test('a very long line is cut around the column, and the caret stays under it', () => {
  const text = `${'x'.repeat(5000)}HERE${'y'.repeat(5000)}`
  const { message } = new ConfigError('f', [problem({ column: 5001 })], text)
  const [source = '', caret = ''] = message.split('\n').slice(-2)
  assert.ok(source.length < 150, `${source.length} characters`)
  assert.equal(source.slice(caret.indexOf('^'), caret.indexOf('^') + 4), 'HERE')
})

test('many problems are counted, and fifty are printed', () => {
  const problems = Array.from({ length: 72 }, (_, index) => problem({ line: index + 1 }))
  const { message, problems: all } = new ConfigError('f', problems)
  assert.equal(all.length, 72)
  assert.equal(message.split('\n').length, 52)
  assert.match(message, /^72 problems in f\n[^]*\.\.\. and 22 more$/)
})

test('what may be a password is hidden without moving a column', () => {
  assert.equal(masked('http://user:secret@host:80/x'), 'http://***********@host:80/x')
  assert.equal(masked('[http://a:1, http://user:p@ss@host]'), `[http://${'*'.repeat(21)}@host]`)
  assert.equal(masked('- user:secret@host'), '- ***********@host')
  assert.equal(masked('- htp:/user:sec/ret@host'), '- *****************@host')
  assert.equal(masked('http://token@host'), 'http://*****@host')
  assert.equal(masked('body: write to help@shop.example'), 'body: write to help@shop.example')
  assert.equal(masked('endpoints: [http://a:1]'), 'endpoints: [http://a:1]')
  assert.equal(masked('- @http://a'), '- @http://a')
})

test('an excerpt cannot steer a terminal', () => {
  const { message } = new ConfigError('f', [problem({ column: 9 })], 'a: "\u001B[31m\u0007\u009B": x')
  assert.doesNotMatch(message, /[^\P{Cc}\n]/u)
})
