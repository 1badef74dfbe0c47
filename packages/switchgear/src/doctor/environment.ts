// What the OTEL_* variables do to the spans of whatever is started with them.
import { propagatorsOf, readEnvironment, samplerFromEnvironment, type TelemetryVariables } from '@switchgear/telemetry'
import { finding, type TelemetryFinding } from './finding.ts'

/** How telemetry is started without a word in the app. */
export const startAdvice: string =
  'Start it before anything else: node --import @switchgear/telemetry/register app.js, ' +
  "or NODE_OPTIONS='--import @switchgear/telemetry/register'; in code: startTelemetry() from a module that is imported first."

/** Looks at variables; the worst first. */
export function environmentFindings(variables: Readonly<Record<string, string | undefined>>): TelemetryFinding[] {
  const read = readEnvironment(variables)
  return [
    ...(read.disabled
      ? [finding('error', 'sdk-disabled', 'OTEL_SDK_DISABLED is true, so nothing is traced.', 'Unset it.')]
      : []),
    ...exportFindings(read),
    ...samplerFindings(read),
    ...propagationFindings(read),
    ...read.warnings.map(warned),
  ]
}

function exportFindings({ traces: { exporters, otlp } }: TelemetryVariables): TelemetryFinding[] {
  const found: TelemetryFinding[] = []
  if (exporters !== undefined && !exporters.includes('otlp')) {
    const message = `OTEL_TRACES_EXPORTER is ${exporters.join(',')}, so spans are sent nowhere.`
    found.push(finding('error', 'not-exported', message, 'Unset it, or set it to otlp.'))
  }
  const { pathname } = new URL(otlp.endpoint ?? 'http://localhost/v1/traces')
  if (pathname.endsWith('/v1/traces/v1/traces')) {
    const message =
      'The path of OTEL_EXPORTER_OTLP_ENDPOINT ends in /v1/traces, and the same is put behind it once more.'
    const advice = 'Leave the path out of it, or set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, which is taken as it is.'
    found.push(finding('error', 'path-twice', message, advice))
  }
  return found
}

function samplerFindings({ traces: { sampler, samplerArgument } }: TelemetryVariables): TelemetryFinding[] {
  const found: TelemetryFinding[] = []
  const { description } = samplerFromEnvironment(sampler, samplerArgument, (problem) => found.push(warned(problem)))
  const isZero = sampler?.endsWith('traceidratio') === true && Number(samplerArgument ?? 1) === 0
  const keepsNoRoot = sampler?.endsWith('always_off') === true || isZero
  if (!keepsNoRoot) return found
  const parentBased = sampler?.startsWith('parentbased_') === true
  const what = `OTEL_TRACES_SAMPLER is ${sampler}${samplerArgument === undefined ? '' : ` (${samplerArgument})`}`
  const message = parentBased
    ? `${what}: only what a caller has sampled is traced.`
    : `${what}, so no span is recorded (${description}).`
  const advice = 'Unset it: every trace is recorded then, and a collector decides what to keep.'
  return [...found, finding(parentBased ? 'warning' : 'error', 'sampled-out', message, advice)]
}

function propagationFindings({ propagators }: TelemetryVariables): TelemetryFinding[] {
  const { unknown } = propagatorsOf(propagators?.join(','))
  const found = unknown.map((name) => warned(`OTEL_PROPAGATORS: ${name} is not known and is ignored`))
  if (propagators?.includes('none') !== true) return found
  const message = 'OTEL_PROPAGATORS is none, so each service begins a trace of its own.'
  return [
    finding('warning', 'no-propagation', message, 'Unset it: W3C trace context and baggage are sent then.'),
    ...found,
  ]
}

/** What telemetry says of a variable, with what can be done. */
export function warned(message: string): TelemetryFinding {
  const isGrpc = message.includes("got 'grpc'")
  const advice = isGrpc
    ? 'Set it to http/protobuf, and the endpoint to where the collector takes HTTP, mostly port 4318 instead of 4317.'
    : ''
  return finding('warning', isGrpc ? 'protocol-grpc' : 'variable-ignored', sentence(message), advice)
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}

/** Whether whatever is started with these variables has telemetry without a word in its code. */
export function startFindings({
  NODE_OPTIONS: options = '',
}: Readonly<Record<string, string | undefined>>): TelemetryFinding[] {
  if (options.includes('@switchgear/telemetry/register')) {
    return [finding('info', 'preloaded', 'NODE_OPTIONS starts telemetry in every process of Node.')]
  }
  return [finding('info', 'not-preloaded', 'NODE_OPTIONS does not start telemetry, so each app has to.', startAdvice)]
}
