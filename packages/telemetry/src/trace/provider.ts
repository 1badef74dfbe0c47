// The OpenTelemetry API over our tracer: what `trace.getTracer(...)` answers once we are registered. Owns the scopes,
// bounded by their number. It decides nothing: the tracer does.
import {
  type Context as ApiContext,
  INVALID_SPAN_CONTEXT,
  type Span as ApiSpan,
  type SpanOptions,
  trace,
  type Tracer as ApiTracer,
  type TracerOptions as ScopeOptions,
  type TracerProvider as ApiTracerProvider,
} from '@opentelemetry/api'

import { nameOf } from './attributes.ts'
import { activeContext, Context, runIn, suppressed } from './context.ts'
import type { InstrumentationScope } from './span-data.ts'
import { kinds } from './span-block.ts'
import { monotonicMs } from './span-times.ts'
import type { Tracer } from './tracer.ts'

/** More scopes than any program has; beyond, a new one is made at each request for it. */
const maxScopes = 1000

/**
 * Answers tracers by scope.
 *
 * @example
 * new TracerProvider(tracer).getTracer('orders', '1.2.0').startActiveSpan('charge', (span) => span.end())
 */
export class TracerProvider implements ApiTracerProvider {
  readonly #tracer: Tracer
  readonly #scopes = new Map<string, ScopedTracer>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** The same tracer for the same name, version and schema. A missing name is ''. */
  getTracer(name: string, version?: string, options?: ScopeOptions): ApiTracer {
    const key = JSON.stringify([name, version, options?.schemaUrl])
    const known = this.#scopes.get(key)
    if (known !== undefined) return known
    const scope = Object.freeze({ name: name ?? '', version, schemaUrl: options?.schemaUrl })
    const made = new ScopedTracer(this.#tracer, scope)
    if (this.#scopes.size < maxScopes) this.#scopes.set(key, made)
    return made
  }
}

class ScopedTracer implements ApiTracer {
  readonly #tracer: Tracer
  readonly #scope: InstrumentationScope

  constructor(tracer: Tracer, scope: InstrumentationScope) {
    this.#tracer = tracer
    this.#scope = scope
  }

  startSpan(name: string, options?: SpanOptions, given?: ApiContext): ApiSpan {
    const context = given ?? activeContext()
    if (suppressed(context)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
    const tracer = this.#tracer
    const { kind = 0, attributes, links, startTime, root } = options ?? {}
    const parent = root === true ? undefined : trace.getSpan(context)
    const knownKind = typeof kind === 'number' && kind in kinds ? kind : 0
    const span = tracer.start(this.#scope, nameOf(name), knownKind, parent, monotonicMs(startTime, tracer))
    if (attributes !== undefined) span.setAttributes(attributes)
    if (links !== undefined) span.addLinks(links)
    return span
  }

  startActiveSpan<F extends (span: ApiSpan) => unknown>(name: string, run: F): ReturnType<F>
  startActiveSpan<F extends (span: ApiSpan) => unknown>(name: string, options: SpanOptions, run: F): ReturnType<F>
  startActiveSpan<F extends (span: ApiSpan) => unknown>(
    name: string,
    options: SpanOptions,
    context: ApiContext,
    run: F,
  ): ReturnType<F>
  startActiveSpan<R>(name: string, ...rest: StartArguments<R>): R {
    const run = rest[rest.length - 1] as (span: ApiSpan) => R
    const options = rest.length > 1 ? (rest[0] as SpanOptions | undefined) : undefined
    const context = Context.of(
      rest.length > 2 ? ((rest[1] as ApiContext | undefined) ?? activeContext()) : activeContext(),
    )
    const span = this.startSpan(name, options, context)
    return runIn(context.withSpan(span), () => run(span))
  }
}

type StartArguments<R> =
  | [run: (span: ApiSpan) => R]
  | [options: SpanOptions, run: (span: ApiSpan) => R]
  | [options: SpanOptions, context: ApiContext, run: (span: ApiSpan) => R]
