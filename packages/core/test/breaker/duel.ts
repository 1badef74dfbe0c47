// A breaker and its model, playing one story side by side. What both know is compared as it happens: every admission, and
// the whole state whenever the story says 'look'; in between nobody looks, so that lateness itself is under test.
import assert from 'node:assert/strict'
import type { CircuitBreakerOptions, Outcome } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Model, type ModelOptions, type ModelTicket } from './model.ts'
import { Rig } from './rig.ts'
import type { Step, Story } from './story.ts'

/** An admitted call, on the breaker's side. */
export interface Running {
  settle(outcome: Outcome, error: unknown): void
  exit(): void
}

/** A call on both sides. */
export interface Pair {
  readonly trial: Running
  readonly ticket: ModelTicket
}

/** A breaker and its model, played step by step. */
export class Duel {
  readonly rig: Rig
  readonly model: Model
  /** Calls that have not exited. */
  readonly running: Pair[] = []
  /** How often each kind of thing happened, so that a test can show that its stories reach everything. */
  readonly seen: Map<string, number>
  /** Whose one further settle is used up. */
  readonly #broken = new WeakSet<Pair>()

  constructor({ options, now }: Story, seen: Map<string, number> = new Map()) {
    this.seen = seen
    this.rig = new Rig(options satisfies CircuitBreakerOptions, new VirtualClock({ now }))
    this.model = new Model(options)
  }

  get now(): number {
    return this.rig.clock.now()
  }

  step(step: Step): void {
    if ('chance' in step) this.rig.chance = step.chance
    const { rig, model, now } = this
    const { breaker } = rig
    const { chance } = rig
    switch (step.do) {
      case 'enter':
        return this.enter()
      case 'look':
        return this.compare()
      case 'settle':
        return this.settle(this.running[step.pick % this.running.length], step.outcome)
      case 'end': {
        const pair = this.running[step.pick % this.running.length]
        this.settle(pair, step.outcome)
        return this.exit(pair)
      }
      case 'exit':
        return this.exit(this.running[step.pick % this.running.length])
      case 'advance':
        return rig.clock.advanceSync(step.ms)
      case 'edge':
        return rig.clock.advanceSync(model.due < Infinity ? Math.max(0, model.due - now + step.off) : 0)
      case 'isolate':
        breaker.isolate('step')
        return model.isolate(now, chance)
      case 'disable':
        breaker.disable()
        return model.disable(now, chance)
      case 'release':
        breaker.release({ to: step.to })
        return model.release(step.to, now, chance)
      case 'update':
        return this.#update(step.options)
      default: {
        const snapshot = breaker.snapshot()
        rig.clock.wallOffset += step.passed
        breaker.restore(snapshot)
        return model.restore(step.passed, now, chance)
      }
    }
  }

  enter(): void {
    const trial = this.admit()
    const ticket = this.model.enter(this.now, this.rig.chance)
    assert.equal(trial !== undefined, ticket !== undefined, `admitted while ${this.model.phase.state}`)
    this.#note(
      `${this.model.phase.state} ${ticket === undefined ? 'refuses' : ticket.spectator ? 'watches' : 'admits'}`,
    )
    if (trial === undefined || ticket === undefined) return
    this.running.push({ trial, ticket })
    if (ticket.spectator) return
    // Said directly, without the model's help: nothing starts while it is open, and probes are bounded.
    const { state, probesInFlight } = this.rig.snapshot
    assert.ok(state !== 'open' && state !== 'isolated', `admitted while ${state}`)
    assert.ok(probesInFlight <= this.model.options.halfOpenCalls, `${probesInFlight} probes`)
  }

  /** By the contract of a gate: once, and after a success once more as a failure. */
  settle(pair: Pair | undefined, outcome: Outcome): void {
    if (pair === undefined) return
    const { trial, ticket } = pair
    if (ticket.settled && (outcome !== 'failure' || this.#broken.has(pair))) return
    if (ticket.settled) this.#broken.add(pair)
    this.#note(`${ticket.phase === this.model.phase ? 'timely' : 'stale'} ${outcome}`)
    trial.settle(outcome, new Error(outcome))
    this.model.settle(ticket, outcome, this.now, this.rig.chance)
    if (outcome !== 'success') this.#broken.add(pair)
  }

  /** An exit without a settle settles 'ignored', as the kernel does. */
  exit(pair: Pair | undefined): void {
    if (pair === undefined) return
    if (!pair.ticket.settled) this.settle(pair, 'ignored')
    pair.trial.exit()
    pair.ticket.exited = true
    this.running.splice(this.running.indexOf(pair), 1)
  }

  /** Everything that both sides know. */
  compare(): void {
    const { rig, model, now } = this
    model.look(now, rig.chance)
    const snapshot = rig.snapshot
    const rows = model.window(now)
    this.#note(`saw ${model.phase.state}`)
    assert.deepEqual(
      {
        state: rig.state,
        reopenings: snapshot.reopenings,
        openRemainingMs: snapshot.openRemainingMs,
        probesInFlight: snapshot.probesInFlight,
        totals: snapshot.totals,
        window: windowed(model) ? snapshot.window : undefined,
        consecutiveFailures: model.phase.probing ? undefined : snapshot.consecutiveFailures,
        transitions: rig.transitions,
        wouldReject: rig.count('wouldReject'),
        rejected: rig.count('rejected'),
        timers: rig.clock.pending,
      },
      {
        state: model.phase.state,
        reopenings: model.reopenings,
        openRemainingMs: model.phase.state === 'open' ? model.phase.until - now : 0,
        probesInFlight: model.probes.length,
        totals: model.totals,
        window: windowed(model)
          ? {
              calls: rows.length,
              failures: rows.filter((row) => row.outcome === 'failure').length,
              slow: rows.filter((row) => row.slow).length,
            }
          : undefined,
        consecutiveFailures: model.phase.probing ? undefined : model.failuresInRow(),
        transitions: model.transitions,
        wouldReject: model.wouldReject,
        rejected: model.totals.rejections,
        timers: 0,
      },
    )
  }

  protected admit(): Running | undefined {
    return this.rig.enter()
  }

  #update(options: Partial<ModelOptions>): void {
    const now = this.model.options
    // A trigger that is off stays off: what a window recorded while nobody looked at it is not the law's affair.
    if (options.failureRatio !== undefined && now.failureRatio === undefined) return
    if (options.slowCallRatio !== undefined && now.slowCallRatio === undefined) return
    this.rig.breaker.update(options)
    this.model.update(options, this.now, this.rig.chance)
  }

  #note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }
}

const windowed = ({ options }: Model): boolean =>
  options.failureRatio !== undefined || options.slowCallRatio !== undefined
