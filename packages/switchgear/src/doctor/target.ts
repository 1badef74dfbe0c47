// Where spans would be sent, as the OTEL_* variables say. Must not show headers nor credentials: they may be secrets.
import { readFileSync } from 'node:fs'
import { readEnvironment } from '@switchgear/telemetry'
import { finding, type TelemetryFinding } from './finding.ts'

/** Everything that a request needs. */
export interface Target {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly json: boolean
  readonly timeoutMs: number
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

const defaultEndpoint = 'http://localhost:4318/v1/traces'
/** Somebody waits for the answer. */
const mostPatienceMs = 5000

/** The target, and what was wrong with the files that belong to it. */
export function targetOf(variables: Readonly<Record<string, string | undefined>>): [Target, TelemetryFinding[]] {
  const {
    endpoint = defaultEndpoint,
    headers = {},
    protocol,
    timeout,
    caFile,
    certFile,
    keyFile,
  } = readEnvironment(variables).traces.otlp
  const problems: TelemetryFinding[] = []
  const read = (file: string | undefined): string | undefined => {
    if (file === undefined) return undefined
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      const message = `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}), so it is ignored.`
      problems.push(
        finding('error', 'file-unreadable', message, 'Correct OTEL_EXPORTER_OTLP_CERTIFICATE and the others.'),
      )
      return undefined
    }
  }
  const files = Object.entries({ ca: read(caFile), cert: read(certFile), key: read(keyFile) })
  const target: Target = {
    url: new URL(endpoint),
    headers,
    json: protocol === 'http/json',
    timeoutMs: Math.min(timeout ?? mostPatienceMs, mostPatienceMs),
    tls: Object.fromEntries(files.filter(([, text]) => text !== undefined)),
  }
  return [target, problems]
}

/** The target at an address that an app has in its code: what else it sends is not known. */
export function targetAt(endpoint: string): Target {
  return { url: new URL(endpoint), headers: {}, json: false, timeoutMs: mostPatienceMs, tls: {} }
}

/** The address as it can be shown. */
export function shownUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`
}
