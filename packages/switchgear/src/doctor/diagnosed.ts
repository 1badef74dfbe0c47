// What a telemetry has said of itself, with the remedies: from its diagnosis to findings.
import type { Diagnosis } from '@switchgear/telemetry'
import { count } from '../quantity.ts'
import { counted } from '../tracing/text.ts'
import { warned } from './environment.ts'
import { finding, type FindingSeverity, type TelemetryFinding } from './finding.ts'

interface Remedy {
  readonly pattern: RegExp
  readonly severity: FindingSeverity
  readonly id: string
  readonly advice: string
}

const lateAdvice =
  "Or, without a change of the command: NODE_OPTIONS='--import @switchgear/telemetry/register'. In code: startTelemetry() in a " +
  'module that is imported before all others.'

/** By the words in which a diagnosis tells its problems. */
const remedies: readonly Remedy[] = [
  { pattern: /^OTEL_SDK_DISABLED/, severity: 'error', id: 'sdk-disabled', advice: 'Unset it.' },
  {
    pattern: /exported nowhere/,
    severity: 'error',
    id: 'not-exported',
    advice: 'Unset OTEL_TRACES_EXPORTER, and leave traces.export out of startTelemetry.',
  },
  {
    pattern: /left out by the sampler/,
    severity: 'error',
    id: 'sampled-out',
    advice:
      'Unset OTEL_TRACES_SAMPLER, and leave traces.sampler out of startTelemetry. A sampler that is parent-based also obeys a ' +
      'caller whose traceparent ends in 00.',
  },
  {
    pattern: /^No span was begun/,
    severity: 'error',
    id: 'no-spans',
    advice:
      'Let it do something: --request http://127.0.0.1:3000/ asks a server that it starts. Or look longer: --for 30s.',
  },
  {
    pattern: /spans were dropped/,
    severity: 'error',
    id: 'spans-dropped',
    advice: 'Give traces.maxBlocks more room; 16 blocks are 8192 spans.',
  },
  { pattern: /was started late/, severity: 'error', id: 'late-start', advice: lateAdvice },
  { pattern: /was started after/, severity: 'warning', id: 'late-packages', advice: lateAdvice },
  {
    pattern: /is not ours/,
    severity: 'error',
    id: 'duplicate-provider',
    advice: 'Only one can be there: leave out the other SDK, or start Switchgear before it.',
  },
  {
    pattern: /^No (tracer provider|context manager|propagator) is registered/,
    severity: 'error',
    id: 'api-copies',
    advice: '`npm ls @opentelemetry/api` shows the copies; `npm dedupe` leaves one.',
  },
]

/**
 * What one process has to say, as findings; the last of them are its numbers.
 *
 * @example
 * diagnosed(diagnosis).map(({ id }) => id) // ['late-start', 'spans']
 */
export function diagnosed(diagnosis: Diagnosis): TelemetryFinding[] {
  const told = diagnosis.problems.map((problem) => remedied(problem, diagnosis))
  // Beside another's provider nothing of ours is registered; that is no second problem.
  const isSecond = told.some(({ id }) => id === 'duplicate-provider')
  const found = told.filter(({ id }) => !(isSecond && id === 'api-copies'))
  return [...found, finding('info', 'spans', numbers(diagnosis))]
}

/**
 * The processes that a person means. A command often starts others, such as a package manager that starts the app: those that
 * only passed by have begun no span, and are left out where another has.
 */
export function meant(diagnoses: readonly Diagnosis[]): readonly Diagnosis[] {
  const busy = diagnoses.filter(({ tracer }) => tracer.started + tracer.unsampled > 0)
  return busy.length > 0 ? busy : diagnoses
}

function remedied(problem: string, diagnosis: Diagnosis): TelemetryFinding {
  if (problem.startsWith('The exporter has trouble')) return exportTrouble(problem, diagnosis)
  const remedy = remedies.find(({ pattern }) => pattern.test(problem))
  return remedy === undefined ? warned(problem) : finding(remedy.severity, remedy.id, problem, remedy.advice)
}

/** A trouble that is over and has cost nothing is no reason for missing spans. */
function exportTrouble(problem: string, { export: sent }: Diagnosis): TelemetryFinding {
  const isOver = sent !== undefined && sent.exported > 0 && sent.queued === 0 && droppedBy(sent) === 0
  const advice = isOver
    ? 'It is over, and nothing was lost.'
    : 'What the endpoint says to the doctor stands beside this.'
  return finding(isOver ? 'warning' : 'error', 'export-trouble', problem, advice)
}

function numbers({ service, pid, tracer, export: sent, endpoint }: Diagnosis): string {
  const parts = [`${counted(tracer.started, 'span')} begun`]
  if (tracer.unsampled > 0) parts.push(`${count(tracer.unsampled)} more left out by the sampler`)
  if (tracer.dropped > 0) parts.push(`${count(tracer.dropped)} dropped`)
  if (sent !== undefined) {
    parts.push(`${count(sent.exported)} delivered to ${endpoint ?? 'the exporter'}`)
    if (sent.queued > 0) parts.push(`${count(sent.queued)} waited at the end`)
    const dropped = Object.entries(sent.dropped).filter(([, spans]) => spans > 0)
    for (const [reason, spans] of dropped) parts.push(`${count(spans)} not delivered (${reason})`)
  }
  return `${service} (process ${pid}): ${parts.join(', ')}.`
}

function droppedBy({ dropped }: NonNullable<Diagnosis['export']>): number {
  return Object.values(dropped).reduce((sum, spans) => sum + spans, 0)
}
