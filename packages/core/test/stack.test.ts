// A stack that leads from the place of the error to the place of the call: what an operator reads at night.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bulkhead,
  type CallOptions,
  circuitBreaker,
  fallback,
  pipeline,
  type Policy,
  retry,
  timeout,
} from '../src/index.ts'

async function placeOfTheError(): Promise<never> {
  await undefined
  await undefined
  throw new Error('down')
}

/** The stack of an error that passed `policies`, as the caller finds it. */
async function stackThrough(policies: readonly Policy[], options: CallOptions = {}): Promise<string> {
  const guarded = pipeline(...policies)
  async function placeOfTheCall(): Promise<unknown> {
    return await guarded.execute(placeOfTheError, options)
  }
  const error = await placeOfTheCall().catch((thrown: unknown) => thrown)
  return (error as Error).stack ?? ''
}

const last = { maxAttempts: 1 }
const stacks: [string, readonly Policy[], CallOptions?][] = [
  ['no policy', []],
  ['a breaker', [circuitBreaker()]],
  ['a bulkhead and a breaker', [bulkhead(), circuitBreaker()]],
  ['the first attempt of a retry', [retry(last)]],
  ['a retry and a breaker', [retry(last), circuitBreaker()]],
  ['a fallback that throws it again', [fallback((error) => Promise.reject(error)), circuitBreaker()]],
  ['a timeout', [timeout('1m')]],
  ['a breaker and a timeout', [circuitBreaker(), timeout('1m')]],
  ['retry, breaker and timeout', [retry(last), circuitBreaker(), timeout('1m')]],
  ['the standard stack', [bulkhead(), timeout('2m'), retry(last), circuitBreaker(), timeout('1m')]],
  ['the signal of the caller', [circuitBreaker()], { signal: new AbortController().signal }],
]
for (const [label, policies, options] of stacks) {
  test(`an error that passes ${label} still shows the caller`, async () => {
    const stack = await stackThrough(policies, options)
    assert.match(stack, /at .*placeOfTheError/)
    assert.match(stack, /at async placeOfTheCall/)
  })
}
