// The book-keeping of a registered pipeline, as its outermost gate: calls by outcome, calls in flight, and the time of the
// last one, by which a registry knows what it may forget. It never refuses.
import type { Call } from './call.ts'
import type { Outcome } from './classify.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Environment } from './environment.ts'
import { SwitchgearError } from './errors.ts'
import type { Gate } from './policy.ts'
import type { PipelineSnapshot } from './snapshot.ts'

/** Counts the calls of one pipeline. */
export class Tally implements Gate {
  readonly kind = 'gate'
  readonly ignoresCall = true
  readonly name = 'tally'
  clock: Clock = systemClock
  /** Monotonic milliseconds at which the last call in flight ended; while one is in flight nobody asks. */
  lastUsedAt = 0
  inFlight = 0
  /** Set by the registry when it forgot this pipeline; the next call then registers it again. */
  onCall: (() => void) | undefined = undefined
  #successes = 0
  #failures = 0
  #ignored = 0

  adopt({ clock }: Environment): void {
    this.clock = clock
    this.lastUsedAt = clock.now()
  }

  enter(): number {
    this.inFlight++
    this.onCall?.()
    return 0
  }

  settle(_call: Call, _ticket: number, outcome: Outcome): void {
    if (outcome === 'success') this.#successes++
    else if (outcome === 'failure') this.#failures++
    else this.#ignored++
  }

  exit(): void {
    if (--this.inFlight === 0) this.lastUsedAt = this.clock.now()
  }

  /** It never refuses, so nobody asks; the contract of a gate has the method all the same. */
  refusal(call: Call): SwitchgearError {
    return new SwitchgearError('SG_BAD_OPTIONS', `${call.name}: a tally refuses nothing`)
  }

  /** What a snapshot shows. */
  totals(): NonNullable<PipelineSnapshot['calls']> {
    return {
      successes: this.#successes,
      failures: this.#failures,
      ignored: this.#ignored,
      inFlight: this.inFlight,
    }
  }
}
