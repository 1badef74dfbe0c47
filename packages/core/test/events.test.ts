// The publishing side of a policy: who hears what, and that a listener changes nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { circuitBreaker, pipeline, type PolicyEvent, PolicyEvents } from '../src/index.ts'

const event: PolicyEvent = { type: 'abandoned', policy: 'p', pipeline: 'q' }

test('heard says whether anybody listens', () => {
  const events = new PolicyEvents()
  assert.equal(events.heard, false)
  const stops = [events.subscribe(() => undefined), events.subscribe(() => undefined)]
  assert.equal(events.heard, true)
  stops[0]?.()
  assert.equal(events.heard, true)
  stops[1]?.()
  assert.equal(events.heard, false)
})

test('every listener hears every event, in the order of subscription', () => {
  const events = new PolicyEvents()
  const heard: string[] = []
  events.subscribe(() => heard.push('first'))
  events.subscribe((given) => heard.push(given === event ? 'second' : 'another object'))
  events.publish(event)
  assert.deepEqual(heard, ['first', 'second'])
})

test('a function that is subscribed twice is removed one at a time, and removing twice removes once', () => {
  const events = new PolicyEvents()
  let heard = 0
  const listener = (): unknown => heard++
  const stop = events.subscribe(listener)
  events.subscribe(listener)
  stop()
  stop()
  events.publish(event)
  assert.equal(heard, 1)
})

test('whoever is removed or added while an event is published does not disturb the others', () => {
  const events = new PolicyEvents()
  const heard: string[] = []
  const stopFirst = events.subscribe(() => {
    heard.push('first')
    stopFirst()
    events.subscribe(() => heard.push('late'))
  })
  events.subscribe(() => heard.push('second'))
  events.publish(event)
  assert.deepEqual(heard, ['first', 'second'])
  events.publish(event)
  assert.deepEqual(heard, ['first', 'second', 'second', 'late'])
})

test('what a listener throws is counted, and the others hear the event', () => {
  const events = new PolicyEvents()
  let heard = 0
  events.subscribe(() => {
    throw new Error('broken')
  })
  events.subscribe(() => heard++)
  events.publish(event)
  events.publish(event)
  assert.deepEqual([heard, events.listenerErrors], [2, 2])
})

test('what a listener throws goes to onListenerError with the event; a broken one is counted', () => {
  const events = new PolicyEvents()
  const broken = new Error('broken')
  const told: unknown[] = []
  events.subscribe(() => {
    throw broken
  })
  events.onListenerError = (error, about) => told.push(error, about)
  events.publish(event)
  assert.deepEqual([told, events.listenerErrors], [[broken, event], 0])
  events.onListenerError = () => {
    throw new Error('broken too')
  }
  events.publish(event)
  assert.equal(events.listenerErrors, 1)
})

test('a listener may use the policy that it hears', async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const guarded = pipeline(breaker)
  const heard: string[] = []
  breaker.events.subscribe((given) => {
    if (given.type !== 'transition') return
    heard.push(`${given.from} ${given.to}`)
    if (given.to === 'open') breaker.isolate('by a listener')
  })
  await assert.rejects(guarded.execute(() => Promise.reject(new Error('down'))))
  assert.deepEqual([breaker.state, heard], ['isolated', ['closed open', 'open isolated']])
  await assert.rejects(
    guarded.execute(() => 1),
    { code: 'SG_CIRCUIT_ISOLATED' },
  )
})
