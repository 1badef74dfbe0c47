import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { hasKeys, listenKeys } from '../src/keys.ts'

/** The parts of a terminal's input that are used. */
function terminal(): { input: NodeJS.ReadStream; raw: boolean[] } {
  const raw: boolean[] = []
  const parts = { isTTY: true, setRawMode: (mode: boolean) => raw.push(mode) }
  return { input: Object.assign(new PassThrough(), parts) as unknown as NodeJS.ReadStream, raw }
}

test('every key is told, and the two that end a program are q', async () => {
  const { input, raw } = terminal()
  const keys: string[] = []
  const stop = listenKeys(input, (key) => keys.push(key))
  ;(input as unknown as PassThrough).write('bh\u0003')
  await new Promise((resolve) => setImmediate(resolve))
  stop()
  ;(input as unknown as PassThrough).write('s')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(keys, ['b', 'h', 'q'])
  assert.deepEqual(raw, [true, false], 'the terminal is given back')
})

test('there are keys only on a terminal', () => {
  assert.equal(hasKeys(terminal().input), true)
  assert.equal(hasKeys(new PassThrough() as unknown as NodeJS.ReadStream), false)
})
