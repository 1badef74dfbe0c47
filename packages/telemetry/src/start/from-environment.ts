// What the OTEL_* variables say, as options. The code goes before them, they go before the defaults.
import { readFileSync } from 'node:fs'
import type { OtlpVariables, TelemetryVariables } from '../otlp/environment.ts'
import { given as onlyGiven } from '../otlp/given.ts'
import type { OtlpOptions } from '../otlp/otlp-options.ts'
import type { SpanLimits } from '../trace/limits.ts'

/** Options of an exporter, with the interval of one of metrics. */
export type Sending = OtlpOptions & { readonly interval?: number | undefined }

/**
 * How to export a signal; undefined when it is not to be exported. Spans are unless somebody says no, metrics only where
 * somebody says so: they are there to be scraped.
 */
export function exporterOptions(
  given: Sending | false | undefined,
  variables: TelemetryVariables,
  signal: 'traces' | 'metrics',
  onProblem: (message: string) => void,
): Sending | undefined {
  if (given === false) return undefined
  const { exporters } = variables[signal]
  if (exporters?.includes('console')) {
    onProblem(`OTEL_${signal.toUpperCase()}_EXPORTER: console is not written to; use otlp, or a consumer of your own`)
  }
  const wanted = exporters?.includes('otlp') ?? signal === 'traces'
  if (!wanted && given === undefined) return undefined
  const { caFile: _ca, certFile: _cert, keyFile: _key, ...fromVariables } = variables[signal].otlp
  const tls = tlsOf(variables[signal].otlp, onProblem)
  const { flushTimeout } = variables[signal]
  return onlyGiven<Sending>({
    onProblem,
    ...fromVariables,
    ...(tls === undefined ? {} : { tls }),
    flushTimeout,
    maxQueueSize: signal === 'traces' ? variables.traces.maxQueueSize : undefined,
    maxBatch: signal === 'traces' ? variables.traces.maxBatch : undefined,
    interval: signal === 'metrics' ? variables.metrics.interval : undefined,
    ...given,
  })
}

/** Limits of spans; undefined where the variables say nothing. */
export function limitsOf({ limits }: TelemetryVariables): SpanLimits | undefined {
  return Object.keys(limits).length === 0 ? undefined : limits
}

function tlsOf(
  files: Pick<OtlpVariables, 'caFile' | 'certFile' | 'keyFile'>,
  onProblem: (message: string) => void,
): OtlpOptions['tls'] | undefined {
  const read = (file: string | undefined): string | undefined => {
    if (file === undefined) return undefined
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      onProblem(`telemetry: ${file} cannot be read: ${(error as Error).message}; it is ignored`)
      return undefined
    }
  }
  const tls = { ca: read(files.caFile), cert: read(files.certFile), key: read(files.keyFile) }
  const given = onlyGiven<NonNullable<OtlpOptions['tls']>>(tls)
  return Object.keys(given).length === 0 ? undefined : given
}
