// From the names of the Prometheus text to those of OpenTelemetry. Only names of the semantic conventions are turned back, from
// a table, because underscores do not tell which of them were dots; every other name stays as it is, as the OpenTelemetry
// specification asks (compatibility/prometheus_and_openmetrics.md).
import type { Attributes } from '../trace/span-data.ts'

/** What OpenTelemetry calls a metric. `upDown`: there it is a sum that may fall, here a gauge. */
interface OtelName {
  readonly name: string
  readonly unit: string
  readonly upDown?: boolean
}

const metrics: Readonly<Record<string, OtelName>> = {
  http_server_request_duration_seconds: { name: 'http.server.request.duration', unit: 's' },
  http_client_request_duration_seconds: { name: 'http.client.request.duration', unit: 's' },
  http_server_active_requests: { name: 'http.server.active_requests', unit: '{request}', upDown: true },
}

/** The attributes that our labels stand for. */
const attributes: Readonly<Record<string, string>> = {
  http_request_method: 'http.request.method',
  http_response_status_code: 'http.response.status_code',
  http_route: 'http.route',
  error_type: 'error.type',
  url_scheme: 'url.scheme',
  server_address: 'server.address',
  server_port: 'server.port',
}

const wholeNumbers: ReadonlySet<string> = new Set(['http.response.status_code', 'server.port'])

/** Units of the Prometheus text and what UCUM calls them. */
const units: Readonly<Record<string, string>> = { seconds: 's', bytes: 'By', ratio: '1' }

/** Name and unit for a family; `base` is its name in OpenMetrics. */
export function otelName(base: string, unit: string | undefined): OtelName {
  return metrics[base] ?? { name: base, unit: unit === undefined ? '' : (units[unit] ?? unit) }
}

/** Label values as attributes. An empty value is no label, hence no attribute; what the conventions call a number is one. */
export function otelAttributes(labelNames: readonly string[], values: readonly string[]): Attributes {
  const found: Record<string, string | number> = {}
  for (let index = 0; index < labelNames.length; index++) {
    const value = values[index] ?? ''
    if (value === '') continue
    const label = labelNames[index] ?? ''
    const name = attributes[label] ?? label
    found[name] = wholeNumbers.has(name) && /^\d{1,9}$/.test(value) ? Number(value) : value
  }
  return found
}
