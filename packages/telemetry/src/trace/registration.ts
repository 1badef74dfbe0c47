// Makes our tracer the one behind the OpenTelemetry API of this process, and says what stood in the way. Invariant: what
// somebody else registered is never replaced, and undoing takes back only what is still ours.
import { context, propagation, type ProxyTracerProvider, type TextMapPropagator, trace } from '@opentelemetry/api'

import { ContextManager } from './context-manager.ts'
import { TracerProvider } from './provider.ts'
import type { Tracer } from './tracer.ts'

/** What came of a registration. */
export interface Registration {
  /** All three are ours: tracer provider, context manager and propagator. */
  readonly ok: boolean
  /** For people: what somebody else had registered before, and who. Empty when all is well. */
  readonly problems: readonly string[]
  /** What has become of it since: like `problems`, of now. */
  check(): readonly string[]
  /** Takes back what was registered. Harmless the second time. */
  undo(): void
}

/** Where all copies of the API's major version 1 keep what is registered. */
const registryKey = Symbol.for('opentelemetry.js.api.1')

interface ApiRegistry {
  readonly version?: string
  readonly trace?: unknown
  readonly context?: unknown
  readonly propagation?: unknown
}

type Part = 'trace' | 'context' | 'propagation'

const titles: Readonly<Record<Part, string>> = {
  trace: 'tracer provider',
  context: 'context manager',
  propagation: 'propagator',
}

/**
 * Registers `tracer` and `propagator` with `@opentelemetry/api`. Where another tracer provider is registered, nothing is;
 * a context manager or propagator of somebody else stays, and the rest is registered.
 *
 * @example
 * const registration = registerGlobally(tracer, propagator)
 * for (const problem of registration.problems) logger.warn(problem)
 */
export function registerGlobally(tracer: Tracer, propagator: TextMapPropagator): Registration {
  const provider = new TracerProvider(tracer)
  const manager = new ContextManager()
  const ours: Readonly<Record<Part, unknown>> = { trace: provider, context: manager, propagation: propagator }
  const set: Readonly<Record<Part, () => boolean>> = {
    trace: () => trace.setGlobalTracerProvider(provider),
    context: () => context.setGlobalContextManager(manager),
    propagation: () => propagation.setGlobalPropagator(propagator),
  }
  const problems: string[] = []
  const attempt = (part: Part): boolean => {
    const done = holder(part) === undefined && set[part]()
    if (!done) problems.push(obstacle(part))
    return done
  }
  if (attempt('trace')) {
    attempt('context')
    attempt('propagation')
  }
  let undone = false
  const isOurs = (part: Part): boolean => holder(part) === ours[part]
  return {
    ok: problems.length === 0,
    problems,
    check() {
      // Beside a foreign provider nothing of ours was registered, and only that is worth saying.
      const parts: readonly Part[] = isOurs('trace') ? ['context', 'propagation'] : ['trace']
      return parts.filter((part) => !isOurs(part)).map(obstacle)
    },
    undo() {
      // Only once: the same propagator may have been registered again since.
      if (undone) return
      undone = true
      if (isOurs('trace')) trace.disable()
      if (isOurs('context')) context.disable()
      if (isOurs('propagation')) propagation.disable()
    },
  }
}

function registry(): ApiRegistry {
  return (globalThis as { [registryKey]?: ApiRegistry })[registryKey] ?? {}
}

/** Who is registered as `part`. */
function holder(part: Part): unknown {
  const registered = registry()[part]
  // The provider stands behind a proxy, which may be of another copy of the API; so it is known by its method.
  if (part !== 'trace' || !isProxy(registered)) return registered
  return registered.getDelegate()
}

function isProxy(provider: unknown): provider is ProxyTracerProvider {
  return typeof (provider as Partial<ProxyTracerProvider> | undefined)?.getDelegate === 'function'
}

function obstacle(part: Part): string {
  const other = holder(part)
  if (other === undefined) {
    // The API refuses everything once a copy of another version has put anything into the registry they share.
    const { version = 'unknown' } = registry()
    return `No ${titles[part]} is registered: it was taken back, or another copy of @opentelemetry/api, version ${version}, was loaded first.`
  }
  // A number after a dollar sign comes from a bundler, not from the one who named it.
  const name = String((other as { constructor?: { name?: string } }).constructor?.name ?? '').replace(/\$\d+$/, '')
  return `The ${titles[part]} is not ours: ${name === '' ? 'one without a name' : name} was registered first.`
}
