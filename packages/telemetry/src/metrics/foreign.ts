// The families of prom-client registries that an application fills itself, read one at a time and each under a deadline: their
// `collect` functions are somebody else's code, which may hang or throw. Invariant: a family that does so costs itself only, and
// one that still hangs is not asked again, so that scrapes never pile up behind it.
import type { Clock } from '@switchgear/core'
import type { Registry, RegistryContentType } from 'prom-client'
import { cleanLabel, labelText } from './label-text.ts'
import { baseName } from './naming.ts'
import { boundText, headText, numberOf, sampleText, type TextFormat } from './text-format.ts'

/** A registry of prom-client, whichever format it writes itself. */
export type PromRegistry = Registry<RegistryContentType>

interface ForeignValue {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
  readonly exemplar?: {
    readonly labelSet: Readonly<Record<string, string | number>>
    readonly value: number
    readonly timestamp?: number
  } | null
}

/** A family as prom-client gives it. */
export interface ForeignFamily {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly ForeignValue[]
}

/** A metric object of prom-client: what its registry lists, although the types of prom-client say less. */
export interface ForeignMetric {
  readonly name: string
  readonly type: string
  get(): Promise<ForeignFamily>
}

/** Why a family is not shown. */
export type SkipReason = 'timeout' | 'error' | 'duplicate'

/** The metrics of a registry. */
export function metricsOf(registry: PromRegistry): readonly ForeignMetric[] {
  return registry.getMetricsAsArray() as unknown as readonly ForeignMetric[]
}

/** Reads families under a deadline. */
export class ForeignReader {
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** Asked and not answered yet. */
  readonly #pending = new Set<ForeignMetric>()

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** The family, or why there is none. Never throws. */
  async read(metric: ForeignMetric): Promise<ForeignFamily | SkipReason> {
    if (this.#pending.has(metric)) return 'timeout'
    this.#pending.add(metric)
    // What a family says of its failure is the application's business; here it is only counted.
    const asked = ask(metric)
      .catch((): SkipReason => 'error')
      .finally(() => this.#pending.delete(metric))
    const { promise: late, resolve } = Promise.withResolvers<SkipReason>()
    const timer = this.#clock.setTimer(() => resolve('timeout'), this.#timeoutMs)
    try {
      return await Promise.race([asked, late])
    } finally {
      timer.cancel()
    }
  }
}

/** In an async function, so that a metric which throws at once is a rejection like any other. */
async function ask(metric: ForeignMetric): Promise<ForeignFamily> {
  return await metric.get()
}

/** A family as pieces of text. `registry`: where it stands, for the labels that all its metrics get. */
export function* foreignText(family: ForeignFamily, registry: PromRegistry, format: TextFormat): Generator<string> {
  const { type, help } = family
  const open = format === 'openmetrics'
  const base = baseName(family)
  // In OpenMetrics the sample of a counter ends with `_total`, whatever the application has called it; and a registry of
  // prom-client that writes OpenMetrics takes the suffix out of its names.
  const isTotal = type === 'counter' && (open || registry.contentType.startsWith('application/openmetrics-text'))
  const plain = isTotal ? `${base}_total` : family.name
  yield headText({ name: open ? base : plain, type, help }, format)
  const common = defaultLabels(registry)
  for (const { value, labels, metricName = plain, exemplar } of family.values) {
    const shown = open && (type === 'counter' || type === 'histogram') && exemplar ? exemplarText(exemplar) : ''
    yield sampleText(metricName, textOf({ ...common, ...labels }, format), value, shown)
  }
}

function textOf(labels: ForeignValue['labels'], format: TextFormat): string {
  const names = Object.keys(labels)
  const values = names.map((name) => {
    const value = labels[name] ?? ''
    const isBound = (name === 'le' || name === 'quantile') && typeof value === 'number'
    return isBound ? boundText(value, format) : cleanLabel(String(value))
  })
  return labelText(names, values)
}

function exemplarText({ labelSet, value, timestamp }: NonNullable<ForeignValue['exemplar']>): string {
  const time = timestamp === undefined ? '' : ` ${timestamp.toFixed(3)}`
  return ` # {${textOf(labelSet, 'openmetrics')}} ${numberOf(value)}${time}`
}

/** prom-client tells them to nobody, yet its own text has them. */
function defaultLabels(registry: PromRegistry): ForeignValue['labels'] {
  const { _defaultLabels } = registry as unknown as { readonly _defaultLabels?: ForeignValue['labels'] }
  return _defaultLabels ?? {}
}
