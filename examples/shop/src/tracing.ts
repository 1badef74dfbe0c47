// The parent's end of the collector: starts it, adds up what services say that they have sent, and asks it what it has kept.
// Owns the collector's process, which outlives those that send to it, so that their last spans are received.
import type { FoundTraces, TailTotals, TraceView } from '@switchgear/telemetry'
import type { SentNews, StartOrder } from './messages.ts'
import { Processes, type ServiceProcess } from './processes.ts'
import { isRescue, treeOf, type TraceTree } from './trace-tree.ts'

/** What became of all spans of a run. */
export interface TraceTotals {
  /** Spans that services have sent, as they said when they ended: one that was killed said nothing. */
  readonly sent: number
  /** Spans that the collector has got; fewer where it had to be started again, for those of before are gone. */
  readonly received: number
  /** Spans that were lost anywhere: not sent, not received, or not stored although they were to be kept. */
  readonly lost: number
  /** Traces that were kept, by the reason, and those that were left out because nothing spoke for them. */
  readonly kept: Readonly<Record<string, number>>
  readonly leftOut: number
  /** Traces that were not decided on in the time that the report waits. */
  readonly undecided: number
  readonly keptSpans: number
}

/** What traces show of a story. */
export interface TraceReport extends TraceTotals {
  /** A checkout that an open circuit refused and a fallback saved, the first where they are few; undefined: there was none. */
  readonly rescue: TraceTree | undefined
}

/** What the shop reads of a collector's status. */
interface Status {
  readonly receiver: { readonly spans: number; readonly rejectedSpans: number }
  readonly sampling: TailTotals & { readonly waiting: { readonly traces: number } }
  readonly store: { readonly dropped: Readonly<Record<string, number>> }
}

const name = 'collector'
const answerWithinMs = 5000
/** Longer than the collector waits for the last spans of a trace. */
const decidedWithinMs = 4000
const triesForRescue = 20

/**
 * The traces of one run.
 *
 * @example
 * const tracing = new Tracing((name, why) => console.log(name, why))
 * const { origin } = await tracing.start()
 * // services send there
 * const { received, kept } = await tracing.report()
 * await tracing.end()
 */
export class Tracing {
  readonly #processes: Processes
  #collector: ServiceProcess | undefined
  #sent = 0
  #lost = 0

  /** `onLost` hears when the collector ended by itself. */
  constructor(onLost: (name: string, why: string) => void) {
    this.#processes = new Processes(() => {}, onLost)
  }

  /** The collector; empty before it has started. */
  get processes(): readonly ServiceProcess[] {
    return this.#collector === undefined ? [] : [this.#collector]
  }

  /** Starts the collector, again where it was before. Throws a StartError. */
  async start(): Promise<ServiceProcess> {
    const port = this.#collector === undefined ? 0 : Number(new URL(this.#collector.origin).port)
    const order: StartOrder = { ...blank, port }
    this.#collector = await this.#processes.start(name, name, order)
    return this.#collector
  }

  /** Starts it again if it is the process of that name. */
  restart(title: string): Promise<void> | undefined {
    return title === name ? this.start().then(() => {}) : undefined
  }

  /** Enters what a service said at its end. */
  sent({ spans, lost }: SentNews): void {
    this.#sent += spans
    this.#lost += lost
  }

  /**
   * What the traces show; undefined when the collector does not answer. For when all services have ended: it waits until
   * everything that has come in is decided on.
   */
  async report(): Promise<TraceReport | undefined> {
    try {
      const totals = await this.#totals()
      return { ...totals, rescue: await this.#rescue() }
    } catch {
      // It was lost and is not back yet. The story is told without its traces: they are no part of what is judged.
      return undefined
    }
  }

  /** The newest trace with an error; undefined while there is none. */
  async latestError(): Promise<TraceTree | undefined> {
    const { traces } = await this.#ask<FoundTraces>('/api/traces?errors=true&limit=1')
    const [latest] = traces
    return latest === undefined ? undefined : await this.#tree(latest.traceId)
  }

  /** Ends the collector. Harmless when repeated. */
  async end(): Promise<void> {
    await this.#processes.end()
  }

  async #totals(): Promise<TraceTotals> {
    let status = await this.#ask<Status>('/api/status')
    for (const end = performance.now() + decidedWithinMs; status.sampling.waiting.traces > 0;) {
      if (performance.now() > end) break
      await new Promise((resolve) => setTimeout(resolve, 100))
      status = await this.#ask<Status>('/api/status')
    }
    return this.#add(status)
  }

  async #rescue(): Promise<TraceTree | undefined> {
    const { traces } = await this.#ask<FoundTraces>('/api/traces?service=orders&text=SG_CIRCUIT_OPEN&limit=1000')
    const checkouts = traces.filter(({ rootName }) => rootName === 'POST /checkout')
    for (const { traceId } of checkouts.toReversed().slice(0, triesForRescue)) {
      const tree = await this.#tree(traceId)
      if (isRescue(tree)) return tree
    }
    return undefined
  }

  #add({ receiver, sampling, store }: Status): TraceTotals {
    const { duplicate: _known, ...refused } = store.dropped
    return {
      sent: this.#sent,
      received: receiver.spans,
      lost: this.#lost + receiver.rejectedSpans + sum(refused) + sampling.takeErrors,
      kept: sampling.kept,
      leftOut: sum(sampling.dropped),
      undecided: sampling.waiting.traces,
      keptSpans: sampling.keptSpans,
    }
  }

  async #tree(traceId: string): Promise<TraceTree> {
    return treeOf(await this.#ask<TraceView>(`/api/traces/${traceId}`))
  }

  async #ask<T>(question: string): Promise<T> {
    const { questions = '' } = this.#collector ?? {}
    const response = await fetch(`${questions}${question}`, { signal: AbortSignal.timeout(answerWithinMs) })
    if (!response.ok) throw new Error(`the collector answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as T
  }
}

const blank: StartOrder = {
  type: 'start',
  side: 'protected',
  configPath: '',
  port: 0,
  mayMove: false,
  origins: {},
  telemetry: undefined,
  log: undefined,
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0)
}
