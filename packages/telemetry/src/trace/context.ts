// What travels along with a call inside a process: span, baggage, deadline and tenant in one object in one
// AsyncLocalStorage, because each further storage would make every asynchronous step slower. OpenTelemetry's context is
// the same object. Invariant: a context never changes; whoever wants another one makes one.
import { AsyncLocalStorage } from 'node:async_hooks'

import { type Baggage, type Context as ApiContext, ROOT_CONTEXT, type Span as ApiSpan } from '@opentelemetry/api'

// What OpenTelemetry's own functions use. They are registered symbols, so several copies of the API agree on them.
const spanKey = Symbol.for('OpenTelemetry Context Key SPAN')
const baggageKey = Symbol.for('OpenTelemetry Baggage Key')
const suppressKey = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * What travels along with a call. Made from another one: begin with `rootContext` or `activeContext()`.
 *
 * @example
 * runIn(activeContext().withSpan(span).withDeadline(clock.now() + 800), () => handle(request))
 */
export class Context implements ApiContext {
  /** The innermost span, ours or one of another tracer. */
  readonly span: ApiSpan | undefined
  readonly baggage: Baggage | undefined
  /** Monotonic milliseconds; Infinity when there is none. */
  readonly deadline: number
  readonly tenant: string | undefined
  /** Nothing below may be traced: true inside exporters. */
  readonly suppressed: boolean
  /** Where values of other keys are kept; its span and baggage are out of date. */
  readonly #rest: ApiContext | undefined

  constructor(
    span: ApiSpan | undefined,
    baggage: Baggage | undefined,
    deadline: number,
    tenant: string | undefined,
    suppressed: boolean,
    rest: ApiContext | undefined,
  ) {
    this.span = span
    this.baggage = baggage
    this.deadline = deadline
    this.tenant = tenant
    this.suppressed = suppressed
    this.#rest = rest
  }

  /** A context of another implementation as ours. */
  static of(context: ApiContext): Context {
    if (context instanceof Context) return context
    if (context === ROOT_CONTEXT) return rootContext
    const span = context.getValue(spanKey) as ApiSpan | undefined
    const baggage = context.getValue(baggageKey) as Baggage | undefined
    return new Context(span, baggage, Infinity, undefined, context.getValue(suppressKey) === true, context)
  }

  withSpan(span: ApiSpan | undefined): Context {
    return new Context(span, this.baggage, this.deadline, this.tenant, this.suppressed, this.#rest)
  }

  withBaggage(baggage: Baggage | undefined): Context {
    return new Context(this.span, baggage, this.deadline, this.tenant, this.suppressed, this.#rest)
  }

  /** `deadline` in monotonic milliseconds. An earlier one of this context stays: nobody gets more time than the caller has. */
  withDeadline(deadline: number): Context {
    if (deadline >= this.deadline) return this
    return new Context(this.span, this.baggage, deadline, this.tenant, this.suppressed, this.#rest)
  }

  withTenant(tenant: string | undefined): Context {
    return new Context(this.span, this.baggage, this.deadline, tenant, this.suppressed, this.#rest)
  }

  getValue(key: symbol): unknown {
    if (key === spanKey) return this.span
    if (key === baggageKey) return this.baggage
    if (key === suppressKey) return this.suppressed ? true : undefined
    return this.#rest?.getValue(key)
  }

  setValue(key: symbol, value: unknown): Context {
    if (key === spanKey) return this.withSpan(value as ApiSpan | undefined)
    if (key === baggageKey) return this.withBaggage(value as Baggage | undefined)
    if (key === suppressKey) return this.#withSuppressed(value === true)
    return this.#withRest((this.#rest ?? ROOT_CONTEXT).setValue(key, value))
  }

  deleteValue(key: symbol): Context {
    if (key === spanKey) return this.withSpan(undefined)
    if (key === baggageKey) return this.withBaggage(undefined)
    if (key === suppressKey) return this.#withSuppressed(false)
    return this.#rest === undefined ? this : this.#withRest(this.#rest.deleteValue(key))
  }

  #withSuppressed(suppressed: boolean): Context {
    return new Context(this.span, this.baggage, this.deadline, this.tenant, suppressed, this.#rest)
  }

  #withRest(rest: ApiContext): Context {
    return new Context(this.span, this.baggage, this.deadline, this.tenant, this.suppressed, rest)
  }
}

/** The context in which nothing is set. */
export const rootContext: Context = new Context(undefined, undefined, Infinity, undefined, false, undefined)

const storage = new AsyncLocalStorage<Context>()

/** The context of the running code; `rootContext` when none was set. */
export function activeContext(): Context {
  return storage.getStore() ?? rootContext
}

/** Runs `run` in `context`, with everything asynchronous it starts, and answers what it answers. */
export function runIn<T>(context: Context, run: () => T): T {
  return storage.run(context, run)
}

/**
 * Makes `context` the active one for the rest of this turn and what it starts. Only for subscribers of
 * `diagnostics_channel`, who cannot wrap the code that follows.
 */
export function enterContext(context: Context): void {
  storage.enterWith(context)
}

/** Whether nothing may be traced in `context`. */
export function suppressed(context: ApiContext): boolean {
  return context instanceof Context ? context.suppressed : context.getValue(suppressKey) === true
}

/** `context`, in which nothing is traced. */
export function suppress(context: Context): Context {
  return context.setValue(suppressKey, true)
}
