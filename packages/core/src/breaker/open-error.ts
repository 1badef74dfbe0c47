// What a caller gets from a circuit that does not admit it. `retryAfterMs` is read from the clock when somebody asks, so an
// error that is kept, or shared by all callers of an open time, never tells an old time.
import type { Clock } from '../clock.ts'
import { type ErrorEntry, type ErrorParts, SwitchgearError } from '../errors.ts'

/** What is documented of `SG_CIRCUIT_OPEN`. */
export const circuitOpenEntry: ErrorEntry = {
  code: 'SG_CIRCUIT_OPEN',
  title: 'The circuit breaker does not let the call through.',
  advice:
    'The dependency failed or was slow often enough, and calls fail fast until it had time to recover (`retryAfterMs`). ' +
    '`cause` tells the failure that opened the circuit. Declare a fallback for what can be answered without the dependency.',
}

/** What is documented of `SG_CIRCUIT_ISOLATED`. */
export const circuitIsolatedEntry: ErrorEntry = {
  code: 'SG_CIRCUIT_ISOLATED',
  title: 'An operator has isolated the circuit.',
  advice: 'It stays so until somebody releases it: `breaker.release()`. The message has the reason that was given.',
}

/** When an open time ends, and by which clock. */
export interface OpenTime {
  readonly clock: Clock
  readonly until: number
}

/** `SG_CIRCUIT_OPEN`: open, or half-open with all probes taken. */
export class CircuitOpenError extends SwitchgearError {
  readonly #openTime: OpenTime | undefined

  constructor(message: string, parts: ErrorParts, openTime: OpenTime | undefined) {
    super('SG_CIRCUIT_OPEN', message, parts)
    this.#openTime = openTime
  }

  /** Milliseconds until the circuit probes again; undefined when it does already and all probes are taken. */
  override get retryAfterMs(): number | undefined {
    const time = this.#openTime
    return time === undefined ? undefined : Math.max(0, time.until - time.clock.now())
  }
}

/** What is kept of the failure that opened a circuit: enough to tell, too little to keep a response or a socket alive. */
export interface FailureDigest {
  readonly name: string
  readonly message: string
  readonly code: string | number | undefined
  readonly status: number | undefined
}

/** Digests an error of any shape; undefined where nothing was thrown. Frozen, because many refusals carry the same one. */
export function digestOf(error: unknown): FailureDigest | undefined {
  if (error === undefined) return undefined
  try {
    return Object.freeze(
      typeof error === 'object' && error !== null
        ? read(error as Record<string, unknown>)
        : digest(typeof error, String(error)),
    )
  } catch {
    // A getter of the user's error threw. The caller gets the error itself; for the refusals there are no words.
    return digest('Error', 'its properties cannot be read')
  }
}

function read({ name, message, code, status, statusCode }: Record<string, unknown>): FailureDigest {
  const answered = status ?? statusCode
  return digest(
    typeof name === 'string' ? name : 'Error',
    typeof message === 'string' ? message : '',
    typeof code === 'string' || typeof code === 'number' ? code : undefined,
    typeof answered === 'number' ? answered : undefined,
  )
}

function digest(name: string, message: string, code?: string | number, status?: number): FailureDigest {
  return { name, message, code, status }
}
