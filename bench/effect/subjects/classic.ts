// The hand-written breaker as a subject, around a hand-written timeout.
import type { CircuitState } from '@switchgear/core'
import type { Guard } from '@switchgear/simulator'
import { ClassicBreaker } from '../../core/classic.ts'
import { guardOf, type Library, type MakeGuard, retried, timeLimited } from '../subject.ts'
import { defaultsAlike } from '../tuning.ts'

const states: Readonly<Record<ClassicBreaker['state'], CircuitState>> = {
  CLOSED: 'closed',
  OPEN: 'open',
  HALF_OPEN: 'half-open',
}

const breaking = (environment: Parameters<MakeGuard>[0], options = {}): Guard => {
  const breaker = new ClassicBreaker(options)
  return guardOf(
    (send) => breaker.execute(() => timeLimited(environment, send)),
    () => states[breaker.state],
  )
}

export const library: Library = {
  guards: {
    breaker: (environment) => breaking(environment),
    alike: (environment) =>
      breaking(environment, { threshold: defaultsAlike.consecutiveFailures, resetMs: defaultsAlike.openForMs }),
    stack: (environment) => {
      const guard = breaking(environment)
      return { ...guard, call: (send) => retried(environment, () => guard.call(send)) }
    },
  },
}
