// The chaos layer: faults on purpose, at a rate, for a limited time. It shows whether the policies around it do what they were
// chosen for. Invariant: after its time, and in production unless it was allowed there, it does nothing at all.
import type { Call, CallRecord, Cuttable } from './call.ts'
import { type Clock, systemClock, type Timer } from './clock.ts'
import type { Environment } from './environment.ts'
import { type ErrorEntry, stackless, SwitchgearError } from './errors.ts'
import { PolicyEvents } from './events.ts'
import { check, checkKeys, checkName, checkRange, type Duration, parseDuration } from './options.ts'
import type { Layer, Next } from './policy.ts'
import type { Random } from './random.ts'
import { rejected } from './rejection.ts'
import type { ChaosSnapshot } from './snapshot.ts'

/** What is documented of `SG_CHAOS`. */
export const chaosEntry: ErrorEntry = {
  code: 'SG_CHAOS',
  title: 'An error that was injected on purpose.',
  advice:
    'A `chaos` policy stands in the pipeline and is active; to every policy around it this is a failure like any other. ' +
    'It ends by itself after its `for`, or at once with `stop()`.',
}

/** Options of `chaos`. Rates are shares of the calls, in [0, 1]. */
export interface ChaosOptions {
  /** Name in errors, events and snapshots. Default 'chaos'. */
  readonly name?: string | undefined
  /**
   * How long it is active, from the compiling of its first pipeline or from `start()`. No default: a fault that nobody ends
   * is an outage.
   */
  readonly for: Duration
  /** Holds calls up by `delay`, of which chance takes away the share `jitter` at most (default 0). Default: none. */
  readonly latency?:
    | { readonly rate: number; readonly delay: Duration; readonly jitter?: number | undefined }
    | undefined
  /** Rejects calls with what `error` answers, without running them. Default: none; the default error is `SG_CHAOS`. */
  readonly errors?: { readonly rate: number; readonly error?: (() => unknown) | undefined } | undefined
  /** Lets calls hang until they are cut off by a timeout, a deadline or an abort; without one, for ever. Default: none. */
  readonly hangs?: { readonly rate: number } | undefined
  /** Which calls it may touch. Default: all. */
  readonly match?: ((call: Call) => boolean) | undefined
  /**
   * Whether it is active where `NODE_ENV` is 'production'. Default false: there it lets every call through untouched, and
   * its snapshot says `active: false`.
   */
  readonly allowInProduction?: boolean | undefined
}

const defaults = Object.freeze({
  name: 'chaos',
  for: undefined,
  latency: { rate: 0, delay: 0, jitter: 0 },
  errors: { rate: 0, error: undefined },
  hangs: { rate: 0 },
  match: (_call: Call): boolean => true,
  allowInProduction: false,
})

interface Faults {
  readonly forMs: number
  readonly latencyRate: number
  readonly delayMs: number
  readonly jitter: number
  readonly errorRate: number
  readonly error: (() => unknown) | undefined
  readonly hangRate: number
  readonly match: (call: Call) => boolean
  readonly allowed: boolean
}

/**
 * Injects latency, errors and hangs. **In production it is inactive unless `allowInProduction` is true**: making one there is
 * no error, so that the same code runs everywhere, but it does nothing. A call may be held up and then fail; one that hangs
 * does nothing else. With a seeded `random` of the pipeline the same calls are hit again.
 *
 * @example
 * const storm = chaos({ for: '10m', latency: { rate: 0.2, delay: '300ms', jitter: 0.5 }, errors: { rate: 0.05 } })
 * const orders = pipeline(timeout('1s'), retry(), circuitBreaker(), storm)
 * storm.stop()
 */
export function chaos(options: ChaosOptions): Chaos {
  return new Chaos(options)
}

/** The layer that `chaos` makes. It is active at once; its time counts by the clock of the first pipeline, from its compiling. */
export class Chaos implements Layer {
  readonly kind = 'layer'
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #options: ChaosOptions
  #faults: Faults
  #clock: Clock = systemClock
  #adopted = false
  /** Undefined while it does nothing: stopped, or its time is over. */
  #startedAt: number | undefined = this.#clock.now()
  readonly #totals = { delays: 0, errors: 0, hangs: 0 }

  constructor(options: ChaosOptions) {
    checkKeys(options, defaults, 'chaos')
    checkName(options.name, 'chaos')
    this.name = options.name ?? defaults.name
    this.#faults = faultsOf(options)
    this.#options = { ...options }
  }

