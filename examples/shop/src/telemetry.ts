// The telemetry of a service of the protected shop: spans go to the shop's collector, metrics to whoever scrapes the process.
// Started before the service does anything else and closed after everything else, so that no request is missed.
import type { Registry } from '@switchgear/core'
import { startTelemetry, type Telemetry } from '@switchgear/telemetry'
import type { SentNews, TelemetryOrder } from './messages.ts'

/** The parent ends by force whoever takes three seconds. */
const closeWithinMs = 2000

/** Starts it; `registry` has the pipelines whose metrics are shown. Without a collector nothing is exported. */
export function openTelemetry({ service, collector }: TelemetryOrder, registry: Registry): Telemetry {
  return startTelemetry({
    service,
    metrics: { registry },
    onProblem: (message) => console.error(`${service}: ${message}`),
    traces: { export: collector === undefined ? false : { endpoint: `${collector}/v1/traces` } },
  })
}

/** Delivers what is left, and says what became of all spans of this process. */
export async function closeTelemetry(telemetry: Telemetry): Promise<SentNews> {
  await telemetry.close(AbortSignal.timeout(closeWithinMs))
  const { tracer, export: sent } = telemetry.diagnosis()
  const lost = Object.values(sent?.dropped ?? {}).reduce((sum, count) => sum + count, tracer.dropped)
  return { type: 'sent', spans: sent?.exported ?? 0, lost }
}
