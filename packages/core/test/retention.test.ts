// What the kernel keeps for reuse keeps nothing of the calls it was used for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bulkhead, circuitBreaker, pipeline, retry, timeout } from '../src/index.ts'
import { becomesGarbage } from './garbage.ts'

const pipelines = [
  pipeline(circuitBreaker()),
  pipeline(bulkhead(), circuitBreaker()),
  pipeline(bulkhead(), timeout('1s'), retry(), circuitBreaker({ slowCallRatio: 1 }), timeout('1s')),
]

/** Runs one call whose function holds something large, and answers a weak hand on that. */
async function use(guarded: (typeof pipelines)[number]): Promise<WeakRef<object>> {
  const large = { bytes: new Uint8Array(1000) }
  const { signal } = new AbortController()
  await guarded.execute(() => large.bytes.length, { signal })
  await guarded.execute(() => large.bytes.length)
  return new WeakRef(large)
}

for (const [index, guarded] of pipelines.entries()) {
  test(`a finished call is garbage, although its records are kept (pipeline ${index + 1})`, async () => {
    assert.ok(await becomesGarbage(() => use(guarded)))
  })
}
