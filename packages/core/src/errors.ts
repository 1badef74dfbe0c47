// The one error of Switchgear and how it is documented. Each code stands beside the policy that gives it; `explain.ts`
// assembles them into the table. A refusal is built without a stack: it says who refused, and that is not a place in code.

/** What the documentation says of one code. */
export interface ErrorEntry {
  readonly code: `SG_${string}`
  /** One line: what happened. */
  readonly title: string
  /** Why it happens and what to do, in a few sentences. */
  readonly advice: string
}

/** The parts of an error; all but `code` and `message` are optional. */
export interface ErrorParts {
  /** Name of the policy that speaks. */
  readonly policy?: string
  /** Name of the pipeline it spoke in, '' when it has none. */
  readonly pipeline?: string
  readonly cause?: unknown
  /** Whether a policy refused to run the call, as opposed to a call that ran and failed. */
  readonly refusal?: boolean
}

/**
 * Base of every error of Switchgear. `code` is stable; the message may change.
 *
 * @example
 * try {
 *   await payments.execute(charge)
 * } catch (error) {
 *   if (error instanceof SwitchgearError && error.code === 'SG_CIRCUIT_OPEN') queueForLater(error.retryAfterMs)
 * }
 */
export class SwitchgearError extends Error {
  readonly code: string
  readonly policy: string | undefined
  readonly pipeline: string | undefined
  /** True when a policy refused: the guarded function did not run for it. */
  readonly refusal: boolean

  constructor(code: string, message: string, parts: ErrorParts = {}) {
    super(message)
    this.code = code
    this.policy = parts.policy
    this.pipeline = parts.pipeline
    this.refusal = parts.refusal ?? false
    // Assigned rather than handed to `super`, which takes a third longer: refusals are built when there are many.
    if (parts.cause !== undefined) this.cause = parts.cause
  }

  /** Milliseconds after which another call has a chance; never negative. Undefined here: an error that knows overrides it. */
  get retryAfterMs(): number | undefined {
    return undefined
  }

  override get name(): string {
    return 'SwitchgearError'
  }
}

/**
 * Builds an error without capturing a stack, which costs more than everything else about a refusal. `stackTraceLimit` is
 * V8's; where it is missing or frozen the error is merely slower.
 */
export function stackless<E extends Error>(build: () => E): E {
  const host = Error as { stackTraceLimit?: number }
  const limit = host.stackTraceLimit
  if (limit === undefined || Object.isFrozen(Error)) return build()
  host.stackTraceLimit = 0
  try {
    const error = build()
    // V8 leaves the heading as a stack; JavaScriptCore leaves none at all, and a log would say "undefined".
    if (!Object.hasOwn(error, 'stack')) {
      Object.defineProperty(error, 'stack', { value: String(error), writable: true, configurable: true })
    }
    return error
  } finally {
    host.stackTraceLimit = limit
  }
}

/** Bad options and misuse: the caller's code is wrong, so a stack is wanted. */
export class OptionsError extends SwitchgearError {
  constructor(message: string) {
    super('SG_BAD_OPTIONS', message)
  }
}

/** What is documented of `SG_BAD_OPTIONS`. */
export const badOptions: ErrorEntry = {
  code: 'SG_BAD_OPTIONS',
  title: 'An option is wrong.',
  advice:
    'The message names the path of the option, its bound and the value it got. It is thrown at construction, before any call.',
}
