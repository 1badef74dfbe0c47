// OpenTelemetry's context manager over our own storage, so that contexts of third-party instrumentations and ours are the
// same. Owns nothing: it must not keep a second storage, nor a list of what it bound.
import { EventEmitter } from 'node:events'

import type {
  Context as ApiContext,
  ContextManagementToken,
  ContextManager as ApiContextManager,
} from '@opentelemetry/api'

import { activeContext, Context, enterContext, rootContext, runIn } from './context.ts'

type Listener = (this: unknown, ...values: unknown[]) => unknown
/** Node's own removal finds a wrapped listener by the original it names here. */
type NamedListener = Listener & { listener?: Listener }
type AddListener = (this: EventEmitter, event: string | symbol, listener: Listener) => EventEmitter

/**
 * What `api.context` runs on.
 *
 * @example
 * api.context.setGlobalContextManager(new ContextManager())
 */
export class ContextManager implements ApiContextManager {
  #enabled = true
  readonly #bound = new WeakSet<EventEmitter>()

  active(): Context {
    return this.#enabled ? activeContext() : rootContext
  }

  /** Runs `run` in `context`, also one of another implementation, with everything asynchronous it starts. */
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: ApiContext,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    if (!this.#enabled) return run.call(thisArg, ...args)
    return runIn(Context.of(context), () => run.call(thisArg, ...args))
  }

  /**
   * A function that runs `target` in `context`; an EventEmitter itself, whose listeners added from now on run in it. The
   * first context an emitter is bound to stays. Anything else is answered as it is.
   */
  bind<T>(context: ApiContext, target: T): T {
    const ours = Context.of(context)
    if (target instanceof EventEmitter) {
      if (!this.#bound.has(target)) {
        this.#bound.add(target)
        bindEmitter(ours, target)
      }
      return target
    }
    // The wrapper takes and answers what the target does, which TypeScript cannot see through T.
    return typeof target === 'function' ? (bindFunction(ours, target as unknown as Listener) as unknown as T) : target
  }

  /** Makes `context` active for the rest of this turn and what it starts, until the token is disposed of. */
  attach(context: ApiContext): ContextManagementToken {
    const before = activeContext()
    let attached = this.#enabled
    if (attached) enterContext(Context.of(context))
    return {
      dispose() {
        if (attached) enterContext(before)
        attached = false
      },
    }
  }

  enable(): this {
    this.#enabled = true
    return this
  }

  /** Answers the root context from now on. Our own instrumentations go on: the storage is theirs too. */
  disable(): this {
    this.#enabled = false
    return this
  }
}

function bindFunction(context: Context, target: Listener): Listener {
  function bound(this: unknown, ...values: unknown[]): unknown {
    return runIn(context, () => target.apply(this, values))
  }
  Object.defineProperty(bound, 'length', { value: target.length, configurable: true })
  return bound
}

function bindEmitter(context: Context, emitter: EventEmitter): void {
  const adding = (add: AddListener): AddListener =>
    function (event, listener) {
      return add.call(this, event, named(bindFunction(context, listener), listener))
    }
  // Node's `once` wraps the listener and hands its wrapper to `on`, which would bind the wrapper, and the wrapper could not
  // remove itself any more. So each `once` is made here, from the corresponding `on`.
  const addingOnce = (add: AddListener): AddListener =>
    function (event, listener) {
      const once: Listener = (...values) => {
        this.removeListener(event, once)
        return runIn(context, () => listener.apply(this, values))
      }
      return add.call(this, event, named(once, listener))
    }
  const { on, addListener, prependListener } = emitter
  Object.assign(emitter, {
    on: adding(on),
    addListener: adding(addListener),
    prependListener: adding(prependListener),
    once: addingOnce(on),
    prependOnceListener: addingOnce(prependListener),
  })
}

function named(bound: NamedListener, listener: NamedListener): NamedListener {
  bound.listener = listener.listener ?? listener
  return bound
}
