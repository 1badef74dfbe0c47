// The circuit breaker as a gate: it times calls where slow ones count, keeps the totals, builds refusals, publishes
// events, and lets an operator isolate, disable and release it. When it opens and closes is the law of `circuit.ts`.
import type { Call } from '../call.ts'
import type { Outcome } from '../classify.ts'
import { systemClock } from '../clock.ts'
import type { Environment } from '../environment.ts'
import { OptionsError, stackless, SwitchgearError } from '../errors.ts'
import { type CircuitState, PolicyEvents } from '../events.ts'
import { observing } from '../observer.ts'
import { check, checkObject } from '../options.ts'
import type { Gate } from '../policy.ts'
import { systemRandom } from '../random.ts'
import type { CircuitBreakerSnapshot } from '../snapshot.ts'
import { Circuit, refusedIsolated, refusedOpen, refusedProbing, spectator } from './circuit.ts'
import { CircuitOpenError } from './open-error.ts'
import { type CircuitBreakerOptions, defaultRules, rulesOf } from './options.ts'
import { checkSnapshot } from './restoration.ts'

/**
 * Fails fast while a dependency is down: after 5 failures in a row it opens for 5 s, then lets 3 probes through, and
 * closes when they succeed. The object is its state: given to two pipelines it is one breaker for both.
 *
 * @example
 * const payments = pipeline(circuitBreaker({ failureRatio: 0.5, window: '30s' }), timeout('800ms'))
 */
export function circuitBreaker(options?: CircuitBreakerOptions): CircuitBreaker {
  return new CircuitBreaker(options)
}

/** The gate that `circuitBreaker` makes. */
export class CircuitBreaker implements Gate {
  readonly kind = 'gate'
  readonly name: string
  #options: CircuitBreakerOptions
  readonly #circuit: Circuit
  #adopted = false
  #events: PolicyEvents | undefined = undefined
  #shared: SwitchgearError | undefined = undefined
  #successes = 0
  #failures = 0
  #ignored = 0
  #slow = 0
  #rejections = 0

