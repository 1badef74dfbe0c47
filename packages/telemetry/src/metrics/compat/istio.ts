// Istio's standard metrics, which its Grafana dashboards query, from the durations of HTTP requests: those we served are told by
// the destination, those we sent by the source. https://istio.io/latest/docs/reference/config/metrics/ and
// https://github.com/istio/istio/tree/master/manifests/addons/dashboards
// What is not known is `unknown`, as there. Sizes of requests and responses are not counted and have no series.
import type { Family, HistogramFamily, HistogramSeries, NumberSeries, Scrape } from '../family.ts'
import { countOf, type FindFamily, labelReader } from './found-family.ts'

/** Who this process is in the labels of Istio. */
export interface IstioIdentity {
  /** Default 'unknown'. */
  readonly service?: string | undefined
  /** Default 'unknown'. */
  readonly namespace?: string | undefined
}

const labelNames = [
  'reporter',
  'source_workload',
  'source_workload_namespace',
  'destination_workload',
  'destination_workload_namespace',
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
  'request_protocol',
  'response_code',
  'response_flags',
  'connection_security_policy',
] as const

const unknown = 'unknown'

/** Requests with the same labels, whatever their route and method was. */
interface Requests {
  readonly labels: readonly string[]
  readonly counts: number[]
  sumMs: number
}

/** `istio_requests_total` and `istio_request_duration_milliseconds`. */
export function istioFamilies(find: FindFamily, { service = unknown, namespace = unknown }: IstioIdentity): Family[] {
  const server = (): HistogramFamily | undefined => find('http_server_request_duration_seconds')
  const key = {}
  const read = (scrape: Scrape): Requests[] =>
    scrape.once(key, () => {
      const found = new Map<string, Requests>()
      gather(found, server(), scrape, (label) => ({
        from: [unknown, unknown],
        to: [service, namespace],
        code: label('http_response_status_code'),
        reporter: 'destination',
      }))
      gather(found, find('http_client_request_duration_seconds'), scrape, (label) => ({
        from: [service, namespace],
        to: [label('service') || label('server_address') || unknown, unknown],
        code: label('http_response_status_code'),
        reporter: 'source',
      }))
      return [...found.values()]
    })
  return [
    {
      name: 'istio_requests_total',
      help: 'HTTP requests that were served (destination) and sent (source).',
      type: 'counter',
      labelNames,
      series: (scrape) =>
        read(scrape).map(({ labels, counts, sumMs }): NumberSeries => ({
          labels,
          value: countOf({ labels, counts, sum: sumMs }),
        })),
    },
    {
      name: 'istio_request_duration_milliseconds',
      help: 'Duration of HTTP requests that were served (destination) and sent (source).',
      type: 'histogram',
      unit: 'milliseconds',
      labelNames,
      get bounds() {
        return (server()?.bounds ?? []).map((bound) => Math.round(bound * 1e6) / 1e3)
      },
      series: (scrape) =>
        read(scrape).map(({ labels, counts, sumMs }): HistogramSeries => ({ labels, counts, sum: sumMs })),
    },
  ]
}

interface Ends {
  readonly reporter: 'source' | 'destination'
  /** Workload and namespace. */
  readonly from: readonly [string, string]
  readonly to: readonly [string, string]
  /** '' when there was no answer. */
  readonly code: string
}

function gather(
  found: Map<string, Requests>,
  family: HistogramFamily | undefined,
  scrape: Scrape,
  endsOf: (label: (name: string) => string) => Ends,
): void {
  if (family === undefined) return
  const label = labelReader(family)
  for (const series of family.series(scrape)) {
    const { reporter, from, to, code } = endsOf((name) => label(series, name))
    const id = `${reporter} ${code} ${to[0]}`
    let requests = found.get(id)
    if (requests === undefined) {
      // Only the destination knows how it was spoken to, and here that was never with certificates on both sides.
      const security = reporter === 'destination' ? 'none' : unknown
      const [name, namespace] = to
      const labels = [reporter, ...from, ...to, name, name, namespace, 'http', code || '0', '-', security]
      found.set(id, (requests = { labels, counts: Array.from(series.counts, () => 0), sumMs: 0 }))
    }
    for (let bucket = 0; bucket < series.counts.length; bucket++) {
      requests.counts[bucket] = (requests.counts[bucket] ?? 0) + (series.counts[bucket] ?? 0)
    }
    requests.sumMs += series.sum * 1000
  }
}
