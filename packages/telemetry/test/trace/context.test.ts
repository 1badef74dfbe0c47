// Contexts: what they hold, that OpenTelemetry's functions read and write the same, and where they are kept.
import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
import { EventEmitter, once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { context as contextApi, createContextKey, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { isTracingSuppressed, suppressTracing } from '@opentelemetry/core'

import {
  activeContext,
  Context,
  enterContext,
  rootContext,
  runIn,
  suppress,
  suppressed,
} from '../../src/trace/context.ts'
import { Traced } from './traced.ts'

const named = (tenant: string): Context => rootContext.withTenant(tenant)
const tenant = (): string | undefined => activeContext().tenant

test('the root context holds nothing and has no deadline', () => {
  assert.equal(activeContext(), rootContext)
  assert.equal(rootContext.span, undefined)
  assert.equal(rootContext.baggage, undefined)
  assert.equal(rootContext.deadline, Infinity)
  assert.equal(rootContext.tenant, undefined)
  assert.equal(suppressed(rootContext), false)
})

test('each change makes a new context and leaves the old one as it was', () => {
  const span = new Traced().start()
  const baggage = propagation.createBaggage({ color: { value: 'red' } })
  const full = rootContext.withSpan(span).withBaggage(baggage).withDeadline(50).withTenant('blue')
  assert.equal(full.span, span)
  assert.equal(full.baggage, baggage)
  assert.equal(full.deadline, 50)
  assert.equal(full.tenant, 'blue')
  const without = full.withSpan(undefined).withBaggage(undefined).withTenant(undefined)
  assert.deepEqual(
    [without.span, without.baggage, without.tenant, without.deadline],
    [undefined, undefined, undefined, 50],
  )
  assert.equal(full.span, span)
  assert.equal(rootContext.deadline, Infinity)
})

test('a deadline only ever comes nearer', () => {
  const near = rootContext.withDeadline(50)
  assert.equal(near.withDeadline(80).deadline, 50)
  assert.equal(near.withDeadline(20).deadline, 20)
})

test("OpenTelemetry's functions and ours see the same span, baggage and suppression", () => {
  const span = new Traced().start()
  const baggage = propagation.createBaggage({ color: { value: 'red' } })
  const theirs = propagation.setBaggage(trace.setSpan(rootContext.withDeadline(9), span), baggage)
  assert.ok(theirs instanceof Context)
  assert.equal(theirs.span, span)
  assert.equal(theirs.baggage, baggage)
  assert.equal(theirs.deadline, 9)
  const ours = rootContext.withSpan(span).withBaggage(baggage)
  assert.equal(trace.getSpan(ours), span)
  assert.equal(propagation.getBaggage(ours), baggage)
  assert.equal(trace.getSpan(trace.deleteSpan(ours)), undefined)
  assert.equal(propagation.getBaggage(propagation.deleteBaggage(ours)), undefined)
  assert.equal(suppressed(suppressTracing(rootContext)), true)
  assert.equal(isTracingSuppressed(suppress(rootContext)), true)
  assert.equal(isTracingSuppressed(rootContext), false)
  assert.equal(suppressed(suppressTracing(ROOT_CONTEXT)), true)
})

test('values of other keys travel along and do not change the context they were set on', () => {
  const key = createContextKey('a key of somebody else')
  const other = createContextKey('another key')
  const one = rootContext.withTenant('blue').setValue(key, 1)
  const two = one.setValue(other, 2).withDeadline(5)
  assert.deepEqual([two.getValue(key), two.getValue(other), two.tenant, two.deadline], [1, 2, 'blue', 5])
  assert.equal(one.getValue(other), undefined)
  assert.equal(two.deleteValue(key).getValue(key), undefined)
  assert.equal(two.deleteValue(key).getValue(other), 2)
  assert.equal(rootContext.deleteValue(key), rootContext)
})

test('a context of another implementation keeps all its values when it becomes ours', () => {
  const key = createContextKey('a key of somebody else')
  const span = new Traced().start()
  const foreign = trace.setSpan(ROOT_CONTEXT, span).setValue(key, 'kept')
  const ours = Context.of(suppressTracing(foreign))
  assert.equal(ours.span, span)
  assert.equal(ours.getValue(key), 'kept')
  assert.equal(ours.suppressed, true)
  assert.equal(ours.withSpan(undefined).getValue(createContextKey('OpenTelemetry Context Key SPAN')), undefined)
  assert.equal(Context.of(ours), ours)
  assert.equal(Context.of(ROOT_CONTEXT), rootContext)
})

test('runIn answers what the function answers, and ends with it, also by a throw', () => {
  assert.equal(
    runIn(named('a'), () => tenant()),
    'a',
  )
  assert.throws(
    () =>
      runIn(named('a'), () => {
        throw new RangeError('no')
      }),
    RangeError,
  )
  assert.equal(activeContext(), rootContext)
})

test('a context is kept across await, timers, immediates, microtasks and ticks', async () => {
  const seen = await runIn(named('a'), async () => {
    const seen = [tenant()]
    await undefined
    seen.push(tenant())
    await delay(1)
    seen.push(tenant())
    for (const later of [setTimeout, setImmediate, queueMicrotask, process.nextTick])
      await new Promise<void>((resolve) => {
        later(() => {
          seen.push(tenant())
          resolve()
        })
      })
    return seen
  })
  assert.deepEqual(seen, Array(7).fill('a'))
})

test('two calls at once do not see each other', async () => {
  const work = (name: string): Promise<string | undefined> =>
    runIn(named(name), async () => {
      await delay(2)
      return tenant()
    })
  assert.deepEqual(await Promise.all([work('a'), work('b'), work('c')]), ['a', 'b', 'c'])
})

test('a stream that is read inside a context keeps it', async () => {
  const seen = new Set<string | undefined>()
  await runIn(named('a'), () =>
    pipeline(Readable.from(['1', '2', '3']), async (source: AsyncIterable<string>) => {
      for await (const _ of source) seen.add(tenant())
    }),
  )
  assert.deepEqual([...seen], ['a'])
})

test('an AsyncResource brings back the context it was made in', () => {
  const resource = runIn(named('made'), () => new AsyncResource('job'))
  runIn(named('other'), () => resource.runInAsyncScope(() => assert.equal(tenant(), 'made')))
  const job = runIn(named('made'), () => AsyncResource.bind(() => tenant()))
  assert.equal(
    runIn(named('other'), () => job()),
    'made',
  )
})

test('enterContext holds for the rest of the turn and what it starts, not for its caller', async () => {
  const seen = await runIn(named('outer'), async () => {
    const inner = new EventEmitter()
    inner.on('go', () => enterContext(named('entered')))
    setImmediate(() => {
      inner.emit('go')
      setImmediate(() => inner.emit('seen', tenant()))
    })
    const [entered] = await once(inner, 'seen')
    return [entered, tenant()]
  })
  assert.deepEqual(seen, ['entered', 'outer'])
})

test('without a registration the API stays what it was', () => {
  runIn(named('a'), () => assert.equal(contextApi.active(), ROOT_CONTEXT))
})
