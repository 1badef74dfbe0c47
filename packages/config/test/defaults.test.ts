// Defaults stand in core, and once more in the schema for editors. Given explicitly they must change nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bulkhead, type CircuitBreakerOptions, fromSpec, type PolicySpec } from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { rulesOf } from '../../core/src/breaker/options.ts'
import { jsonSchema } from '../src/index.ts'

interface Node {
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node
  readonly anyOf?: readonly Node[]
  readonly items?: Node
  readonly default?: unknown
}

/** The defaults that the schema tells of a policy. */
function told(kind: string, inside?: string): Record<string, unknown> {
  const item = (jsonSchema() as Node).properties?.['services']?.additionalProperties?.properties?.['policies']?.items
  const policy = item?.anyOf?.find(({ properties }) => properties?.[kind] !== undefined)?.properties?.[kind]
  const options = policy?.anyOf?.find(({ properties }) => properties !== undefined) ?? policy
  const { properties = {} } = (inside === undefined ? options : options?.properties?.[inside]) ?? {}
  const known = Object.entries(properties).filter(([, node]) => node.default !== undefined)
  assert.ok(known.length > 1, kind)
  return Object.fromEntries(known.map(([key, node]) => [key, node.default]))
}

test('of a circuit breaker', () => {
  const defaults = told('circuitBreaker')
  assert.equal(Object.keys(defaults).length, 15)
  for (const [key, value] of Object.entries(defaults)) assert.deepEqual(rulesOf({ [key]: value }), rulesOf({}), key)
  // With a ratio the count is off by default; all others stay.
  const { consecutiveFailures: _, ...rest } = defaults
  const ratio = { failureRatio: 0.5 }
  assert.deepEqual(rulesOf({ ...(rest as CircuitBreakerOptions), ...ratio }), rulesOf(ratio))
})

test('of a bulkhead', () => {
  assert.deepEqual(bulkhead(told('bulkhead')).snapshot(), bulkhead().snapshot())
})

type RetrySpec = Extract<PolicySpec, { retry: unknown }>['retry']

/** The waits of a call that fails always; `retryAfterMs` is what the other side asks for. */
async function waits(
  retry: RetrySpec,
  retryAfterMs?: number,
): Promise<{ delays: number[]; name: string | undefined; budget: unknown }> {
  const clock = new VirtualClock()
  const classify = { ofError: () => ({ outcome: 'failure', retryable: true, retryAfterMs }) as const }
  const guarded = fromSpec({ policies: [{ retry }] }, { clock, random: seededRandom(7), classify })
  const delays: number[] = []
  guarded.subscribe((event) => event.type === 'retry' && delays.push(event.delayMs))
  const [before] = guarded.snapshot().policies
  const end = assert.rejects(guarded.execute(() => Promise.reject(new Error('down'))))
  await clock.advance(60_000)
  await end
  return { delays, name: before?.name, budget: before }
}

test('of a retry', async () => {
  const defaults = told('retry')
  assert.deepEqual(Object.keys(defaults), ['name', 'maxAttempts', 'backoff', 'delay', 'maxDelay', 'jitter'])
  for (const asked of [undefined, 1e6]) assert.deepEqual(await waits(defaults, asked), await waits({}, asked))
  // Each of them shows in what is compared: another value would have been noticed.
  const others: RetrySpec[] = [
    { name: 'x' },
    { maxAttempts: 4 },
    { backoff: 'constant' },
    { delay: '101ms' },
    { jitter: 0.4 },
  ]
  for (const other of others) assert.notDeepEqual(await waits(other), await waits({}), JSON.stringify(other))
  assert.notDeepEqual(await waits({ maxDelay: '9s' }, 1e6), await waits({}, 1e6))
})

const balance = async (budget: RetrySpec['budget']): Promise<unknown> => {
  const guarded = fromSpec({ policies: [{ retry: { budget } }] }, { clock: new VirtualClock() })
  for (let call = 0; call < 100; call++) await guarded.execute(() => call)
  return guarded.snapshot().policies[0]
}

test('of a retry budget', async () => {
  const { ratio, minPerSecond } = told('retry', 'budget')
  assert.deepEqual((await waits({ budget: { minPerSecond: minPerSecond as number } })).budget, (await waits({})).budget)
  assert.notDeepEqual((await waits({ budget: { minPerSecond: 4 } })).budget, (await waits({})).budget)
  // Nothing is always allowed, so that only the share of the calls is left: after a hundred calls it shows.
  assert.deepEqual(await balance({ ratio: ratio as number, minPerSecond: 0 }), await balance({ minPerSecond: 0 }))
  assert.notDeepEqual(await balance({ ratio: 0.3, minPerSecond: 0 }), await balance({ minPerSecond: 0 }))
})
