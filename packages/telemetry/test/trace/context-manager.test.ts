// The context manager of the OpenTelemetry API: with, bind and attach over our storage.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'

import { createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'

import { ContextManager } from '../../src/trace/context-manager.ts'
import { activeContext, type Context, rootContext, runIn } from '../../src/trace/context.ts'

const manager = new ContextManager()
const named = (tenant: string): Context => rootContext.withTenant(tenant)
const tenant = (): string | undefined => activeContext().tenant

test('with runs the function with receiver and arguments and answers its answer', () => {
  const receiver = { factor: 3 }
  const answer = manager.with(
    named('a'),
    function (this: typeof receiver, x: number, y: number) {
      return [this.factor * (x + y), tenant()]
    },
    receiver,
    1,
    2,
  )
  assert.deepEqual(answer, [9, 'a'])
  assert.equal(manager.active(), rootContext)
})

test('with accepts contexts of another implementation', () => {
  const key = createContextKey('a key of somebody else')
  const seen = manager.with(ROOT_CONTEXT.setValue(key, 7), () => manager.active().getValue(key))
  assert.equal(seen, 7)
  runIn(named('a'), () => manager.with(ROOT_CONTEXT, () => assert.equal(manager.active(), rootContext)))
})

test('bind makes a function that runs in the context, with its receiver, arguments and length', () => {
  const target = {
    name: 'target',
    call(_one: number, _two: number) {
      return [this.name, tenant(), _one + _two]
    },
  }
  target.call = manager.bind(named('a'), target.call)
  assert.deepEqual(
    runIn(named('b'), () => target.call(1, 2)),
    ['target', 'a', 3],
  )
  assert.equal(target.call.length, 2)
})

test('bind answers anything else as it is', () => {
  const plain = { a: 1 }
  assert.equal(manager.bind(named('a'), plain), plain)
  assert.equal(manager.bind(named('a'), 7), 7)
})

test("listeners of a bound emitter run in its context, each kind, and 'once' runs once", () => {
  const emitter = manager.bind(named('bound'), new EventEmitter())
  const seen: string[] = []
  for (const method of ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const)
    emitter[method]('ping', function (this: EventEmitter, value: number) {
      assert.equal(this, emitter)
      seen.push(`${method} ${tenant()} ${value}`)
    })
  runIn(named('emitting'), () => emitter.emit('ping', 1))
  runIn(named('emitting'), () => emitter.emit('ping', 2))
  assert.deepEqual(seen, [
    'prependOnceListener bound 1',
    'prependListener bound 1',
    'on bound 1',
    'addListener bound 1',
    'once bound 1',
    'prependListener bound 2',
    'on bound 2',
    'addListener bound 2',
  ])
})

test('listeners of a bound emitter are removed by the function they were added with', () => {
  const emitter = manager.bind(named('bound'), new EventEmitter())
  const listener = (): void => assert.fail('was removed')
  for (const add of ['on', 'once', 'prependListener', 'prependOnceListener'] as const)
    for (const remove of ['off', 'removeListener'] as const) {
      emitter[add]('ping', listener)
      assert.deepEqual(emitter.listeners('ping'), [listener])
      emitter[remove]('ping', listener)
      assert.equal(emitter.listenerCount('ping'), 0)
    }
  emitter.on('ping', listener).once('ping', listener).removeAllListeners('ping')
  assert.equal(emitter.emit('ping'), false)
})

test('a bound emitter stays with its first context, and is not wrapped twice', () => {
  const emitter = manager.bind(named('first'), new EventEmitter())
  const { on } = emitter
  assert.equal(manager.bind(named('second'), emitter), emitter)
  assert.equal(emitter.on, on)
})

test('a bound stream still flows when somebody listens to its data', async () => {
  const stream = manager.bind(named('bound'), new PassThrough())
  const seen: string[] = []
  const ended = new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => seen.push(`${chunk.toString()} ${tenant()}`))
    stream.once('end', resolve)
  })
  runIn(named('writing'), () => stream.end('hello'))
  await ended
  assert.deepEqual(seen, ['hello bound'])
})

test('listeners of a message port keep the context they are bound to, each its own', async () => {
  const { port1, port2 } = runIn(named('made'), () => new MessageChannel())
  const seen: (string | undefined)[] = []
  const done = new Promise<void>((resolve) => {
    runIn(named('a'), () =>
      port1.on(
        'message',
        manager.bind(activeContext(), () => seen.push(tenant())),
      ),
    )
    runIn(named('b'), () =>
      port1.on(
        'message',
        manager.bind(activeContext(), () => {
          seen.push(tenant())
          resolve()
        }),
      ),
    )
  })
  runIn(named('sending'), () => port2.postMessage('hello'))
  await done
  port1.close()
  assert.deepEqual(seen, ['a', 'b'])
})

test('the answers of a worker arrive in the context the worker is bound to', async () => {
  const code = `const { parentPort } = require('node:worker_threads'); parentPort.once('message', (m) => parentPort.postMessage(m))`
  const worker = runIn(named('made'), () => new Worker(code, { eval: true }))
  const bound = manager.bind(named('job'), worker)
  const answer = new Promise<unknown>((resolve) => bound.once('message', (value) => resolve([value, tenant()])))
  bound.postMessage(5)
  assert.deepEqual(await answer, [5, 'job'])
  await worker.terminate()
})

test('attach holds until its token is disposed of, once', () => {
  runIn(named('outer'), () => {
    const token = manager.attach(named('attached'))
    assert.equal(tenant(), 'attached')
    token.dispose()
    assert.equal(tenant(), 'outer')
    const next = manager.attach(named('next'))
    token.dispose()
    assert.equal(tenant(), 'next')
    next.dispose()
  })
})

test('a disabled manager answers the root context; our own storage goes on', () => {
  const own = new ContextManager().disable()
  runIn(named('a'), () => {
    assert.equal(own.active(), rootContext)
    own.with(named('b'), () => assert.equal(tenant(), 'a'))
    own.attach(named('b')).dispose()
    assert.equal(tenant(), 'a')
    assert.equal(own.enable().active().tenant, 'a')
  })
})
