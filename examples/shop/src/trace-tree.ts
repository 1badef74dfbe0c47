// A trace as the report has it: its spans in the order of the tree with what a reader needs of each, as data and as lines.
// Pure. Bounded: of a very large trace the first spans are told.
import type { Attributes, SpanEvent, TraceNode, TraceView } from '@switchgear/telemetry'

/** What a policy did during a span. */
export interface TraceEvent {
  /** 'rejected', 'fallback', 'timeout', 'retry', 'transition', ... */
  readonly name: string
  readonly policy: string
  /** Since the trace began. */
  readonly atMs: number
  readonly errorType: string | undefined
  /** State of the circuit, after a transition the new one; undefined where no circuit is concerned. */
  readonly state: string | undefined
}

/** A span in its place. */
export interface TraceSpan {
  /** 0 for the root. */
  readonly depth: number
  readonly service: string
  readonly name: string
  readonly kind: string
  readonly startMs: number
  readonly tookMs: number
  /** HTTP status, where there is one. */
  readonly status: number | undefined
  readonly errorType: string | undefined
  readonly events: readonly TraceEvent[]
}

/** A whole trace; parents stand before their children. */
export interface TraceTree {
  readonly traceId: string
  readonly tookMs: number
  readonly services: readonly string[]
  readonly spans: readonly TraceSpan[]
  /** Spans that are not told here. */
  readonly more: number
}

const spansTold = 100
const prefix = 'switchgear.'

/** What the report tells of a trace. */
export function treeOf(view: TraceView): TraceTree {
  return {
    traceId: view.traceId,
    tookMs: view.durationNanos / 1e6,
    services: view.services,
    spans: view.nodes.slice(0, spansTold).map((node) => spanOf(node, view.startMicros)),
    more: Math.max(0, view.nodes.length - spansTold),
  }
}

/** Whether a circuit refused the call and a fallback answered in its place. */
export function isRescue({ spans }: TraceTree): boolean {
  const events = spans.flatMap((span) => span.events)
  const refused = events.some(({ name, errorType }) => name === 'rejected' && errorType === 'SG_CIRCUIT_OPEN')
  return refused && events.some(({ name }) => name === 'fallback')
}

/** The trace for people: one line a span, below it one for each thing that a policy did. */
export function treeLines({ traceId, tookMs, services, spans, more }: TraceTree): string[] {
  const names = spans.map(({ depth, name, kind, status }) => {
    const facts = [kind === 'internal' ? '' : kind, status ?? ''].filter((fact) => fact !== '').join(' ')
    return `${'  '.repeat(depth)}${name}${facts === '' ? '' : ` (${facts})`}`
  })
  const wide = Math.max(...names.map((name) => name.length))
  const column = Math.max(...services.map((name) => name.length))
  const lines = spans.flatMap((span, index) => {
    const head = `${span.service.padEnd(column)}  ${(names[index] ?? '').padEnd(wide)}  ${ms(span.tookMs).padStart(9)}`
    const indent = ' '.repeat(column + 4 + 2 * span.depth)
    return [
      `${head}  ${span.errorType ?? ''}`.trimEnd(),
      ...span.events.map((event) => `${indent}* ${eventText(event)}`),
    ]
  })
  const title = `trace ${traceId}: ${spans.length + more} spans of ${services.length} services, ${ms(tookMs)}`
  return [title, '', ...lines, ...(more > 0 ? [`... and ${more} more spans`] : [])]
}

function spanOf({ span, service, depth, startMicros }: TraceNode, zeroMicros: number): TraceSpan {
  const { name, kind, attributes, events, durationNanos } = span
  const status = attributes['http.response.status_code']
  return {
    depth,
    service,
    name,
    kind,
    startMs: (startMicros - zeroMicros) / 1000,
    tookMs: durationNanos / 1e6,
    status: typeof status === 'number' ? status : undefined,
    errorType: text(attributes, 'error.type'),
    events: events.filter((event) => event.name.startsWith(prefix)).map((event) => eventOf(event, zeroMicros)),
  }
}

function eventOf({ name, timeMicros, attributes }: SpanEvent, zeroMicros: number): TraceEvent {
  return {
    name: name.slice(prefix.length),
    policy: text(attributes, 'switchgear.policy') ?? '',
    atMs: (timeMicros - zeroMicros) / 1000,
    errorType: text(attributes, 'error.type'),
    state: text(attributes, 'switchgear.circuit.state'),
  }
}

function eventText({ name, policy, atMs, errorType, state }: TraceEvent): string {
  const circuit = state === undefined ? undefined : `circuit ${state}`
  const facts = [errorType, circuit].filter((fact) => fact !== undefined)
  return `${name} by ${policy} at ${ms(atMs)}${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`
}

function text(attributes: Attributes, key: string): string | undefined {
  const value = attributes[key]
  return typeof value === 'string' ? value : undefined
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
}
