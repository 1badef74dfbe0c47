// What may be restored. A snapshot comes from a file or another process, so every field that is used is checked; whatever is
// wrong with it, the breaker stays as it was.
import { OptionsError } from '../errors.ts'
import type { CircuitState } from '../events.ts'
import type { CircuitBreakerSnapshot } from '../snapshot.ts'

const states: readonly CircuitState[] = ['closed', 'open', 'half-open', 'isolated', 'disabled']

/** Throws `SG_BAD_OPTIONS` unless it is the snapshot of a circuit breaker, of a version that is known. */
export function checkSnapshot(snapshot: CircuitBreakerSnapshot): void {
  const { policy, version, state, openRemainingMs, takenAt, reopenings, reason, usualMs } = snapshot ?? {}
  if (version !== 1)
    throw new OptionsError(`circuitBreaker.restore: version ${String(version)} is not known, only 1 is`)
  const sound =
    policy === 'circuitBreaker' &&
    states.includes(state) &&
    [openRemainingMs, takenAt].every((ms) => Number.isFinite(ms) && ms >= 0) &&
    Number.isInteger(reopenings) &&
    reopenings >= 0 &&
    (usualMs === undefined || (Number.isFinite(usualMs) && usualMs > 0)) &&
    (reason === undefined || typeof reason === 'string')
  if (!sound) throw new OptionsError('circuitBreaker.restore: this is not the snapshot of a circuit breaker')
}
