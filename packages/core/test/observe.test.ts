// What an observer hears of calls: scopes that begin and end once each, in the right places of the right pipelines.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, test } from 'node:test'
import {
  bulkhead,
  cache,
  type Call,
  type Clock,
  circuitBreaker,
  coalesce,
  fallback,
  hedge,
  type Outcome,
  pipeline,
  type PolicyEvent,
  rateLimit,
  retry,
  timeout,
} from '../src/index.ts'
import { type CallObserver, observe } from '../src/observe.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { codeOf, hang, Task, watch } from './watch.ts'

interface Scope {
  readonly label: string
  readonly parent: unknown
}

/** Writes down what it hears, a line each. */
class Witness implements CallObserver {
  readonly lines: string[] = []
  readonly events: { event: PolicyEvent; scope: unknown }[] = []
  readonly storage: AsyncLocalStorage<unknown> = new AsyncLocalStorage()
  readonly open: Set<unknown> = new Set()
  #calls = 0

  begin(call: Call): unknown {
    return this.#begin({ label: `call ${++this.#calls}`, parent: call.scope })
  }

  attempt(call: Call, _clock: Clock, scope: unknown): unknown {
    return this.#begin({ label: `${label(scope)} attempt ${call.attempt}`, parent: scope })
  }

  within<T>(scope: unknown, run: (call: Call) => T, call: Call): T {
    return this.storage.run(scope, run, call)
  }

  end(scope: unknown, _call: Call, outcome: Outcome, error: unknown): void {
    assert.ok(this.open.delete(scope), `${label(scope)} has ended already`)
    this.lines.push(`- ${label(scope)} ${outcome}${error === undefined ? '' : ` ${textOf(error)}`}`)
  }

  exited(call: Call, tookMs: number, outcome: Outcome, error: unknown): void {
    this.lines.push(`exited ${call.name} ${tookMs} ${outcome}${error === undefined ? '' : ` ${textOf(error)}`}`)
  }

  event(event: PolicyEvent, scope: unknown): void {
    this.events.push({ event, scope })
    this.lines.push(`${event.type} of ${event.policy}${scope === undefined ? '' : ` in ${label(scope)}`}`)
  }

  #begin(scope: Scope): Scope {
    this.open.add(scope)
    this.lines.push(`+ ${scope.label}`)
    return scope
  }
}

const label = (scope: unknown): string => (scope as Scope).label
const textOf = (error: unknown): string => codeOf(error) ?? (error instanceof Error ? error.message : String(error))

let end: (() => void) | undefined
const witness = (): Witness => {
  const one = new Witness()
  end = observe(one)
  return one
}
afterEach(() => end?.())

const rig = () => {
  const clock = new VirtualClock()
  return { clock, options: { name: 'orders', clock, random: seededRandom(1) } }
}

test('a pipeline that runs its function once is one scope, and the function runs within it', async () => {
  const seen = witness()
  const { options } = rig()
  const orders = pipeline(options, circuitBreaker(), timeout('1s'))
  const inside = await orders.execute(async () => {
    await Promise.resolve()
    return seen.storage.getStore()
  })
  assert.equal(label(inside), 'call 1')
  await assert.rejects(orders.execute(() => Promise.reject(new Error('no'))))
  assert.deepEqual(seen.lines, ['+ call 1', '- call 1 success', '+ call 2', '- call 2 failure no'])
  assert.equal(seen.open.size, 0)
})

test('each attempt of a retry is a scope inside that of its call', async () => {
  const seen = witness()
  const { clock, options } = rig()
  const orders = pipeline(options, retry({ backoff: 'constant', delay: 100, jitter: 0 }), circuitBreaker())
  const scopes: unknown[] = []
  const answer = watch(
    orders.execute(async ({ attempt }) => {
      await Promise.resolve()
      scopes.push(seen.storage.getStore())
      if (attempt < 3) throw new Error(`no ${attempt}`)
      return 'paid'
    }),
  )
  await clock.advance(1000)
  assert.equal(answer.result, 'paid')
  assert.deepEqual(scopes.map(label), ['call 1 attempt 1', 'call 1 attempt 2', 'call 1 attempt 3'])
  assert.deepEqual(seen.lines, [
    '+ call 1',
    '+ call 1 attempt 1',
    '- call 1 attempt 1 failure no 1',
    'retry of retry in call 1',
    '+ call 1 attempt 2',
    '- call 1 attempt 2 failure no 2',
    'retry of retry in call 1',
    '+ call 1 attempt 3',
    '- call 1 attempt 3 success',
    '- call 1 success',
  ])
})

