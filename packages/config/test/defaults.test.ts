// Defaults stand in core, and once more in the schema for editors. Given explicitly they must change nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bulkhead, type CircuitBreakerOptions, fromSpec, pipeline, type PolicySpec, shed } from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import {
  complete,
  defaults as adaptiveDefaults,
  rulesOf as adaptiveRules,
} from '../../core/src/adaptive-limit/options.ts'
import { rulesOf } from '../../core/src/breaker/options.ts'
import { rulesOf as cacheRules } from '../../core/src/cache/options.ts'
import { settingsOf } from '../../core/src/rate-limit/options.ts'
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
  const mapping = (node: Node | undefined): Node | undefined =>
    node?.anyOf?.find(({ properties }) => properties !== undefined) ?? node
  const options = mapping(policy)
  const { properties = {} } = (inside === undefined ? options : mapping(options?.properties?.[inside])) ?? {}
  const known = Object.entries(properties).filter(([, node]) => node.default !== undefined)
  assert.ok(known.length > 0, kind)
  return Object.fromEntries(known.map(([key, node]) => [key, node.default]))
}

test('of a circuit breaker', () => {
  const defaults = told('circuitBreaker')
  assert.equal(Object.keys(defaults).length, 17)
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

test('of a rate limit, an adaptive limit and a cache', () => {
  const rate = told('rateLimit')
  assert.equal(Object.keys(rate).length, 5)
  for (const [key, value] of Object.entries(rate)) assert.deepEqual(settingsOf({ [key]: value }), settingsOf({}), key)
  const adaptive = told('adaptiveLimit')
  assert.deepEqual(Object.keys(adaptive), Object.keys(adaptiveDefaults))
  const base = complete(adaptiveDefaults, {})
  const all = complete(adaptiveDefaults, adaptive)
  assert.deepEqual(adaptiveRules(all), adaptiveRules(base))
  for (const key of ['name', 'algorithm', 'initialLimit', 'maxQueue'] as const) assert.equal(all[key], base[key], key)
  const { name, ...kept } = told('cache')
  assert.equal(Object.keys(kept).length, 4)
  for (const [key, value] of Object.entries(kept)) {
    const { key: _, cacheable: _c, copy: _o, ...rules } = cacheRules({ [key]: value })
    const { ttlMs, revalidateMs, ifErrorMs, maxEntries } = cacheRules({})
    assert.deepEqual(rules, { ttlMs, revalidateMs, ifErrorMs, maxEntries }, key)
  }
  assert.equal(name, fromSpec({ policies: [{ cache: {} }] }).policies[0]?.name)
})

/** What a policy does and says under a load that brings out its options, each call 10 ms after the other. */
async function course(
  policy: PolicySpec,
  load: (call: number, clock: VirtualClock) => Promise<unknown>,
): Promise<unknown> {
  const clock = new VirtualClock()
  const guarded = fromSpec({ policies: [policy] }, { clock, random: seededRandom(7) })
  const said: unknown[] = []
  for (let call = 0; call < 400; call++) {
    const priority = (call % 2) as 0 | 1
    const ended = guarded
      .execute(() => load(call, clock), { priority, key: String(call) })
      .then(String, (error: { code?: string }) => error.code ?? 'failed')
    await clock.advance(10)
    if (call % 40 === 0) said.push(guarded.snapshot().policies[0])
    if (call >= 100) said.push(await Promise.race([ended, Promise.resolve('pending')]))
  }
  await clock.advance(600_000)
  return [...said, guarded.snapshot().policies[0]]
}

const differ = async (
  load: Parameters<typeof course>[1],
  make: (options: object) => PolicySpec,
  defaults: object,
  others: readonly object[],
): Promise<void> => {
  const usual = await course(make({}), load)
  assert.deepEqual(await course(make(defaults), load), usual)
  // Each of them shows in what is compared: another value would have been noticed.
  for (const other of others) assert.notDeepEqual(await course(make(other), load), usual, JSON.stringify(other))
}

test('of a throttle', async () => {
  const defaults = told('throttle')
  assert.deepEqual(Object.keys(defaults), [
    'name',
    'window',
    'k',
    'minimumThroughput',
    'maxRefusalChance',
    'byPriority',
  ])
  const failing = (call: number): Promise<unknown> => (call < 20 ? Promise.resolve(1) : Promise.reject(new Error('no')))
  const others = [{ name: 'x' }, { window: '1s' }, { k: 1.5 }, { minimumThroughput: 150 }, { maxRefusalChance: 0.5 }]
  await differ(failing, (options) => ({ throttle: options }), defaults, [...others, { byPriority: false }])
})

test('of a hedge', async () => {
  const defaults = told('hedge')
  assert.deepEqual(Object.keys(defaults), ['name', 'percentile', 'maxHedges'])
  // One in 25 takes so long that there is time for a second attempt, and for a third where there may be one.
  const slow = (call: number, clock: VirtualClock): Promise<unknown> =>
    new Promise((resolve) => clock.setTimer(() => resolve(call), call % 25 === 0 ? 200 : 1 + (call % 7)))
  const others = [{ name: 'x' }, { percentile: 0.5 }, { maxHedges: 2 }, { maxHedges: 0 }]
  await differ(slow, (options) => ({ hedge: { ...options } }), defaults, others)
})

test('of coalescing and of chaos', async () => {
  const pending = new Promise(() => undefined)
  const flights = async (coalesce: object): Promise<unknown> => {
    const guarded = fromSpec({ policies: [{ coalesce }] })
    for (let call = 0; call < 1001; call++) void guarded.execute(() => pending, { key: String(call) })
    return guarded.snapshot().policies[0]
  }
  assert.deepEqual(await flights(told('coalesce')), await flights({}))
  for (const maxFlights of [999, 1001]) assert.notDeepEqual(await flights({ maxFlights }), await flights({}))
  const make = (options: object): PolicySpec => ({ chaos: { for: '1m', latency: { rate: 0.5, delay: 5 }, ...options } })
  const load = (call: number, clock: VirtualClock): Promise<unknown> => Promise.resolve(`${call} at ${clock.now()}`)
  const latency = { rate: 0.5, delay: 5, ...told('chaos', 'latency') }
  await differ(load, make, { ...told('chaos'), latency }, [{ name: 'x' }, { latency: { ...latency, jitter: 0.5 } }])
})

test('of load shedding', () => {
  const states = (options: object): unknown => {
    const clock = new VirtualClock()
    const gate = shed(options)
    pipeline({ clock }, gate)
    const said: unknown[] = []
    for (const delay of [19.9, 20, 0, 500, 500]) {
      for (let turn = 0; turn < 40; turn++) {
        gate.observe(delay)
        clock.advanceSync(10)
        said.push(gate.refusedFrom)
      }
    }
    return [said, gate.snapshot()]
  }
  const usual = states({})
  assert.deepEqual(states(told('shed')), usual)
  for (const other of [
    { name: 'x' },
    { target: '21ms' },
    { target: '19ms' },
    { interval: '90ms' },
    { shedCritical: true },
  ])
    assert.notDeepEqual(states(other), usual, JSON.stringify(other))
})
