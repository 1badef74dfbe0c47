// What the span of an attempt shows of its address.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type CurrentTelemetry, setCurrentTelemetry } from '../../src/current.ts'
import { Departure } from '../../src/instrumentation/departure.ts'
import { QueryRedaction } from '../../src/instrumentation/request-url.ts'
import { Propagation } from '../../src/propagation/options.ts'
import { Traced } from '../trace/traced.ts'

async function shown(test: TestContext, more: Partial<CurrentTelemetry>): Promise<unknown> {
  const traced = new Traced()
  const { tracer } = traced
  const show = () => () => undefined
  setCurrentTelemetry({ tracer, propagation: new Propagation(), served: undefined, show, showEndpoints: show, ...more })
  test.after(() => setCurrentTelemetry(undefined))
  const endpoint = new URL('http://orders.example:8080')
  const path = '/a?access_token=b&order=c'
  const sending = { service: 'orders', method: 'GET', endpoint, path, attempt: 1, hasBaggage: false }
  new Departure(sending, traced.start(), traced.tracer).end(200, undefined)
  return (await traced.only()).attributes['url.full']
}

test('secrets of its query are hidden', async (test) => {
  assert.equal(await shown(test, {}), 'http://orders.example:8080/a?access_token=REDACTED&order=c')
})

test('what is a secret is said by the redaction of the telemetry', async (test) => {
  const redaction = new QueryRedaction(['order'])
  assert.equal(await shown(test, { redaction }), 'http://orders.example:8080/a?access_token=b&order=REDACTED')
})
