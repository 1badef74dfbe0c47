// A traced shop for real: five processes and the collector. What one checkout looks like, what the gateway counts, what the log
// says of a failure, and that a process that is told to end has delivered every span first.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { FoundTraces, TraceView } from '@switchgear/telemetry'
import type { SentNews } from '../src/messages.ts'
import { Processes } from '../src/processes.ts'
import { openShop, type Shop } from '../src/shop.ts'
import { Tracing } from '../src/tracing.ts'
import { runs, until } from './program.ts'

const configPath = fileURLToPath(new URL('../switchgear.yaml', import.meta.url))

interface Traced {
  readonly shop: Shop
  readonly tracing: Tracing
  readonly sent: SentNews[]
  readonly log: string
}

async function open(t: TestContext): Promise<Traced> {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'))
  const sent: SentNews[] = []
  const lost: string[] = []
  const tracing = new Tracing((name) => lost.push(name))
  const processes = new Processes(
    (_name, news) => {
      if (news.type !== 'sent') return
      sent.push(news)
      tracing.sent(news)
    },
    () => {},
  )
  t.after(async () => {
    await processes.end()
    await tracing.end()
    assert.deepEqual(lost, [])
    rmSync(folder, { recursive: true })
  })
  const log = join(folder, 'shop.log')
  const collector = tracing.start().then(({ origin }) => origin)
  const shop = await openShop(processes, {
    side: 'protected',
    configPath,
    gatewayPort: 0,
    ports: {},
    collector,
    log,
  })
  return { shop, tracing, sent, log }
}

const post = (shop: Shop, route: string, body: object): Promise<Response> =>
  fetch(shop.urlOf(`POST ${route}`), { method: 'POST', body: JSON.stringify(body) })

/** The first that shows the route when everything is decided on. */
async function traceOf(tracing: Tracing, words: string): Promise<TraceView> {
  const ask = async <T>(path: string): Promise<T> =>
    (await (await fetch(`${tracing.processes[0]?.questions}${path}`)).json()) as T
  const { traces } = await ask<FoundTraces>(`/api/traces?${words}`)
  return ask<TraceView>(`/api/traces/${traces.at(-1)?.traceId}`)
}

test('a checkout is one trace through gateway, orders and payments, and no span is lost at SIGTERM', async (t) => {
  const { shop, tracing, sent } = await open(t)
  const response = await post(shop, '/checkout', { article: 'lamp', amount: 20 })
  assert.equal(response.status, 201)
  await response.text()
  const metrics = await (await fetch(shop.urlOf('GET /metrics'))).text()

  for (const { pid } of shop.processes) process.kill(pid, 'SIGTERM')
  await until(() => sent.length === 5 && !shop.processes.some(({ pid }) => runs(pid)), 'all have said goodbye')
  const report = await tracing.report()

  await t.test('what was sent is what came in', () => {
    assert.ok(report !== undefined)
    assert.equal(report.received, report.sent)
    assert.equal(report.lost, 0)
    assert.equal(report.kept['rare'], 1, 'the only trace of its route is kept')
    assert.equal(report.leftOut, 0)
    // Four servers, three clients, and the guarded calls of orders: inventory, checkout, payments.
    assert.equal(report.received, 10)
  })

  await t.test('parents are right across processes', async () => {
    const view = await traceOf(tracing, 'service=gateway')
    assert.deepEqual(view.missing, [])
    const name = (place: number): string => {
      const node = view.nodes[place]
      return node === undefined ? '' : `${node.service} ${node.span.kind} ${node.span.name}`
    }
    const above = (place: number): string[] => {
      const parent = view.nodes[place]?.parent ?? -1
      return [name(place), ...(parent === -1 ? [] : above(parent))]
    }
    const charge = view.nodes.findIndex(({ service, span }) => service === 'payments' && span.kind === 'server')
    assert.deepEqual(above(charge), [
      'payments server POST /charge',
      'orders client POST',
      'orders internal payments',
      'orders internal checkout',
      'orders server POST /checkout',
      'gateway client POST',
      'gateway server POST /checkout',
    ])
    assert.deepEqual(view.services.toSorted(), ['gateway', 'inventory', 'orders', 'payments'])
  })

  await t.test('the gateway counts the request once, and the guarded calls beside it', () => {
    const served = /^http_server_request_duration_seconds_count\{.*http_route="\/checkout".*\} (\d+)$/gm
    assert.deepEqual(
      [...metrics.matchAll(served)].map(([, count]) => count),
      ['1'],
      metrics,
    )
    assert.match(metrics, /^switchgear_call_duration_seconds_count\{.*orders.*\} 1$/m)
    assert.match(metrics, /^circuit_breaker_state\{service="payments"\} 0$/m)
  })
})

test('ended in the middle of its work, a shop delivers what it has begun', async (t) => {
  const { shop, tracing, sent } = await open(t)
  const checkout = (): Promise<Response> => post(shop, '/checkout', { article: 'lamp', amount: 20 })
  await (await checkout()).text()
  shop.fault('payments', 'hang')
  const underWay = Array.from({ length: 20 }, () => checkout())
  const answers = Promise.allSettled(underWay)
  await new Promise((resolve) => setTimeout(resolve, 200))
  for (const { pid } of shop.processes) process.kill(pid, 'SIGTERM')
  await until(() => sent.length === 5, 'all have said goodbye')
  await answers
  const report = await tracing.report()
  assert.ok(report !== undefined)
  assert.equal(report.received, report.sent)
  assert.equal(report.lost, 0)
  assert.ok(report.received > 20 * 5, `got ${report.received}`)
})

test('a failure is one line in the log of each service it passes, with one trace', async (t) => {
  const { shop, log } = await open(t)
  shop.fault('payments', 'fail')
  let status = 200
  for (const end = performance.now() + 10_000; status < 500 && performance.now() < end;) {
    const response = await post(shop, '/pay', { amount: 5 })
    await response.text()
    status = response.status
  }
  assert.ok(status >= 500, `got ${status}`)
  const lines = (): Record<string, unknown>[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  await until(() => new Set(lines().map(({ service }) => service)).size === 2, 'payments and the gateway have logged')
  for (const line of lines()) {
    assert.match(String(line['trace_id']), /^[\da-f]{32}$/)
    assert.ok(Number(line['http.response.status_code']) >= 500)
  }
  const traces = lines().map(({ trace_id: trace }) => trace)
  assert.equal(new Set(traces).size, 1, 'the gateway and payments name the same trace')
})

test('without a collector a service serves as well', async (t) => {
  const processes = new Processes(
    () => {},
    () => {},
  )
  t.after(() => processes.end())
  const payments = await processes.start('payments', 'payments', {
    type: 'start',
    side: 'protected',
    configPath,
    port: 0,
    mayMove: false,
    origins: {},
    telemetry: { service: 'payments', collector: undefined },
    log: undefined,
  })
  const answer = await fetch(`${payments.origin}/charge`, { method: 'POST', body: '{"amount":1}' })
  assert.equal(answer.status, 200)
})
