// Why there are no spans: what a running telemetry knows of itself, in numbers and in words. It asks nobody outside the process.
import type { OtlpTotals } from '../otlp/transport-totals.ts'
import type { TracerTotals } from '../trace/tracer.ts'

/** What was found when telemetry started, that it cannot have seen. */
export interface Beginnings {
  /** Seconds that the process had been running. */
  readonly uptimeSeconds: number
  /** Servers that listened already. */
  readonly servers: number
  /** Packages with OpenTelemetry instrumentations of their own that were loaded already. */
  readonly loaded: readonly string[]
}

/** Everything that a doctor needs. It is plain and can be sent as JSON. */
export interface Diagnosis {
  readonly version: 1
  readonly service: string
  readonly pid: number
  readonly disabled: boolean
  readonly sampler: string
  readonly endpoint: string | undefined
  readonly beginnings: Beginnings
  readonly tracer: TracerTotals
  readonly export: OtlpTotals | undefined
  /** In words, the worst first. Empty when all is well. */
  readonly problems: readonly string[]
}

/** Packages that OpenTelemetry instruments by patching them while they are loaded. */
const patched = ['pg', 'ioredis', 'redis', 'mysql2', 'mongodb', 'express', 'koa', '@grpc/grpc-js', 'kafkajs', 'amqplib']

/** Looks around; called when telemetry starts. */
export function beginnings(): Beginnings {
  const servers = process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length
  const cache = Object.keys((process.getBuiltinModule('module') as { _cache?: object })._cache ?? {})
  const loaded = patched.filter((name) => cache.some((file) => file.includes(`/node_modules/${name}/`)))
  return { uptimeSeconds: process.uptime(), servers, loaded }
}

/** What is wrong, in words for the person who looks for spans. */
export function problemsOf(parts: Omit<Diagnosis, 'problems' | 'version'>, registration: readonly string[]): string[] {
  const { disabled, tracer, export: sent, beginnings: early, endpoint } = parts
  if (disabled) return ['OTEL_SDK_DISABLED is true, so nothing is traced.']
  const found: string[] = [...registration]
  const dropped = sent === undefined ? 0 : Object.values(sent.dropped).reduce((sum, count) => sum + count, 0)
  if (sent?.lastProblem !== undefined) {
    found.push(
      `The exporter has trouble: ${sent.lastProblem.message} (${sent.exported} spans delivered, ${dropped} dropped, ${sent.queued} wait).`,
    )
  }
  if (sent === undefined && endpoint === undefined)
    found.push('Spans are exported nowhere: the exporter is switched off.')
  if (tracer.started === 0 && tracer.unsampled > 0) {
    found.push(`All ${tracer.unsampled} spans were left out by the sampler (${parts.sampler}).`)
  }
  if (tracer.started === 0 && tracer.unsampled === 0)
    found.push('No span was begun since the start: nothing that is traced has happened.')
  if (tracer.dropped > 0)
    found.push(`${tracer.dropped} spans were dropped, because they came faster than they could be taken.`)
  if (early.servers > 0) {
    found.push(
      `Telemetry was started late: ${early.servers} server${early.servers === 1 ? ' was' : 's were'} listening already. Requests before it have no spans. Start it first: node --import @switchgear/telemetry/register app.js`,
    )
  }
  if (early.loaded.length > 0) {
    found.push(
      `Telemetry was started after ${early.loaded.join(', ')}: instrumentations that patch these packages may miss them. Start it first.`,
    )
  }
  return found
}
