import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type Findings } from '../src/criteria.ts'
import type { ShopMeasure, Tally } from '../src/measure.ts'

const all: Tally = { requests: 100, full: 100, fallback: 0, refused: 0, failed: 0, shareServed: 1 }

const shop: ShopMeasure = {
  all,
  outage: { ...all, full: 80, refused: 20, shareServed: 0.8 },
  routes: { 'GET /orders': all, 'GET /recommendations': all, 'POST /checkout': all },
  inFlightAtMost: 20,
  latency: { p50Ms: 5, p99Ms: 50 },
  refusal: { p50Ms: 2, p99Ms: 9 },
  fallback: { p50Ms: 2, p99Ms: 900 },
  failures: {},
}

const good: Findings = {
  protected: shop,
  bound: 72,
  circuits: [{ process: 'orders', service: 'payments', openedAfterMs: 800, recoveredAfterMs: 3100 }],
  backlog: { waiting: 0, queued: 200, settled: 200 },
}

function failed(findings: Findings): string[] {
  return judge(findings).flatMap(({ passed, name }) => (passed ? [] : [name]))
}

test('a good run passes every criterion', () => assert.deepEqual(failed(good), []))

const bad: readonly [name: string, findings: Findings][] = [
  [
    'GET /orders is served throughout',
    { ...good, protected: { ...shop, routes: { ...shop.routes, 'GET /orders': { ...all, shareServed: 0.9999 } } } },
  ],
  [
    'checkouts are paid or queued for payment',
    { ...good, protected: { ...shop, routes: { ...shop.routes, 'POST /checkout': { ...all, shareServed: 0.98 } } } },
  ],
  ['every queued payment is made after all', { ...good, backlog: { waiting: 1, queued: 200, settled: 199 } }],
  [
    'circuit orders -> payments opens',
    { ...good, circuits: [{ process: 'orders', service: 'payments', openedAfterMs: 5001, recoveredAfterMs: 1 }] },
  ],
  [
    'circuit orders -> payments recovers after the heal',
    { ...good, circuits: [{ process: 'orders', service: 'payments', openedAfterMs: 1, recoveredAfterMs: undefined }] },
  ],
  ['requests in flight stay bounded', { ...good, bound: 19 }],
  ['requests in flight stay bounded', { ...good, bound: undefined }],
  ['who is refused is refused at once', { ...good, protected: { ...shop, refusal: { p50Ms: 2, p99Ms: 401 } } }],
  ['who is refused is refused at once', { ...good, protected: { ...shop, outage: { ...all, refused: 0 } } }],
]

for (const [index, [name, findings]] of bad.entries()) {
  test(`a run fails by this alone (${index}): ${name}`, () => assert.deepEqual(failed(findings), [name]))
}

test('a route without a single request was not served', () => {
  assert.ok(
    failed({ ...good, protected: { ...shop, routes: {} } }).includes('GET /recommendations is served throughout'),
  )
})

test('a share just below all is never shown as 100 %', () => {
  const routes = { ...shop.routes, 'GET /orders': { ...all, shareServed: 0.99999 } }
  const [orders] = judge({ ...good, protected: { ...shop, routes } })
  assert.equal(orders?.measured, '99.9 %')
})
