import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OptionsError } from '../src/index.ts'
import { lookAway, quietly } from '../src/observe.ts'

test('without a tracer it just runs', () => {
  assert.equal(
    quietly(() => 7),
    7,
  )
})

test('a tracer says how it looks away, until it takes that back', () => {
  const seen: string[] = []
  const end = lookAway((run) => {
    seen.push('before')
    const result = run()
    seen.push('after')
    return result
  })
  assert.equal(
    quietly(() => (seen.push('run'), 'answer')),
    'answer',
  )
  assert.deepEqual(seen, ['before', 'run', 'after'])
  end()
  end()
  quietly(() => seen.push('again'))
  assert.deepEqual(seen, ['before', 'run', 'after', 'again'])
})

test('a second tracer is refused, and the first stays', () => {
  let looked = 0
  const end = lookAway((run) => (looked++, run()))
  try {
    assert.throws(() => lookAway((run) => run()), OptionsError)
    quietly(() => undefined)
    assert.equal(looked, 1)
  } finally {
    end()
  }
})
