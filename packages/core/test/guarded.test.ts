// The decorator: called as a function here, and in one fixture written as a decorator and compiled first.
import assert from 'node:assert/strict'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { circuitBreaker, fallback, guarded, pipeline } from '../src/index.ts'
import { root, run } from './program.ts'

test('called as a function, it guards a method and keeps this and the parameters', async () => {
  const payments = pipeline(circuitBreaker({ consecutiveFailures: 1 }))
  class Account {
    balance = 10
    readonly pay = guarded(payments)(async function (this: Account, amount: number, times: number = 1) {
      if (amount < 0) throw new RangeError('negative')
      this.balance -= amount * times
      return this.balance
    })
  }
  const account = new Account()
  assert.deepEqual([await account.pay(2), await account.pay(1, 3)], [8, 5])
  await assert.rejects(account.pay(-1), RangeError)
  await assert.rejects(account.pay(1), { code: 'SG_CIRCUIT_OPEN' })
  assert.equal(account.balance, 5)
})

test('what a fallback answers comes out of the method', async () => {
  const price = guarded(pipeline(fallback({ value: 'no price' })))(async () => {
    throw new Error('down')
  })
  assert.equal(await price.call(undefined), 'no price')
})

test('in decorator syntax, compiled by tsc, it guards instance and static methods under one pipeline', async (t) => {
  const out = await mkdtemp(join(tmpdir(), 'switchgear-guarded-'))
  t.after(() => rm(out, { recursive: true }))
  await writeFile(join(out, 'package.json'), '{"type":"module"}')
  await symlink(join(root, 'node_modules'), join(out, 'node_modules'))
  const compiled = await run([
    ...['node_modules/typescript/bin/tsc', '-p', 'packages/core/test/fixtures/tsconfig.json', '--noEmit', 'false'],
    ...['--target', 'es2022', '--rewriteRelativeImportExtensions', '--rootDir', 'packages/core', '--outDir', out],
  ])
  assert.deepEqual([compiled.code, compiled.stdout, compiled.stderr], [0, '', ''])
  const ended = await run(['--conditions=@switchgear/source', join(out, 'test/fixtures/guarded-class.js')])
  assert.deepEqual([ended.code, ended.stderr], [0, ''])
  assert.deepEqual(JSON.parse(ended.stdout), [
    ...['7 shoes', '7 none', 'outlet 5 none', 'no price', 7, 'RangeError', 'RangeError', 'SG_CIRCUIT_OPEN'],
    ...[0, true],
  ])
})
