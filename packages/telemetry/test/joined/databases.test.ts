// Instrumentations of OpenTelemetry for pg and ioredis in a process whose tracer is ours, against a real PostgreSQL and a real
// Redis: what they make and what we make is one trace, with the right parents.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { SpanData } from '../../src/trace/span-data.ts'
import { receive } from '../otlp/receiver-peer.ts'
import { needs } from '../peers.ts'
import { type App, startApp, startPostgres, startRedis, until } from './processes.ts'

/** Asks the app and waits for the trace of that; `count` is how many spans it has. */
async function traceOf({ url, complaints }: App, spans: readonly SpanData[], path: string, count: number) {
  const traceId = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
  const response = await fetch(url + path, { headers: { traceparent } })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  const ours = (): SpanData[] => spans.filter((span) => span.traceId === traceId)
  await until(
    () => ours().length >= count,
    `${count} spans of ${path}, not ${treeOf(ours()).join(', ')}; ${complaints()}`,
  )
  return { text, spans: ours() }
}

/** Each span with those above it, outermost first; the name of the scope stands before that of the span. */
function treeOf(spans: readonly SpanData[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const pathTo = (span: SpanData): string => {
    const parent = span.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId)
    const name = `${span.scope.name.replace(/^@[^/]+\/(instrumentation-|telemetry\/)?/, '')}:${span.name}`
    return parent === undefined ? name : `${pathTo(parent)} > ${name}`
  }
  return spans.map(pathTo).toSorted()
}

async function startAll(t: TestContext) {
  const { port, spans } = await receive(t)
  const [postgres, redis] = await Promise.all([startPostgres(t), startRedis(t)])
  const app = await startApp(t, 'databases.mjs', port, { PG_PORT: String(postgres), REDIS_PORT: String(redis) })
  return { app, spans }
}

test('pg, ioredis and guarded calls are one trace', needs('initdb', 'postgres', 'redis-server'), async (t) => {
  const { app, spans } = await startAll(t)
  // Connections are made once, by whoever comes first; that is nobody's trace to judge.
  await traceOf(app, spans, '/joined', 10)

  const joined = await traceOf(app, spans, '/joined', 10)
  assert.equal(joined.text, 'yes')
  assert.deepEqual(treeOf(joined.spans), [
    'http:GET',
    'http:GET > core:accounts',
    'http:GET > core:accounts > core:accounts attempt',
    'http:GET > core:accounts > core:accounts attempt > pg:pg-pool.connect',
    'http:GET > core:accounts > core:accounts attempt > pg:pg.query:SELECT postgres',
    'http:GET > core:sessions',
    'http:GET > core:sessions > ioredis:get',
    'http:GET > ioredis:set',
    'http:GET > pg:pg-pool.connect',
    'http:GET > pg:pg.query:SELECT postgres',
  ])
  const served = joined.spans.find(({ kind }) => kind === 'server')
  assert.equal(served?.parentSpanId, '00f067aa0ba902b7')
  const statements = joined.spans.map(({ attributes }) => attributes['db.query.text'] ?? attributes['db.statement'])
  assert.deepEqual(statements.filter((text) => typeof text === 'string').toSorted(), [
    'SELECT 1 AS plain',
    'SELECT 2 AS guarded',
    'get seen',
    'set seen [1 other arguments]',
  ])

  const nested = await traceOf(app, spans, '/nested', 7)
  const load = 'http:GET > app:checkout > core:accounts > core:accounts attempt > app:load'
  assert.deepEqual(treeOf(nested.spans), [
    'http:GET',
    'http:GET > app:checkout',
    'http:GET > app:checkout > core:accounts',
    'http:GET > app:checkout > core:accounts > core:accounts attempt',
    load,
    `${load} > pg:pg-pool.connect`,
    `${load} > pg:pg.query:SELECT postgres`,
  ])

  const callback = await traceOf(app, spans, '/callback', 5)
  assert.deepEqual(treeOf(callback.spans), [
    'http:GET',
    'http:GET > pg:pg-pool.connect',
    'http:GET > pg:pg.query:SELECT postgres',
    'http:GET > undici:GET',
    'http:GET > undici:GET > http:GET',
  ])
  for (const span of [...joined.spans, ...nested.spans, ...callback.spans]) {
    assert.notEqual(span.status, 'error', span.name)
    assert.equal(span.resource.attributes['service.name'], 'app')
  }
})
