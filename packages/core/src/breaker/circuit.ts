// The law of the circuit breaker: a state machine with injected time and chance and without timers. What time alone
// changes is applied at the next look, as if it had happened on time. Every state and every phase of half-open is a
// generation; a ticket says in which it was given, and a result of an earlier generation changes nothing here.
import type { Outcome } from '../classify.ts'
import type { Clock } from '../clock.ts'
import type { CircuitState } from '../events.ts'
import type { Random } from '../random.ts'
import { Allies } from './allies.ts'
import { digestOf, type FailureDigest } from './open-error.ts'
import type { Rules } from './options.ts'
import { Probes } from './probes.ts'
import { easyFactor, Ramp } from './ramp.ts'
import { Slowness } from './slowness.ts'
import { CountWindow, TimeWindow, type Window } from './window.ts'

// A ticket is generation * stride + slot. Slot 0 is an ordinary call, 1 to 1000 a probe, the last one a spectator: a call
// that runs only because the breaker merely observes, and from which nothing is learned.
/** Tickets between the first of one generation and the first of the next. */
export const stride = 1024
/** The slot of a call that is only looked at. */
export const spectator: number = stride - 1

/** A refused ticket: the circuit is open. */
export const refusedOpen = -1
/** A refused ticket: an operator has isolated it. */
export const refusedIsolated = -2
/** A refused ticket: all probes are taken. */
export const refusedProbing = -3
/** A refused ticket: chance left it out of the growing share. */
export const refusedRamp = -4

/** Hears of each transition, after it is complete. */
export type OnTransition = (from: CircuitState, to: CircuitState, at: number, reason: string) => void

/** One circuit. `now` is always monotonic milliseconds of the clock that it was given. */
export class Circuit {
  #rules: Rules
  clock: Clock
  random: Random
  state: CircuitState = 'closed'
  /** The ticket of an ordinary call of this generation. */
  base = 0
  /**
   * `base` while the circuit is closed and looks at nothing but failures in a row, else -1: the hot path of a breaker is one
   * comparison with it.
   */
  plain = 0
  /** Why it is in this state, in words for a person. */
  reason = 'new'
  /** End of the open time, or of the ramp. */
  until = 0
  /** The words of the failure that opened it. */
  cause: FailureDigest | undefined = undefined
  /** How often it re-opened in a row. */
  reopenings = 0
  transitions = 0
  failuresInRow = 0
  /** Present while probing; half-open without it is the ramp. */
  probes: Probes | undefined = undefined
  /** Made at the first call that needs it, so that an idle breaker holds none. */
  window: Window | undefined = undefined
  /** Failures that time itself declared: probes that did not end. */
  hungProbes = 0
  readonly slowness: Slowness = new Slowness()
  /** Present while half-open, where there is one. */
  #ramp: Ramp | undefined = undefined
  /** Its place in a fleet, once a pipeline has named it. */
  allies: Allies | undefined = undefined
  /** How often its fleet gave no answer. */
  fleetErrors = 0
  #key: string | undefined = undefined
  /** Probes in flight that the present fleet does not know of, because it came later. */
  #unpaid = 0
  readonly #onTransition: OnTransition

  constructor(rules: Rules, clock: Clock, random: Random, onTransition: OnTransition) {
    this.#rules = rules
    this.clock = clock
    this.random = random
    this.#onTransition = onTransition
    this.slowness.set(rules.slowCallMs, rules.slowCallFactor)
    this.#refresh()
  }

  get rules(): Rules {
    return this.#rules
  }

  set rules(rules: Rules) {
    this.#rules = rules
    this.slowness.set(rules.slowCallMs, rules.slowCallFactor)
    this.#ally()
    this.#refresh()
  }

  /** From now on it is this circuit for its fleet. */
  join(key: string): void {
    this.#key = key
    this.#ally()
  }

  /** A ticket for a call that wants to start when the circuit is not simply closed; negative ones say why not. */
  admit(now: number): number {
    this.advance(now)
    switch (this.state) {
      case 'open':
        return refusedOpen
      case 'isolated':
        return refusedIsolated
      case 'half-open':
        return this.probes === undefined ? this.#admitToRamp(now) : this.#admitProbe(this.probes, now)
      default:
        return this.base
    }
  }