  constructor(options: CircuitBreakerOptions = noOptions) {
    const rules = options === noOptions ? defaultRules : rulesOf(options)
    this.#options = options === noOptions ? options : { ...options }
    this.name = options.name ?? 'circuitBreaker'
    this.#circuit = new Circuit(rules, systemClock, systemRandom, (from, to, at, reason) => {
      this.#shared = undefined
      if (this.#events?.heard ?? observing() !== undefined) {
        this.events.publish({ type: 'transition', policy: this.name, from, to, at, reason })
      }
    })
  }

  /** Transitions, rejections and would-be rejections. */
  get events(): PolicyEvents {
    return (this.#events ??= new PolicyEvents())
  }

  /** The state at this moment; both phases of half-open are 'half-open'. */
  get state(): CircuitState {
    this.#circuit.advance(this.#circuit.clock.now())
    return this.#circuit.state
  }

  /** Only a breaker that looks for slow calls needs to know when a call began. */
  get ignoresCall(): boolean {
    return !this.#circuit.rules.timesCalls
  }

  /** The first pipeline that compiles it gives it time and chance; a later one shares the state as it is. */
  adopt({ name, clock, random }: Environment): void {
    if (this.#adopted) return
    const names = name !== '' || this.#circuit.rules.fleet === undefined
    // Instances find each other by the name, and every nameless circuit would be taken for the same.
    if (!names) throw new OptionsError('circuitBreaker.fleet needs a pipeline with a name')
    this.#adopted = true
    // What was restored before stands on the old clock; what remains of it is the same on the new one.
    this.#circuit.until += clock.now() - this.#circuit.clock.now()
    this.#circuit.clock = clock
    this.#circuit.random = random
    if (name !== '') this.#circuit.join(`${name}/${this.name}`)
  }

  enter(call: Call): number {
    const circuit = this.#circuit
    // Closed is left only by a result, never by time: the clock need not be read.
    if (circuit.plain >= 0) return circuit.plain
    const ticket = circuit.state === 'closed' ? circuit.base : this.#admit(call, circuit)
    // A getter that reads the clock once per try; who asks first decides what counts as the start.
    if (circuit.rules.timesCalls && ticket >= 0) void call.startedAt
    return ticket
  }

  settle(call: Call, ticket: number, outcome: Outcome, error?: unknown): void {
    const circuit = this.#circuit
    if (ticket === circuit.plain && outcome === 'success') {
      this.#successes++
      circuit.failuresInRow = 0
    } else if (circuit.state === 'closed' && ticket === circuit.base && outcome === 'success') {
      this.#succeed(call, ticket)
    } else if (circuit.state !== 'disabled') {
      this.#learn(call, ticket, outcome, error)
    }
  }

  exit(_call: Call, ticket: number): void {
    if (ticket !== this.#circuit.plain) this.#circuit.free(ticket)
  }

  refusal(call: Call, ticket: number): SwitchgearError {
    const shares = this.#circuit.rules.sharedError && ticket === refusedOpen
    if (!shares) return this.#refuse(call, ticket)
    if (this.#shared === undefined) {
      this.#shared = this.#refuse(call, ticket)
      // Many callers hold it: none of them may write to it.
      Object.freeze(this.#shared)
    }
    return this.#shared
  }

  /** Refuses every call until `release`. `reason` is for the next person who looks. */
  isolate(reason: string): void {
    this.#operate('isolated', reason)
  }

  /** Admits every call and records nothing until `release`. */
  disable(reason = 'disabled by an operator'): void {
    this.#operate('disabled', reason)
  }

  /** Ends `isolate` or `disable`; without one of them it changes nothing. By default the dependency is probed first. */
  release({ to = 'half-open' }: { to?: 'half-open' | 'closed' | 'open' } = {}): void {
    check(releases.includes(to), 'circuitBreaker.release.to', `one of ${releases.join(', ')}`, to)
    const circuit = this.#circuit
    if (circuit.state !== 'isolated' && circuit.state !== 'disabled') return
    const now = circuit.clock.now()
    const reason = 'released by an operator'
    if (to === 'closed') circuit.close(now, reason)
    else if (to === 'open') circuit.open(now, reason)
    else circuit.probe(now, reason)
  }

  /**
   * Changes options in place; those not named stay. Tickets stay valid, an open circuit keeps its time, a lower threshold
   * acts at the next failure. A changed window starts empty. Throws `SG_BAD_OPTIONS` and then changes nothing.
   */
  update(options: CircuitBreakerOptions): void {
    checkObject(options, 'circuitBreaker')
    check((options.name ?? this.name) === this.name, 'circuitBreaker.name', 'left as it is in an update', options.name)
    const merged = { ...this.#options, ...options }
    const rules = rulesOf(merged)
    const circuit = this.#circuit
    circuit.advance(circuit.clock.now())
    const { windowMs, windowCalls, windowed } = circuit.rules
    // A window that was not fed for a while would mix old results with new ones.
    if (rules.windowMs !== windowMs || rules.windowCalls !== windowCalls || !windowed) circuit.window = undefined
    this.#options = merged
    circuit.rules = rules
  }

  snapshot(): CircuitBreakerSnapshot {
    const circuit = this.#circuit
    const now = circuit.clock.now()
    circuit.advance(now)
    circuit.window?.age(now)
    const { state, window, probes } = circuit
    return {
      policy: 'circuitBreaker',
      version: 1,
      name: this.name,
      state,
      reopenings: circuit.reopenings,
      openRemainingMs: state === 'open' ? circuit.until - now : 0,
      takenAt: circuit.clock.wallNow(),
      reason: circuit.reason,
      mode: circuit.rules.observes ? 'observe' : 'protect',
      consecutiveFailures: circuit.failuresInRow,
      window: { calls: window?.calls ?? 0, failures: window?.failures ?? 0, slow: window?.slow ?? 0 },
      probesInFlight: probes?.inFlight ?? 0,
      slowFromMs: circuit.rules.timesCalls ? circuit.slowness.fromMs : undefined,
      usualMs: circuit.slowness.usualMs,
      totals: {
        successes: this.#successes,
        failures: this.#failures + circuit.hungProbes,
        ignored: this.#ignored,
        slow: this.#slow,
        rejections: this.#rejections,
        transitions: circuit.transitions,
        fleetErrors: circuit.fleetErrors,
      },
    }
  }

  /**
   * Takes over the state of a snapshot, less the wall time that has passed since; totals are not taken over. Half-open comes
   * back as open with nothing remaining, since its probes are gone. Throws `SG_BAD_OPTIONS` for what is not a snapshot.
   */
  restore(snapshot: CircuitBreakerSnapshot): void {
    checkSnapshot(snapshot)
    const { state, openRemainingMs, takenAt, reopenings, usualMs } = snapshot
    const circuit = this.#circuit
    const now = circuit.clock.now()
    const reason = snapshot.reason ?? 'restored'
    circuit.advance(now)
    // A wall clock that was set back must not lengthen the open time.
    const passed = Math.max(0, circuit.clock.wallNow() - takenAt)
    circuit.reopenings = reopenings
    if (usualMs !== undefined) circuit.slowness.restore(usualMs)
    const remainingMs = Math.min(openRemainingMs - passed, circuit.rules.openForMaxMs)
    circuit.until = now + (state === 'open' ? Math.max(0, remainingMs) : 0)
    circuit.move(state === 'half-open' ? 'open' : state, now, reason)
  }

  #admit(call: Call, circuit: Circuit): number {
    const ticket = circuit.admit(circuit.clock.now())
    if (ticket >= 0) return ticket
    const { observes } = circuit.rules
    if (!observes) this.#rejections++
    if (this.#events?.heard ?? observing() !== undefined) {
      const code = ticket === refusedIsolated ? 'SG_CIRCUIT_ISOLATED' : 'SG_CIRCUIT_OPEN'
      const type = observes ? 'wouldReject' : 'rejected'
      const { state } = circuit
      this.events.publish({ type, policy: this.name, pipeline: call.name, code, state }, call)
    }
    return observes ? circuit.base + spectator : ticket
  }

  /** A success while closed goes to the window. Time cannot have changed anything, and a fast success opens nothing. */
  #succeed(call: Call, ticket: number): void {
    const circuit = this.#circuit
    const now = circuit.clock.now()
    if (circuit.rules.timesCalls) {
      const tookMs = now - call.startedAt
      if (tookMs >= circuit.slowness.fromMs) return this.#learn(call, ticket, 'success', undefined)
      if (circuit.rules.slowCallFactor > 0) circuit.slowness.learn(tookMs, now)
    }
    circuit.storage().record(now, false, false)
    this.#successes++
    circuit.failuresInRow = 0
  }

  #learn(call: Call, ticket: number, outcome: Outcome, error: unknown): void {
    const circuit = this.#circuit
    const now = circuit.clock.now()
    const { timesCalls, slowCallFactor } = circuit.rules
    const tookMs = timesCalls ? now - call.startedAt : 0
    const slow = timesCalls && tookMs >= circuit.slowness.fromMs
    if (slow) this.#slow++
    if (outcome === 'success') this.#successes++
    else if (outcome === 'failure') this.#failures++
    else this.#ignored++
    if (outcome === 'success' && slowCallFactor > 0) circuit.slowness.learn(tookMs, now)
    circuit.learn(ticket, outcome, slow, now, error, tookMs)
  }

  #refuse(call: Call, ticket: number): SwitchgearError {
    const circuit = this.#circuit
    const who = call.name === '' ? this.name : call.name
    const parts = { policy: this.name, pipeline: call.name, cause: circuit.cause, refusal: true }
    return stackless(() => {
      if (ticket === refusedOpen) {
        const { clock, until } = circuit
        return new CircuitOpenError(`${who}: the circuit is open (${circuit.reason})`, parts, { clock, until })
      }
      if (ticket === refusedIsolated) {
        return new SwitchgearError('SG_CIRCUIT_ISOLATED', `${who}: the circuit is isolated (${circuit.reason})`, parts)
      }
      const why = ticket === refusedProbing ? 'all probes are taken' : 'the admitted share grows'
      return new CircuitOpenError(`${who}: the circuit is half-open, ${why}`, parts, undefined)
    })
  }

  #operate(to: 'isolated' | 'disabled', reason: string): void {
    check(typeof reason === 'string', `circuitBreaker: the reason for being ${to}`, 'a text', reason)
    const circuit = this.#circuit
    const now = circuit.clock.now()
    circuit.advance(now)
    circuit.move(to, now, reason)
  }
}

const releases: readonly string[] = ['half-open', 'closed', 'open']
const noOptions: CircuitBreakerOptions = Object.freeze({})