test('an attempt that a timeout cuts off ends then, and once, whatever its function does later', async () => {
  const seen = witness()
  const { clock, options } = rig()
  const task = new Task<string>()
  const orders = pipeline(options, retry({ backoff: 'constant', delay: 10, jitter: 0 }), timeout('100ms'))
  const answer = watch(orders.execute((call) => (call.attempt === 1 ? task.run(call) : 'second')))
  await clock.advance(100)
  assert.deepEqual(seen.lines.slice(2), [
    'timeout of timeout in call 1',
    '- call 1 attempt 1 failure SG_TIMEOUT',
    'retry of retry in call 1',
  ])
  await clock.advance(10)
  assert.equal(answer.result, 'second')
  task.resolve(0, 'late')
  await clock.advance(0)
  assert.equal(seen.lines.at(-1), 'abandoned of timeout in call 1')
  assert.equal(seen.open.size, 0)
})

test('hedges, refusals, fallbacks and waits are told in the scope of their call', async () => {
  const seen = witness()
  const { clock, options } = rig()
  const raced = pipeline(options, hedge({ delay: 50 }))
  const answer = watch(raced.execute((call) => (call.attempt === 1 ? hang() : 'hedged')))
  await clock.advance(50)
  assert.equal(answer.result, 'hedged')
  assert.deepEqual(seen.lines, [
    '+ call 1',
    '+ call 1 attempt 1',
    'hedge of hedge in call 1',
    '+ call 1 attempt 2',
    '- call 1 attempt 2 success',
    '- call 1 attempt 1 ignored SG_HEDGE_LOST',
    'hedgeWon of hedge in call 1',
    '- call 1 success',
  ])
  const broken = circuitBreaker()
  const guarded = pipeline(options, fallback({ value: 'other' }), broken)
  broken.isolate('test')
  assert.equal(await guarded.execute(() => 'own'), 'other')
  assert.deepEqual(seen.lines.slice(8), [
    'transition of circuitBreaker',
    '+ call 2',
    'rejected of circuitBreaker in call 2',
    'fallback of fallback in call 2',
    '- call 2 success',
  ])
  const refused = seen.events.find(({ event }) => event.type === 'rejected')?.event
  assert.equal(refused?.type === 'rejected' && refused.state, 'isolated')
  const narrow = pipeline(options, bulkhead({ maxInFlight: 1, maxQueue: 1 }))
  const task = new Task()
  const first = narrow.execute(task.run)
  const second = narrow.execute(task.run)
  await clock.advance(30)
  task.resolve(0, 1)
  await clock.advance(0)
  task.resolve(1, 2)
  assert.deepEqual(await Promise.all([first, second]), [1, 2])
  const waited = seen.events.find(({ event }) => event.type === 'queued')
  assert.deepEqual(waited?.event, {
    type: 'queued',
    policy: 'bulkhead',
    pipeline: 'orders',
    waitedMs: 30,
    admitted: true,
  })
  assert.equal(label(waited?.scope), 'call 4')
  assert.equal(seen.open.size, 0)
})

test('a cached answer runs nothing, and one flight for many is one run', async () => {
  const seen = witness()
  const { options } = rig()
  const read = pipeline(options, cache({ key: () => 'k' }), coalesce({ key: () => 'k' }))
  await Promise.all([read.execute(() => 'v'), read.execute(() => 'v')])
  await read.execute(() => 'v')
  const runs = seen.lines.filter((line) => line.startsWith('+') && line.includes('attempt'))
  assert.deepEqual(runs, ['+ call 1 attempt 1'])
  assert.deepEqual(
    seen.events.map(({ event, scope }) => `${event.type} ${label(scope)}`),
    ['cache call 1', 'cache call 2', 'coalesced call 2', 'cache call 3'],
  )
  assert.equal(seen.open.size, 0)
})

