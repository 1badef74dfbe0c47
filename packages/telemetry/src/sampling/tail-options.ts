// The options of the tail sampler and of its buffer, with their defaults, checked at construction.
import { type Clock, type Duration, parseDuration, systemClock } from '@switchgear/core'
import { type ByteSize, checkCount, checkKeys, checkShare, parseByteSize } from '@switchgear/core/options'

/** What the tail sampler keeps. */
export interface TailSamplerOptions {
  /** Probability of keeping a trace that nothing else speaks for, 0 to 1. Default 0.1. */
  readonly ratio?: number | undefined
  /**
   * Durations of a route that are needed before one can be slow. Default 100: of fewer there is no 99th percentile. At
   * most 1000.
   */
  readonly minSamples?: number | undefined
  /** A route seen fewer times than this within `rareWindow` is rare and kept; 0 turns the rule off. Default 5. */
  readonly rareBelow?: number | undefined
  /** Default '10m'. */
  readonly rareWindow?: Duration | undefined
  /** Routes of all services that are told apart; further ones share one entry. 1.5 kB each. Default 1000. */
  readonly maxRoutes?: number | undefined
  /** Estimated bytes of traces that may be kept in a second, in the long run. Default '1mb'. */
  readonly bytesPerSecond?: ByteSize | undefined
  /** Bytes that may be kept at once after a quiet time. Default: ten seconds of `bytesPerSecond`. */
  readonly burst?: ByteSize | undefined
  /** Bytes that errors may take on credit. Default: ten seconds of `bytesPerSecond`. */
  readonly overdraft?: ByteSize | undefined
  /** Default: the host's own. */
  readonly clock?: Clock | undefined
}

/** Bounds and times of the buffer in which traces wait for their decision. */
export interface TraceBufferOptions {
  /** How long after its first span a trace is decided when its root has not ended. Default '10s'. */
  readonly maxWait?: Duration | undefined
  /**
   * How long after the end of its root a trace waits for spans that come a little later. Default '2s': the processes of a trace
   * send theirs once a second, each in its own time.
   */
  readonly grace?: Duration | undefined
  /** Traces that wait at once. Default 10 000. */
  readonly maxTraces?: number | undefined
  /** Spans that wait at once. Default 100 000. */
  readonly maxSpans?: number | undefined
  /** Estimated bytes that wait at once. Default '64mb'. */
  readonly maxBytes?: ByteSize | undefined
  /**
   * Decisions that are remembered for late spans, at least 2; half as many are safe from being forgotten. Default 20
   * 000.
   */
  readonly maxDecisions?: number | undefined
  /**
   * Whether a span whose parent is known to be in another process ends its trace as the root does. Right where only the
   * spans of one process arrive. Default false.
   */
  readonly endsAtEntry?: boolean | undefined
  /** Default: the host's own. */
  readonly clock?: Clock | undefined
}

/** The options of the tail sampler with everything filled in. */
export interface TailSamplerSettings {
  readonly ratio: number
  readonly minSamples: number
  readonly rareBelow: number
  readonly rareWindowMs: number
  readonly maxRoutes: number
  readonly bytesPerSecond: number
  readonly burstBytes: number
  readonly overdraftBytes: number
  readonly clock: Clock
}

/** The options of the buffer with everything filled in. */
export interface TraceBufferSettings {
  readonly maxWaitMs: number
  readonly graceMs: number
  readonly maxTraces: number
  readonly maxSpans: number
  readonly maxBytes: number
  readonly maxDecisions: number
  readonly endsAtEntry: boolean
  readonly clock: Clock
}

/** Names of the sampler's options. */
export const tailSamplerKeys: readonly string[] = Object.freeze([
  'ratio',
  'minSamples',
  'rareBelow',
  'rareWindow',
  'maxRoutes',
  'bytesPerSecond',
  'burst',
  'overdraft',
  'clock',
])

/** Names of the buffer's options. */
export const traceBufferKeys: readonly string[] = Object.freeze([
  'maxWait',
  'grace',
  'maxTraces',
  'maxSpans',
  'maxBytes',
  'maxDecisions',
  'endsAtEntry',
  'clock',
])

/** Checks the sampler's options and fills in the defaults. Throws OptionsError. */
export function tailSamplerSettings(options: TailSamplerOptions, path: string): TailSamplerSettings {
  checkKeys(options, tailSamplerKeys, path)
  const bytesPerSecond = parseByteSize(options.bytesPerSecond ?? '1mb', `${path}.bytesPerSecond`)
  const tenSeconds = Math.min(10 * bytesPerSecond, Number.MAX_SAFE_INTEGER)
  return {
    ratio: checkShare(options.ratio ?? 0.1, `${path}.ratio`),
    minSamples: checkCount(options.minSamples ?? 100, `${path}.minSamples`, 1, 1000),
    rareBelow: checkCount(options.rareBelow ?? 5, `${path}.rareBelow`, 0),
    rareWindowMs: parseDuration(options.rareWindow ?? '10m', `${path}.rareWindow`, 1),
    maxRoutes: checkCount(options.maxRoutes ?? 1000, `${path}.maxRoutes`, 1),
    bytesPerSecond,
    burstBytes: parseByteSize(options.burst ?? tenSeconds, `${path}.burst`),
    overdraftBytes: parseByteSize(options.overdraft ?? tenSeconds, `${path}.overdraft`, 0),
    clock: options.clock ?? systemClock,
  }
}

/** Checks the buffer's options and fills in the defaults. Throws OptionsError. */
export function traceBufferSettings(options: TraceBufferOptions, path: string): TraceBufferSettings {
  checkKeys(options, traceBufferKeys, path)
  return {
    maxWaitMs: parseDuration(options.maxWait ?? '10s', `${path}.maxWait`, 1),
    graceMs: parseDuration(options.grace ?? '2s', `${path}.grace`),
    maxTraces: checkCount(options.maxTraces ?? 10_000, `${path}.maxTraces`, 1),
    maxSpans: checkCount(options.maxSpans ?? 100_000, `${path}.maxSpans`, 1),
    maxBytes: parseByteSize(options.maxBytes ?? '64mb', `${path}.maxBytes`),
    maxDecisions: checkCount(options.maxDecisions ?? 20_000, `${path}.maxDecisions`, 2),
    endsAtEntry: options.endsAtEntry ?? false,
    clock: options.clock ?? systemClock,
  }
}
