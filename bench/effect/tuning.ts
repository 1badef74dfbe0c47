// The numbers with which peers are tuned like us, read from the policies themselves, so that they follow when those change.
import { type CircuitBreakerOptions, parseDuration, recommended } from '@switchgear/core'

/** Defaults of `circuitBreaker` that a preset may leave out; a test holds them against the breaker's behaviour. */
const defaults = {
  consecutiveFailures: 5,
  failureRatio: 0.5,
  window: '10s',
  minimumThroughput: 10,
  openFor: '5s',
} as const

const preset: CircuitBreakerOptions = recommended()

/** Our defaults, for peers that count failures in a row. */
export const defaultsAlike = {
  consecutiveFailures: defaults.consecutiveFailures,
  openForMs: parseDuration(defaults.openFor, 'openFor'),
} as const

/** The recommended preset, for peers that look at a share of failures. */
export const alike = {
  failureRatio: preset.failureRatio ?? defaults.failureRatio,
  windowMs: parseDuration(preset.window ?? defaults.window, 'window'),
  minimumThroughput: preset.minimumThroughput ?? defaults.minimumThroughput,
  openForMs: parseDuration(preset.openFor ?? defaults.openFor, 'openFor'),
} as const
