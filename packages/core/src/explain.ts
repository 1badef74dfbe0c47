// All error codes in one table, assembled from the files of those who give them. A test proves that every code that the
// sources give is here. It has an entry point of its own, `@switchgear/core/explain`, so that no service carries the texts.
import { adaptiveLimitEntry } from './adaptive-limit/adaptive-limit.ts'
import { chaosEntry } from './chaos.ts'
import { hedgeLostEntry } from './hedge/lost.ts'
import { rateLimitedEntry } from './rate-limit/limited-error.ts'
import { shedEntry } from './shed/shed.ts'
import { throttledEntry } from './throttle.ts'
import { circuitIsolatedEntry, circuitOpenEntry } from './breaker/open-error.ts'
import { bulkheadEntry } from './bulkhead.ts'
import { badOptions, type ErrorEntry } from './errors.ts'
import { failedResultEntry } from './fallback.ts'
import { deadlineEntry } from './guard.ts'
import { duplicateNameEntry, registryFullEntry } from './registry.ts'
import { timeoutEntry } from './timeout.ts'

/** Every code of core. */
export const errorTable: readonly ErrorEntry[] = [
  adaptiveLimitEntry,
  badOptions,
  bulkheadEntry,
  chaosEntry,
  circuitIsolatedEntry,
  circuitOpenEntry,
  deadlineEntry,
  duplicateNameEntry,
  failedResultEntry,
  hedgeLostEntry,
  rateLimitedEntry,
  registryFullEntry,
  shedEntry,
  throttledEntry,
  timeoutEntry,
]

/**
 * What the documentation says of a code; undefined for one that core does not give.
 *
 * @example
 * explain('SG_TIMEOUT')?.advice
 */
export function explain(code: string): ErrorEntry | undefined {
  return errorTable.find((entry) => entry.code === code)
}
