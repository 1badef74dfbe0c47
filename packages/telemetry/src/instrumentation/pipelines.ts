// Guarded calls as spans: one for a call, one below it for each attempt where there may be several, and an event for whatever a
// policy does to it, with the policy's name and the circuit's state. Durations are counted here too, before any sampling.
// Invariant: what happens in here never reaches a call; a span begun here is finished when its call or attempt ends.
import type { Call, Clock, Outcome, PolicyEvent } from '@switchgear/core'
import { type CallObserver, observe } from '@switchgear/core/observe'
import { AttributeSet } from '../trace/attribute-set.ts'
import { activeContext, type Context, runIn } from '../trace/context.ts'
import { Span } from '../trace/span.ts'
import type { InstrumentationScope } from '../trace/span-data.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { CallDurations } from './call-durations.ts'
import { finishCall } from './call-end.ts'
import { spanEventAttributes, spanEventName } from './pipeline-events.ts'

const scope: InstrumentationScope = Object.freeze({ name: '@switchgear/core' })
const internal = 0
/** Names of pipelines for which attributes are kept; beyond so many they are made anew. */
const mostNames = 1000

/** Options of `instrumentPipelines`. */
export interface PipelineInstrumentationOptions {
  /** Where durations are counted. Default: nowhere. */
  readonly durations?: CallDurations | undefined
}

/** What is kept of a call, or of one attempt of it, while it runs. */
class CallScope {
  /** Undefined where nothing is recorded. */
  readonly span: Span | undefined
  /** In which the function runs; undefined: in that of its caller. */
  readonly context: Context | undefined
  readonly startMs: number
  /** Whether this is a whole call and not an attempt. */
  readonly whole: boolean
  /** What the next attempt begins for: set by the event that goes before it. */
  next: 'retry' | 'hedge' | undefined = undefined

  constructor(span: Span | undefined, context: Context | undefined, startMs: number, whole: boolean) {
    this.span = span
    this.context = context
    this.startMs = startMs
    this.whole = whole
  }
}

/**
 * Makes spans of every guarded call of this process; the answer ends it. Throws `SG_BAD_OPTIONS` when somebody observes the
 * calls already.
 *
 * @example
 * const end = instrumentPipelines(tracer, { durations })
 */
export function instrumentPipelines(tracer: Tracer, { durations }: PipelineInstrumentationOptions = {}): () => void {
  return observe(new PipelineObserver(tracer, durations))
}

class PipelineObserver implements CallObserver {
  readonly #tracer: Tracer
  readonly #durations: CallDurations | undefined
  readonly #sets = new Map<string, AttributeSet>()

  constructor(tracer: Tracer, durations: CallDurations | undefined) {
    this.#tracer = tracer
    this.#durations = durations
  }

  begin(call: Call, clock: Clock): CallScope {
    const context = activeContext()
    const startMs = this.#startOf(call, clock)
    const { span: parent } = context
    // Below a span that is not recorded nothing is; the caller's own context carries that on.
    if (context.suppressed || (parent instanceof Span && !parent.recording)) {
      return new CallScope(undefined, undefined, startMs, true)
    }
    const span = this.#tracer.start(scope, call.name === '' ? 'pipeline' : call.name, internal, parent, startMs)
    span.shared = this.#attributes(call.name)
    return new CallScope(span, context.withSpan(span), startMs, true)
  }

  attempt(call: Call, clock: Clock, outer: unknown): CallScope {
    const { span: parent, context, next } = outer as CallScope
    const startMs = this.#startOf(call, clock)
    if (parent === undefined || context === undefined || !parent.recording) {
      return new CallScope(undefined, context, startMs, false)
    }
    const span = this.#tracer.start(scope, `${parent.name} attempt`, internal, parent, startMs)
    span.shared = parent.shared
    span.set('switchgear.attempt', call.attempt)
    if (next !== undefined) span.set('switchgear.attempt.cause', next)
    ;(outer as CallScope).next = undefined
    return new CallScope(span, context.withSpan(span), startMs, false)
  }

  within<T>(current: unknown, run: (call: Call) => T, call: Call): T {
    const { context } = current as CallScope
    return context === undefined ? run(call) : runIn(context, () => run(call))
  }

  end(ended: unknown, call: Call, outcome: Outcome, error: unknown): void {
    const { span, startMs, whole } = ended as CallScope
    const endMs = this.#tracer.clock.now()
    if (span !== undefined) finishCall(span, outcome, error, endMs)
    if (whole) this.#durations?.observe(call.name, outcome, error, (endMs - startMs) / 1000, span, endMs)
  }

  exited(call: Call, tookMs: number, outcome: Outcome, error: unknown): void {
    const span = call.scope instanceof Span ? call.scope : undefined
    this.#durations?.observe(call.name, outcome, error, tookMs / 1000, span, this.#tracer.clock.now())
  }

  event(event: PolicyEvent, of: unknown): void {
    const name = spanEventName(event.type)
    if (name === undefined) return
    if (of instanceof CallScope && (event.type === 'retry' || event.type === 'hedge')) of.next = event.type
    const span = spanOf(event, of)
    if (span?.recording === true) span.event(name, spanEventAttributes(event), this.#tracer.clock.now())
  }

  /** The reading that timed policies share; of another clock it would mean nothing here. */
  #startOf(call: Call, clock: Clock): number {
    const own = this.#tracer.clock
    return clock === own ? call.startedAt : own.now()
  }

  #attributes(pipeline: string): AttributeSet {
    const known = this.#sets.get(pipeline)
    if (known !== undefined) return known
    const made = new AttributeSet({ 'switchgear.pipeline': pipeline })
    if (this.#sets.size < mostNames) this.#sets.set(pipeline, made)
    return made
  }
}

/**
 * The span that an event belongs to. A transition is about no call, but it is noticed by one: in the turn in which that call
 * settles or enters, so the active span is its own or one above it.
 */
function spanOf(event: PolicyEvent, of: unknown): Span | undefined {
  const owner = of instanceof CallScope ? of.span : of
  if (owner instanceof Span) return owner
  const { span } = activeContext()
  return event.type === 'transition' && span instanceof Span ? span : undefined
}
