// The numbers with which peers are tuned like us: those of the recommended preset, read from it, and the defaults of
// `circuitBreaker`, which it does not tell. A test asks real breakers for both, so that neither goes stale.
import { type CircuitBreakerOptions, parseDuration, recommended } from '@switchgear/core'

/** What `circuitBreaker` does where an option is left out. */
const defaults = { consecutiveFailures: 5, window: '10s', minimumThroughput: 10, openFor: '5s' } as const

const preset: CircuitBreakerOptions = recommended()
if (preset.failureRatio === undefined) throw new Error('the recommended preset looks at no share of failures')

/** Our defaults, for peers that count failures in a row. */
export const defaultsAlike = {
  consecutiveFailures: defaults.consecutiveFailures,
  openForMs: parseDuration(defaults.openFor, 'openFor'),
} as const

/** The recommended preset, for peers that look at a share of failures. */
export const alike = {
  failureRatio: preset.failureRatio,
  windowMs: parseDuration(preset.window ?? defaults.window, 'window'),
  minimumThroughput: preset.minimumThroughput ?? defaults.minimumThroughput,
  openForMs: parseDuration(preset.openFor ?? defaults.openFor, 'openFor'),
} as const
