import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { needs } from '../peers.ts'
import { namesIn } from './expression.ts'
import { Prometheus, until } from './prometheus.ts'
import { Traffic } from './traffic.ts'

const folder = new URL('../../', import.meta.url)
const rulesFile = fileURLToPath(new URL('alerts/switchgear.rules.yml', folder))
const dashboardFile = new URL('dashboards/switchgear.json', folder)

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly exemplar?: boolean }[]
}

interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[]
  }
  readonly annotations: { readonly list: readonly { readonly expr?: string }[] }
}

const dashboard = JSON.parse(readFileSync(dashboardFile, 'utf8')) as Dashboard
/** As Grafana would send it, with everything selected. */
const filledIn = (expression: string): string =>
  expression.replaceAll('$__rate_interval', '10s').replaceAll(/\$(?:job|service)\b/g, '.*')
const targets = dashboard.panels.flatMap(({ title, targets: all = [] }) =>
  all.map(({ expr, refId }) => ({ title: `${title} ${refId}`, expr: filledIn(expr) })),
)

describe('a real Prometheus', needs('prometheus'), () => {
  let traffic: Traffic
  let prometheus: Prometheus

  before(async () => {
    traffic = await Traffic.start()
    prometheus = await Prometheus.start(`127.0.0.1:${traffic.port}`, rulesFile)
    // Rates need two scrapes; what is learned from traffic needs some of it.
    await until('ten scrapes', async () => {
      const [sample] = await prometheus.query('count_over_time(up[1m]) >= 10')
      return sample
    })
  })
  after(async () => {
    await prometheus?.close()
    await traffic?.close()
  })

  /** Every name in `expression` belongs to a series that is there, and every label to its metric. */
  async function checkNames(expression: string): Promise<void> {
    const { selectors, groupings } = namesIn(expression)
    assert.ok(selectors.length > 0, `no metric in ${expression}`)
    const names = await prometheus.names()
    const known = new Set<string>()
    for (const { metric, labels } of selectors) {
      assert.ok(names.has(metric), `${metric} does not exist: ${expression}`)
      const own = await prometheus.labels(metric)
      for (const label of labels) assert.ok(own.has(label), `${metric} has no label ${label}: ${expression}`)
      for (const label of own) known.add(label)
    }
    for (const label of groupings) assert.ok(known.has(label), `no label ${label}: ${expression}`)
  }

  it('scrapes without an error', async () => {
    assert.deepEqual({ ...(await prometheus.target()) }.lastError, '')
    assert.deepEqual((await prometheus.query('up == 1')).length, 1)
  })

  it('answers exemplar queries with traces that the collector has', async () => {
    for (const metric of ['http_server_request_duration_seconds_bucket', 'switchgear_call_duration_seconds_bucket']) {
      const found = await until(`an exemplar of ${metric}`, async () => {
        const ids = (await prometheus.exemplars(metric)).flatMap(({ exemplars }) =>
          exemplars.map(({ labels }) => labels['trace_id'] ?? ''),
        )
        return ids.length > 0 ? ids : undefined
      })
      for (const id of found) assert.match(id, /^[0-9a-f]{32}$/)
      // The newest may still be on their way to the collector.
      assert.ok(
        found.some((id) => traffic.traceIds.has(id)),
        `${metric}: none of ${found.length} is known`,
      )
    }
  })

  it('answers every query of the dashboard', async () => {
    assert.ok(targets.length > 60, `${targets.length} queries`)
    for (const { title, expr } of targets) {
      await checkNames(expr)
      const result = await prometheus.query(expr)
      assert.ok(result.length > 0, `${title} shows nothing: ${expr}`)
    }
  })

  it('knows what the variables and annotations of the dashboard ask for', async () => {
    const definitions = dashboard.templating.list.flatMap(({ definition }) => definition ?? [])
    assert.equal(definitions.length, 2)
    for (const definition of definitions) {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? []
      await checkNames(filledIn(selector))
      assert.ok((await prometheus.labels(filledIn(selector))).has(label), definition)
    }
    for (const { expr } of dashboard.annotations.list) {
      if (expr === undefined) continue
      await checkNames(filledIn(expr))
      await prometheus.query(filledIn(expr))
    }
  })

  it('evaluates every rule, all of whose names exist', async () => {
    const rules = await until('the rules to be evaluated', async () => {
      const all = await prometheus.rules()
      return all.every(({ health }) => health !== 'unknown') ? all : undefined
    })
    assert.ok(rules.length > 25, `${rules.length} rules`)
    for (const { name, query, health, lastError } of rules) {
      assert.equal(health, 'ok', `${name}: ${lastError}`)
      await checkNames(query)
      await prometheus.query(query)
    }
  })

  it('fires the alerts of what is wrong here', async () => {
    const firing = await until('the alerts', async () => {
      const samples = await prometheus.query('ALERTS{alertstate="firing"}')
      const names = new Set(samples.map(({ metric }) => metric['alertname']))
      return names.has('SwitchgearChaosActive') ? names : undefined
    })
    assert.ok(!firing.has('SwitchgearSpansDropped'), [...firing].join())
  })

  it('answers what dashboards of others ask', async () => {
    const queries = [
      'sum(resilience4j_circuitbreaker_state{state="closed"})',
      'sum(resilience4j_circuitbreaker_state{state=~"open|forced_open"})',
      'rate(resilience4j_circuitbreaker_calls_seconds_count{name=~"everything",kind="successful"}[10s])',
      'increase(resilience4j_circuitbreaker_calls_seconds_sum{name="everything"}[1m]) / increase(resilience4j_circuitbreaker_calls_seconds_count{name="everything"}[1m])',
      'rate(resilience4j_circuitbreaker_not_permitted_calls_total{name="down",kind="not_permitted"}[10s]) > 0',
      'resilience4j_circuitbreaker_buffered_calls{name="everything",kind="failed"}',
      'resilience4j_circuitbreaker_failure_rate{name="everything"} >= 0',
      'resilience4j_circuitbreaker_slow_call_rate{name="everything"} >= 0',
      'rate(resilience4j_retry_calls_total{name="everything",kind="successful_with_retry"}[10s])',
      'resilience4j_bulkhead_available_concurrent_calls{name="full"} <= on (name) resilience4j_bulkhead_max_allowed_concurrent_calls',
      'rate(resilience4j_timelimiter_calls_total{name="full",kind="timeout"}[10s])',
      'sum by (response_code) (rate(istio_requests_total{reporter="destination",destination_service="shop",response_code!~"5.."}[10s])) > 0',
      'sum(rate(istio_requests_total{reporter="source",source_workload="shop",destination_service="payments"}[10s])) > 0',
      'histogram_quantile(0.9, sum by (le, destination_workload, destination_workload_namespace) (rate(istio_request_duration_milliseconds_bucket{reporter="source"}[10s]))) > 0',
    ]
    for (const query of queries) {
      await checkNames(query)
      assert.ok((await prometheus.query(query)).length > 0, query)
    }
  })
})

describe('the dashboard', () => {
  it('has panels that do not overlap, ids of their own, and exemplars at the durations', () => {
    const { panels } = dashboard
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    const cells = new Map<string, string>()
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.equal(cells.get(`${x} ${y}`), undefined, `${title} lies over another panel`)
          cells.set(`${x} ${y}`, title)
        }
      }
    }
    const quantiles = panels.flatMap(({ targets: all = [] }) => all).filter(({ expr }) => expr.includes('quantile('))
    assert.ok(quantiles.length > 5)
    assert.ok(quantiles.every(({ exemplar }) => exemplar === true))
  })
})
