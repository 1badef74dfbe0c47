// How long guarded calls took, by pipeline and outcome. Counted for every call, whatever is sampled. Invariant: the number of
// names that are looked up quickly is bounded; beyond it the histogram's own bound decides.
import { type Outcome, SwitchgearError } from '@switchgear/core'
import type { Histogram, HistogramFamily } from '../metrics/histogram.ts'
import type { MetricRegistry } from '../metrics/registry.ts'
import type { Span } from '../trace/span.ts'

/** From a tenth of a millisecond, since a guarded call need not cross a network. */
const bounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const mostNames = 1000

/** What became of a call: a refusal of our own is told apart from what else is ignored. */
export type CallOutcome = Outcome | 'refused'

/**
 * The family `switchgear_call_duration_seconds` of a registry, made once for it.
 *
 * @example
 * const end = instrumentPipelines(tracer, { durations: new CallDurations(metrics) })
 */
export class CallDurations {
  readonly #family: HistogramFamily<readonly ['service', 'outcome']>
  readonly #known = new Map<string, Partial<Record<CallOutcome, Histogram>>>()

  constructor(metrics: MetricRegistry) {
    this.#family = metrics.histogram(
      'switchgear_call_duration_seconds',
      'Duration of guarded calls, queues, retries and fallbacks included.',
      ['service', 'outcome'],
      { bounds, unit: 'seconds' },
    )
  }

  /** `endMs` is monotonic; a sampled span becomes the exemplar. */
  observe(
    pipeline: string,
    outcome: Outcome,
    error: unknown,
    seconds: number,
    span: Span | undefined,
    endMs: number,
  ): void {
    const label: CallOutcome = error instanceof SwitchgearError && error.refusal ? 'refused' : outcome
    this.#series(pipeline, label).observe(seconds, span, endMs)
  }

  #series(pipeline: string, label: CallOutcome): Histogram {
    let known = this.#known.get(pipeline)
    if (known === undefined) {
      if (this.#known.size >= mostNames) return this.#family.with(pipeline, label)
      known = {}
      this.#known.set(pipeline, known)
    }
    return (known[label] ??= this.#family.with(pipeline, label))
  }
}