test('a call that is driven from outside keeps the scope of its adapter and tells when it has left', async () => {
  const seen = witness()
  const { clock, options } = rig()
  const scope = { label: 'adapter', parent: undefined }
  const orders = pipeline(options, rateLimit({ limit: 1, window: '1h' }), retry(), timeout('1s'))
  const permit = orders.admit({ scope })
  assert.ok(permit.kind === 'permit')
  const attempt = permit.attempt()
  assert.ok(attempt.kind === 'attempt')
  await clock.advance(20)
  attempt.settle('failure', attempt.expired())
  assert.equal(typeof attempt.exit(), 'number')
  permit.exit()
  permit.exit()
  assert.equal(orders.admit({ scope }).kind, 'rejection')
  assert.equal((await orders.admitAsync({ scope })).kind, 'rejection')
  await assert.rejects(orders.admitAsync({ signal: AbortSignal.abort(new Error('gone')) }), { message: 'gone' })
  assert.deepEqual(seen.lines, [
    'timeout of timeout in adapter',
    'retry of retry in adapter',
    'exited orders 20 ignored',
    'rejected of rateLimit in adapter',
    'exited orders 0 ignored SG_RATE_LIMITED',
    'rejected of rateLimit in adapter',
    'exited orders 0 ignored SG_RATE_LIMITED',
  ])
})

test('there is one observer at a time; calls that began before it are none of its business', async () => {
  const { clock, options } = rig()
  const orders = pipeline(options, retry({ backoff: 'constant', delay: 10, jitter: 0 }))
  const early = watch(orders.execute(({ attempt }) => (attempt === 1 ? Promise.reject(new Error('no')) : 'late')))
  const seen = witness()
  assert.throws(() => observe(new Witness()), { code: 'SG_BAD_OPTIONS', message: /already/ })
  await clock.advance(100)
  assert.equal(early.result, 'late')
  assert.deepEqual(seen.lines, ['retry of retry'])
  end?.()
  end?.()
  await orders.execute(() => 'unseen')
  assert.equal(seen.lines.length, 1)
  assert.throws(() => observe({} as CallObserver), {
    code: 'SG_BAD_OPTIONS',
    message: 'observe.begin must be a function, got undefined',
  })
})

test('the answer, the error and its stack pass an observer unchanged; a classifier that throws is not its problem', async () => {
  const seen = witness()
  const { options } = rig()
  const error = new Error('mine')
  const plain = pipeline(options, circuitBreaker())
  await assert.rejects(
    plain.execute(() => Promise.reject(error)),
    (thrown) => thrown === error,
  )
  const judged = pipeline({
    ...options,
    classify: {
      ofValue: () => {
        throw new Error('classifier')
      },
    },
  })
  assert.equal(await judged.execute(() => 1), 1)
  assert.deepEqual(seen.lines.slice(-1), ['- call 2 ignored'])
})

test('a call that its caller aborts is ignored, as it is for every gate: before, during and between attempts', async () => {
  const seen = witness()
  const { clock, options } = rig()
  const orders = pipeline(options, retry({ backoff: 'constant', delay: 50, jitter: 0 }), circuitBreaker())
  const early = orders.execute(() => 1, { signal: AbortSignal.abort(new Error('gone')) })
  await assert.rejects(early, { message: 'gone' })
  for (const failing of [false, true]) {
    const controller = new AbortController()
    const fail = (): Promise<never> => (failing ? Promise.reject(new Error('no')) : hang())
    const call = watch(orders.execute(fail, { signal: controller.signal }))
    await clock.advance(10)
    controller.abort(new Error('enough'))
    await clock.advance(0)
    assert.equal(call.state, 'rejected')
  }
  const ends = seen.lines.filter((line) => /^- call \d+ (?!attempt)/.test(line))
  assert.deepEqual(ends, ['- call 1 ignored gone', '- call 2 ignored enough', '- call 3 ignored enough'])
  assert.equal(seen.open.size, 0)
})
