// Telemetry of a process in one call: tracer, instrumentations, metrics and exporters, put together and taken apart again. It
// owns their order and nothing else. Invariant: after `close` everything that was kept is delivered or counted as dropped, and
// no listener, timer or socket is left.
import { OptionsError } from '@switchgear/core'
import { lookAway } from '@switchgear/core/observe'
import { check, checkKeys, checkMethods } from '@switchgear/core/options'
import { setCurrentTelemetry, currentTelemetry } from '../current.ts'
import { CallDurations } from '../instrumentation/call-durations.ts'
import { instrumentHttp } from '../instrumentation/http-instrumentation.ts'
import { instrumentPipelines } from '../instrumentation/pipelines.ts'
import type { EndpointSource } from '../metrics/families/endpoints.ts'
import { telemetryFamilies } from '../metrics/families/telemetry.ts'
import { createMetrics, type Metrics } from '../metrics/metrics.ts'
import type { SnapshotSource } from '../metrics/policy-metrics.ts'
import { ShownRegistries } from '../metrics/shown-registries.ts'
import { readEnvironment, type TelemetryVariables } from '../otlp/environment.ts'
import { Propagation, propagatorsOf } from '../propagation/options.ts'
import { HeaderPropagator } from '../propagation/propagator.ts'
import { samplerFromEnvironment } from '../sampling/sampler-environment.ts'
import { activeContext, runIn, suppress } from '../trace/context.ts'
import { registerGlobally, type Registration } from '../trace/registration.ts'
import { Tracer } from '../trace/tracer.ts'
import { type Beginnings, beginnings, type Diagnosis, problemsOf } from './diagnosis.ts'
import { type DiagnosisFile, diagnosisFile } from './diagnosis-file.ts'
import { exporterOptions, limitsOf } from './from-environment.ts'
import { MetricPush } from './metric-push.ts'
import { sendLastWords } from './last-words.ts'
import type { TelemetryOptions } from './options.ts'
import { Outlet } from './outlet.ts'
import { resourceOf } from './resource.ts'

/** Telemetry that was started. */
export interface Telemetry {
  readonly tracer: Tracer
  readonly metrics: Metrics
  readonly propagation: Propagation
  /** What it knows of itself, for a person who misses spans. */
  diagnosis(): Diagnosis
  /** Resolves when all that has ended until now is delivered or was dropped and counted; `signal` ends the wait. */
  flush(signal?: AbortSignal): Promise<void>
  /** Says that the process is about to end: a collector that does not answer is not waited for. */
  hurry(): void
  /** Shows the pipelines of a registry in the metrics from now on; the answer ends it. */
  show(registry: SnapshotSource): () => void
  /**
   * Delivers synchronously what is left, in a process of its own that it waits for, 5 s at most: for the event `exit`, when nothing
   * asynchronous can happen any more. Everywhere else `close` is right.
   */
  salvage(): void
  /** Flushes, and takes everything back. Harmless when called again. */
  close(signal?: AbortSignal): Promise<void>
}

/**
 * Starts the telemetry of this process; call it before anything else, or `node --import @switchgear/telemetry/register app.js`.
 * Throws `SG_BAD_OPTIONS` for a bad option, and when it was started already. What is wrong in the environment is told and ignored.
 *
 * @example
 * const telemetry = startTelemetry({ service: 'orders' })
 * process.once('SIGTERM', () => server.close(() => telemetry.close()))
 */
export function startTelemetry(options: TelemetryOptions = {}): Telemetry {
  checkOptions(options)
  if (currentTelemetry() !== undefined) {
    throw new OptionsError('startTelemetry: it was started already in this process; close that one first')
  }
  return new Started(options)
}

const known: readonly (keyof TelemetryOptions)[] = [
  'service',
  'version',
  'attributes',
  'traces',
  'metrics',
  'http',
  'pipelines',
  'propagation',
  'global',
  'environment',
  'onProblem',
]

const knownOfTraces = ['sampler', 'limits', 'export', 'tail', 'consumers', 'maxBlocks', 'flushEvery']
const knownOfMetrics = ['metrics', 'registry', 'export']

function checkOptions(options: TelemetryOptions): void {
  const { traces = {}, metrics = {}, service, version } = options
  checkKeys(options, known, 'telemetry')
  checkKeys(traces, knownOfTraces, 'telemetry.traces')
  checkKeys(metrics, knownOfMetrics, 'telemetry.metrics')
  for (const [name, text] of Object.entries({ service, version })) {
    check(text === undefined || (typeof text === 'string' && text !== ''), `telemetry.${name}`, 'a text', text)
  }
  for (const [index, consumer] of (traces.consumers ?? []).entries()) {
    checkMethods(consumer, ['consume', 'flush', 'close'], `telemetry.traces.consumers[${index}]`)
  }
}

class Started implements Telemetry {
  readonly tracer: Tracer
  readonly metrics: Metrics
  readonly propagation: Propagation
  readonly #beginnings: Beginnings = beginnings()
  readonly #variables: TelemetryVariables
  readonly #sampler: string
  readonly #shown: ShownRegistries = new ShownRegistries()
  readonly #outlet: Outlet
  readonly #registration: Registration | undefined
  readonly #push: MetricPush | undefined
  /** What takes back what was set up, in the order in which it was. */
  readonly #undo: (() => void)[] = []
  readonly #file: DiagnosisFile | undefined
  /** What stood in the way of the registration when it was taken back. */
  #obstacles: readonly string[] = []
  #closing: Promise<void> | undefined = undefined

