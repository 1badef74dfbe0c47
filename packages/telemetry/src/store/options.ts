// The options of a span store, their defaults and bounds. Checked at construction; never changed.
import { resolve } from 'node:path'
import { type Clock, type Duration, parseDuration, type SwitchgearError, systemClock } from '@switchgear/core'
import { check, checkKeys, parseByteSize } from '@switchgear/core/options'

/** Options of `openSpanStore`. */
export interface SpanStoreOptions {
  /** File to keep the spans in; its folder must exist. Default: a private temporary file that vanishes with the process. */
  readonly path?: string | undefined
  /**
   * Whether the spans survive close and restart. Default: true when a path is given. False empties the file at the start
   * and removes it at close. Without a path it cannot be true.
   */
  readonly keep?: boolean | undefined
  /** All files together, as bytes or like '64mb'. At least '8mb'. Default '256mb'. */
  readonly maxBytes?: number | string | undefined
  /**
   * Part of the kept bytes that the traces of one service may take while others need room; above it, that service's own
   * oldest traces go first. A trace counts for the service with the most bytes in it. In (0, 1]. Default 0.5.
   */
  readonly maxShare?: number | undefined
  /** Bytes of one span above which it is dropped and counted. Default '64kb', at most '256kb'. */
  readonly maxSpanBytes?: number | string | undefined
  /** Spans of one trace above which further ones are dropped and counted. Default 10 000, which is also the most. */
  readonly maxTraceSpans?: number | undefined
  /** After this a search answers with what it has found, and a cursor to go on from. Default '2s'. */
  readonly searchTimeout?: Duration | undefined
  /** Told of a damaged file that was set aside, and of a disk that is full: once per change. What it throws is dropped. */
  readonly onProblem?: ((problem: SwitchgearError) => void) | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
}

/** Checked options. */
export interface Settings {
  readonly path: string | undefined
  readonly keep: boolean
  readonly maxBytes: number
  readonly maxShare: number
  readonly maxSpanBytes: number
  readonly maxTraceSpans: number
  readonly searchMs: number
  readonly onProblem: (problem: SwitchgearError) => void
  readonly clock: Clock
}

const defaults = Object.freeze({
  path: undefined,
  keep: undefined,
  maxBytes: '256mb',
  maxShare: 0.5,
  maxSpanBytes: '64kb',
  maxTraceSpans: 10_000,
  searchTimeout: '2s',
  onProblem: undefined,
  clock: systemClock,
}) satisfies SpanStoreOptions

/** Throws `SG_BAD_OPTIONS` naming path, bound and value. */
export function settingsOf(options: SpanStoreOptions): Settings {
  checkKeys(options, defaults, 'store')
  const { path, maxShare = defaults.maxShare, maxTraceSpans = defaults.maxTraceSpans } = options
  const { keep = path !== undefined, onProblem = () => {} } = options
  const isPath = path === undefined || (typeof path === 'string' && path !== '' && !path.includes('\0'))
  check(isPath, 'store.path', 'the name of a file', path)
  check(typeof keep === 'boolean', 'store.keep', 'true or false', keep)
  check(!keep || path !== undefined, 'store.keep', 'false where no path is given', keep)
  check(typeof maxShare === 'number' && maxShare > 0 && maxShare <= 1, 'store.maxShare', 'in (0, 1]', maxShare)
  const isCount = Number.isInteger(maxTraceSpans) && maxTraceSpans >= 1 && maxTraceSpans <= 10_000
  check(isCount, 'store.maxTraceSpans', 'a whole number in [1, 10000]', maxTraceSpans)
  check(typeof onProblem === 'function', 'store.onProblem', 'a function', onProblem)
  return Object.freeze({
    // Absolute: SQLite gives other meanings to names such as ':memory:' and 'file:…'.
    path: path === undefined ? undefined : resolve(path),
    keep,
    maxBytes: parseByteSize(options.maxBytes ?? defaults.maxBytes, 'store.maxBytes', 8 * 1024 ** 2, 1024 ** 4),
    maxShare,
    maxSpanBytes: parseByteSize(options.maxSpanBytes ?? defaults.maxSpanBytes, 'store.maxSpanBytes', 1024, 256 * 1024),
    maxTraceSpans,
    searchMs: parseDuration(options.searchTimeout ?? defaults.searchTimeout, 'store.searchTimeout', 1),
    onProblem,
    clock: options.clock ?? defaults.clock,
  })
}