  /**
   * A result arrives at `now` for a ticket of any generation. `slow` is false where slow calls are no trigger. If it opens
   * the circuit, the words of `error` are kept, before anybody hears of the transition. `tookMs` is 0 where calls are not timed.
   */
  learn(ticket: number, outcome: Outcome, slow: boolean, now: number, error: unknown, tookMs: number): void {
    // Time first: what fell due before this result happened before it, and may have made its ticket stale.
    this.advance(now)
    const slot = ticket - this.base
    if (slot < 0 || slot >= spectator) return
    if (this.#ramp !== undefined && this.state === 'half-open') this.#pace(this.#ramp, outcome, slow, now, tookMs)
    if (this.probes !== undefined) this.#learnProbe(this.probes, slot, outcome, slow, now, error)
    else if (this.state === 'closed' || this.state === 'half-open') this.#learnCall(outcome, slow, now, error)
  }

  /** Frees the slot of a probe of this generation. */
  free(ticket: number): void {
    const slot = ticket - this.base
    if (slot <= 0 || slot >= spectator || this.probes === undefined) return
    this.probes.release(slot)
    if (this.#unpaid > 0) this.#unpaid--
    else this.allies?.returnProbes(1)
  }

  /** Applies every change that time alone has brought by `now`, in the order in which it happened. */
  advance(now: number): void {
    for (;;) {
      if (this.state === 'open' && now >= this.until) {
        this.probe(this.until, 'the open time is over')
      } else if (this.probes !== undefined) {
        const due = this.probes.oldest() + this.rules.probeTimeoutMs
        if (now < due) return
        this.hungProbes++
        this.#open(due, `a probe did not end within ${this.rules.probeTimeoutMs} ms`, this.reopenings + 1)
      } else if (this.state === 'half-open' && now >= this.until) {
        this.close(this.until, 'the ramp is complete')
      } else {
        return
      }
    }
  }

  /** To half-open, the probing phase. */
  probe(at: number, reason: string): void {
    this.#ramp = this.rules.rampForMs > 0 ? new Ramp() : undefined
    this.move('half-open', at, reason, new Probes())
  }

  close(at: number, reason: string): void {
    this.reopenings = 0
    this.cause = undefined
    this.#ramp = undefined
    this.move('closed', at, reason)
  }

  /** Opens from a state that is not a re-opening. */
  open(at: number, reason: string): void {
    this.#open(at, reason, 0)
  }

  /** Every transition, of every kind. The listener comes last, because it may call back into the circuit. */
  move(to: CircuitState, at: number, reason: string, probes?: Probes): void {
    const from = this.state
    const probing = this.probes?.inFlight ?? 0
    this.state = to
    this.reason = reason
    this.base += stride
    this.probes = probes
    this.failuresInRow = 0
    this.window?.clear()
    this.transitions++
    this.#refresh()
    const unpaid = this.#unpaid
    this.#unpaid = 0
    if (this.allies !== undefined) {
      // Probes of a phase that is over are nobody's any more, although their calls may still run.
      this.allies.returnProbes(probing - unpaid)
      this.#tell(this.allies)
    }
    this.#onTransition(from, to, at, reason)
  }

  #ally(): void {
    const { fleet } = this.rules
    if (this.#key === undefined || fleet === this.allies?.fleet) return
    const probing = this.probes?.inFlight ?? 0
    this.allies?.returnProbes(probing - this.#unpaid)
    this.allies?.report('closed', Infinity)
    this.#unpaid = probing
    this.allies = fleet && new Allies(fleet, this.#key, () => this.fleetErrors++)
    if (this.allies !== undefined && this.state !== 'closed') this.#tell(this.allies)
  }

  #tell(allies: Allies): void {
    allies.report(this.state, this.state === 'open' ? this.until - this.clock.now() : Infinity)
  }

  #refresh(): void {
    this.plain = this.state === 'closed' && !this.#rules.windowed ? this.base : -1
  }

  #open(at: number, reason: string, reopenings: number): void {
    const { openForMs, openForMaxMs, openForFactor, jitter } = this.rules
    this.reopenings = reopenings
    const grown = Math.min(openForMaxMs, openForMs * openForFactor ** reopenings)
    const spread = jitter === 0 ? 1 : 1 + jitter * (2 * this.random() - 1)
    this.until = at + Math.min(openForMaxMs, grown * spread)
    this.move('open', at, reason)
  }

  #admitProbe(probes: Probes, now: number): number {
    const slot = probes.take(now, this.rules.halfOpenCalls)
    if (slot === 0) return refusedProbing
    if (this.allies === undefined || this.allies.takeProbe(this.rules.probeTimeoutMs)) return this.base + slot
    probes.release(slot)
    return refusedProbing
  }

