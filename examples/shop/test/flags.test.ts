import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagError, parseFlags } from '../src/flags.ts'

test('without flags it is the usual story', () => {
  assert.deepEqual(parseFlags([]), {
    help: false,
    once: false,
    json: false,
    port: undefined,
    seed: 7,
    perSecond: 40,
    config: undefined,
    log: undefined,
    timeline: { calmMs: 10_000, outageMs: 15_000, recoveryMs: 10_000 },
  })
})

test('json means once', () => assert.equal(parseFlags(['--json']).once, true))

test('durations have units', () => {
  assert.equal(parseFlags(['--outage', '800ms']).timeline.outageMs, 800)
})

const wrong: readonly [words: string[], message: RegExp][] = [
  [['--port', '70000'], /--port must be a whole number from 0 to 65535, got '70000'/],
  [['--port', '80a'], /--port .* got '80a'/],
  [['--rate', '0'], /--rate must be a whole number from 1 to 500, got '0'/],
  [['--seed', '1.5'], /--seed .* got '1.5'/],
  [['--calm', 'soon'], /--calm.*soon/],
  [['--onse'], /--onse/],
  [['now'], /now/],
]

for (const [words, message] of wrong) {
  test(`wrong: ${words.join(' ')}`, () => {
    assert.throws(
      () => parseFlags(words),
      (error) => error instanceof FlagError && message.test(error.message),
    )
  })
}
