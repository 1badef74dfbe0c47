// All error codes in one table, assembled from the files of those who give them. A test proves that every code that the
// sources give is here. It has an entry point of its own, `@switchgear/core/explain`, so that no service carries the texts.
import { circuitIsolatedEntry, circuitOpenEntry } from './breaker/open-error.ts'
import { bulkheadEntry } from './bulkhead.ts'
import { badOptions, type ErrorEntry } from './errors.ts'
import { failedResultEntry } from './fallback.ts'
import { deadlineEntry } from './guard.ts'
import { duplicateNameEntry, registryFullEntry } from './registry.ts'
import { timeoutEntry } from './timeout.ts'

/** Every code of core. */
export const errorTable: readonly ErrorEntry[] = [
  badOptions,
  bulkheadEntry,
  circuitIsolatedEntry,
  circuitOpenEntry,
  deadlineEntry,
  duplicateNameEntry,
  failedResultEntry,
  registryFullEntry,
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