  #admitToRamp(now: number): number {
    return this.random() < (this.#ramp?.share(now) ?? 1) ? this.base : refusedRamp
  }

  #learnProbe(probes: Probes, slot: number, outcome: Outcome, slow: boolean, now: number, error: unknown): void {
    if (slot === 0) return
    probes.settle(slot)
    if (outcome === 'failure' || slow) {
      this.cause = digestOf(error)
      this.#open(now, outcome === 'failure' ? 'a probe failed' : 'a probe was slow', this.reopenings + 1)
    } else if (outcome === 'success' && ++probes.successes >= this.rules.successesToClose) {
      if (this.rules.rampForMs > 0) this.#begin((this.#ramp ??= new Ramp()), now)
      else this.close(now, `${probes.successes} probes succeeded`)
    }
  }

  #begin(ramp: Ramp, now: number): void {
    ramp.begin(now, this.rules.rampForMs, this.rules.rampSpeedUp)
    this.until = ramp.endsAt
    this.move('half-open', now, 'the probes succeeded, the admitted share grows')
  }

  /** While the dependency answers as well as usual, the ramp passes faster. */
  #pace(ramp: Ramp, outcome: Outcome, slow: boolean, now: number, tookMs: number): void {
    if (outcome === 'ignored') return
    ramp.learn(outcome === 'success' && !slow && tookMs <= easyFactor * (this.slowness.usualMs ?? Infinity), now)
    if (this.probes === undefined) this.until = ramp.endsAt
  }

  /** A result while closed or in the ramp: the same triggers decide. */
  #learnCall(outcome: Outcome, slow: boolean, now: number, error: unknown): void {
    const failed = outcome === 'failure'
    if (failed) this.failuresInRow++
    else if (outcome === 'success') this.failuresInRow = 0
    // An abort counts nowhere, unless it came so late that the call was slow.
    if (this.rules.windowed && (outcome !== 'ignored' || slow)) this.storage().record(now, failed, slow)
    const reason = failed || slow ? (this.#tripped() ?? (failed ? this.#outvoted() : undefined)) : undefined
    if (reason === undefined) return
    this.cause = digestOf(error)
    this.#open(now, reason, this.state === 'half-open' ? this.reopenings + 1 : 0)
  }

  /** Why the circuit must open now, if it must. Thresholds are inclusive: 7 / 100 is 0.07, where 0.07 * 100 is more than 7. */
  #tripped(): string | undefined {
    const { rules, window, failuresInRow } = this
    if (failuresInRow >= rules.consecutiveFailures) return `${failuresInRow} failures in a row`
    if (window === undefined || window.calls < rules.minimumThroughput) return undefined
    const { calls, failures, slow } = window
    if (failures / calls >= rules.failureRatio) return `${failures} of ${calls} calls failed`
    if (slow / calls >= rules.slowCallRatio) return `${slow} of ${calls} calls were slow`
    return undefined
  }

  #outvoted(): string | undefined {
    return this.allies?.agreement(this.rules.fleetQuorum)
  }

  /** The window, made when the first result needs it. */
  storage(): Window {
    const { windowMs, windowCalls } = this.rules
    return (this.window ??= windowMs > 0 ? new TimeWindow(windowMs) : new CountWindow(windowCalls))
  }
}