  /** Changes options in place; `undefined` means the default again. Calls that are held up stay so; the time goes on. */
  update(options: Partial<ChaosOptions>): void {
    checkKeys(options, defaults, 'chaos')
    check((options.name ?? this.name) === this.name, 'chaos.name', 'left as it is in an update', options.name)
    const merged = { ...this.#options, ...options }
    this.#faults = faultsOf(merged)
    this.#options = merged
  }

  /** Begins anew, for the whole of its time. */
  start(): void {
    this.#startedAt = this.#clock.now()
  }

  /** Ends it now. Calls that it holds up already are let go at their time; those that hang stay so until they are cut off. */
  stop(): void {
    this.#startedAt = undefined
  }

  /** Milliseconds until it ends by itself; 0 when it has, was stopped, or may not be active here. */
  get remainingMs(): number {
    if (this.#startedAt === undefined || !this.#faults.allowed) return 0
    const leftMs = this.#startedAt + this.#faults.forMs - this.#clock.now()
    return Math.max(0, leftMs)
  }

  wrap(next: Next, environment: Environment): Next {
    if (!this.#adopted) {
      this.#adopted = true
      this.#clock = environment.clock
      // Not what is left of it: no moment of the host's time may slip into a simulation.
      if (this.#startedAt !== undefined) this.start()
    }
    return (call) => {
      if (this.remainingMs === 0) return next(call)
      try {
        return this.#faults.match(call) ? this.#strike(call, next, environment) : next(call)
      } catch (error) {
        // A function of the options threw: like everything here, that is a rejection.
        return rejected(error)
      }
    }
  }

  snapshot(): ChaosSnapshot {
    const { remainingMs } = this
    return { policy: 'chaos', name: this.name, active: remainingMs > 0, remainingMs, totals: { ...this.#totals } }
  }

  /** All dice are thrown at once and in this order, so that a seed tells what becomes of each call however calls overlap. */
  #strike(call: CallRecord, next: Next, { clock, random }: Environment): Promise<unknown> {
    const { latencyRate, delayMs, jitter, errorRate, error, hangRate } = this.#faults
    const hangs = hit(hangRate, random)
    const delay = hit(latencyRate, random) ? delayMs * (1 - (jitter === 0 ? 0 : jitter * random())) : 0
    const fails = hit(errorRate, random)
    if (hangs) {
      const held = new Held(call)
      this.#count('hang', call, Infinity)
      return held.forever()
    }
    const go = (): Promise<unknown> => {
      if (!fails) return next(call)
      this.#count('error', call, 0)
      return rejected(error === undefined ? this.#error(call) : error())
    }
    if (delay === 0) return go()
    // On the stack before anybody hears of it: a listener may cut the call off.
    const held = new Held(call)
    this.#count('latency', call, delay)
    return held.until(go, clock, delay)
  }

  #error(call: Call): SwitchgearError {
    const message = `${call.name === '' ? this.name : `${call.name}: ${this.name}`}: an injected error`
    return stackless(() => new SwitchgearError('SG_CHAOS', message, { policy: this.name, pipeline: call.name }))
  }

  #count(fault: 'latency' | 'error' | 'hang', call: Call, delayMs: number): void {
    this.#totals[fault === 'latency' ? 'delays' : fault === 'error' ? 'errors' : 'hangs']++
    if (this.events.heard) {
      this.events.publish({ type: 'chaos', policy: this.name, pipeline: call.name, fault, delayMs }, call)
    }
  }
}

/** A call that is held up. Cut off, it starts nothing more, and its promise stays open: somebody further out has answered. */
class Held implements Cuttable {
  below: Cuttable | null = null
  readonly #call: CallRecord
  #timer: Timer | undefined = undefined
  #over = false

  constructor(call: CallRecord) {
    this.#call = call
    if (call.top !== null) call.push(this)
  }

  forever(): Promise<never> {
    return new Promise(() => undefined)
  }

  until(go: () => Promise<unknown>, clock: Clock, ms: number): Promise<unknown> {
    if (this.#over) return this.forever()
    return new Promise<void>((resolve) => {
      this.#timer = clock.setTimer(resolve, ms)
    }).then(() => {
      if (this.#over) return this.forever()
      if (this.#call.top === this) this.#call.top = this.below
      return go()
    })
  }

  cut(): void {
    this.#over = true
    this.#timer?.cancel()
  }
}

function hit(rate: number, random: Random): boolean {
  return rate > 0 && random() < rate
}

function faultsOf(options: ChaosOptions): Faults {
  const { latency = defaults.latency, errors = defaults.errors, hangs = defaults.hangs } = options
  const { match = defaults.match, allowInProduction = defaults.allowInProduction } = options
  checkKeys(latency, defaults.latency, 'chaos.latency')
  checkKeys(errors, defaults.errors, 'chaos.errors')
  checkKeys(hangs, defaults.hangs, 'chaos.hangs')
  const jitter = latency.jitter ?? 0
  checkRange(latency.rate, 'chaos.latency.rate', 0, 1)
  checkRange(jitter, 'chaos.latency.jitter', 0, 1)
  checkRange(errors.rate, 'chaos.errors.rate', 0, 1)
  checkRange(hangs.rate, 'chaos.hangs.rate', 0, 1)
  const { error } = errors
  check(error === undefined || typeof error === 'function', 'chaos.errors.error', 'a function', error)
  check(typeof match === 'function', 'chaos.match', 'a function', match)
  check(typeof allowInProduction === 'boolean', 'chaos.allowInProduction', 'true or false', allowInProduction)
  return {
    forMs: parseDuration(options.for, 'chaos.for', 1),
    latencyRate: latency.rate,
    delayMs: parseDuration(latency.delay, 'chaos.latency.delay'),
    jitter,
    errorRate: errors.rate,
    error,
    hangRate: hangs.rate,
    match,
    allowed: allowInProduction || !inProduction(),
  }
}

function inProduction(): boolean {
  const host = globalThis as { readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> } }
  try {
    return host.process?.env?.NODE_ENV === 'production'
  } catch {
    // A runtime that may not read its environment (Deno without permission) might be anywhere, so it counts as production.
    return true
  }
}