  constructor(options: TelemetryOptions) {
    const { environment = process.env, traces = {}, metrics = {}, onProblem = warn } = options
    const variables = readEnvironment(environment)
    this.#variables = variables
    for (const warning of variables.warnings) onProblem(warning)
    const resource = resourceOf(options, variables.resourceAttributes, environment)
    this.propagation = new Propagation(options.propagation ?? propagators(variables, onProblem))
    const sampler =
      traces.sampler ?? samplerFromEnvironment(variables.traces.sampler, variables.traces.samplerArgument, onProblem)
    this.#sampler = sampler.description
    const { flushEvery = variables.traces.flushEvery, maxBlocks } = traces
    const limits = traces.limits ?? limitsOf(variables)
    this.tracer = new Tracer({ resource, sampler, limits, flushEvery: flushEvery || undefined, maxBlocks })
    const service = String(resource.attributes['service.name'])
    this.metrics = metrics.metrics ?? createMetrics({ registry: this.#shown, service })
    if (metrics.registry !== undefined) this.#shown.show(metrics.registry)
    this.#outlet = new Outlet(traces, variables, onProblem)
    for (const consumer of [this.#outlet.consumer, ...(traces.consumers ?? [])]) {
      if (consumer !== undefined) this.tracer.addConsumer(consumer)
    }
    const pushing = variables.disabled ? undefined : exporterOptions(metrics.export, variables, 'metrics', onProblem)
    // A bad option must not leave half of it set up.
    try {
      if (!variables.disabled) this.#registration = this.#instrument(options, onProblem)
      if (pushing !== undefined) this.#push = new MetricPush(this.metrics, resource, pushing)
      this.#showOwn()
    } catch (error) {
      void this.close()
      throw error
    }
    this.#file = diagnosisFile(environment, () => this.diagnosis())
  }

  diagnosis(): Diagnosis {
    const parts = {
      service: String(this.tracer.resource.attributes['service.name']),
      pid: process.pid,
      disabled: this.#variables.disabled,
      sampler: this.#sampler,
      endpoint: this.#outlet.endpoint,
      beginnings: this.#beginnings,
      tracer: { ...this.tracer.totals },
      export: this.#outlet.exporter?.totals,
    }
    const registration = this.#closing === undefined ? (this.#registration?.check() ?? []) : this.#obstacles
    return { version: 1, ...parts, problems: [...problemsOf(parts, registration), ...this.#variables.warnings] }
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await Promise.all([this.tracer.flush(signal), this.#push?.flush(signal)])
  }

  hurry(): void {
    this.#outlet.exporter?.hurry()
  }

  show(registry: SnapshotSource): () => void {
    return this.#shown.show(registry)
  }

  salvage(): void {
    // Handed over in this turn; what it waits for will not happen.
    void this.tracer.flush(AbortSignal.abort())
    const { tail, exporter } = this.#outlet
    // Traces that still wait for their decision get it now.
    tail?.buffer.flush()
    if (exporter !== undefined) sendLastWords(exporter.unsent)
    this.#file?.end()
  }

  close(signal?: AbortSignal): Promise<void> {
    return (this.#closing ??= this.#close(signal))
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    this.#obstacles = this.#registration?.check() ?? []
    for (const undo of this.#undo.splice(0).toReversed()) undo()
    await Promise.all([this.tracer.close(signal), this.#push?.close(signal)])
    this.#file?.end()
  }

  /** What telemetry tells of itself stands beside everything else. */
  #showOwn(): void {
    const { exporter, tail } = this.#outlet
    const exporters = { traces: exporter, metrics: this.#push?.exporter }
    for (const family of telemetryFamilies({ tracer: this.tracer, exporters, tail })) {
      this.#undo.push(this.metrics.instruments.collect(family))
    }
  }

  #instrument({ http = {}, pipelines = true, global = true }: TelemetryOptions, onProblem: (message: string) => void) {
    const { tracer, metrics, propagation } = this
    const served = http === false ? undefined : (http.serverDurations ?? metrics.serverDurations)
    const isOurs = served === metrics.serverDurations
    const show = (registry: SnapshotSource): (() => void) => this.show(registry)
    const registration = global ? registerGlobally(tracer, new HeaderPropagator(propagation)) : undefined
    for (const problem of registration?.problems ?? []) onProblem(problem)
    this.#undo.push(() => registration?.undo())
    if (pipelines) this.#undo.push(instrumentPipelines(tracer, { durations: durationsOf(metrics) }))
    const { serverDurations, clientDurations } = metrics
    const seen =
      http === false ? undefined : instrumentHttp(tracer, { serverDurations, clientDurations, propagation, ...http })
    this.#undo.push(() => seen?.())
    // What the lower floors do for themselves, such as asking a registry, is no traffic of the application.
    this.#undo.push(lookAway((run) => runIn(suppress(activeContext()), run)))
    // Last, so that nothing is current that could not be set up.
    const redaction = seen?.redaction
    const showEndpoints = (source: EndpointSource): (() => void) => metrics.endpoints.show(source)
    setCurrentTelemetry({ tracer, propagation, served: isOurs ? metrics : undefined, show, showEndpoints, redaction })
    this.#undo.push(() => setCurrentTelemetry(undefined))
    return registration
  }
}

const knownDurations = new WeakMap<Metrics, CallDurations>()

/** Those of these metrics, which outlive a telemetry that is closed and started again. */
function durationsOf(metrics: Metrics): CallDurations {
  const known = knownDurations.get(metrics) ?? new CallDurations(metrics.instruments)
  knownDurations.set(metrics, known)
  return known
}

function propagators({ propagators: names }: TelemetryVariables, onProblem: (message: string) => void) {
  const { options, unknown } = propagatorsOf(names?.join(','))
  if (unknown.length > 0) onProblem(`OTEL_PROPAGATORS: ${unknown.join(', ')} is not known and is ignored`)
  return options
}

function warn(message: string): void {
  process.emitWarning(message, 'SwitchgearWarning')
}
