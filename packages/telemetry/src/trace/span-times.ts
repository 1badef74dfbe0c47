// Points in time as users of the OpenTelemetry API write them, turned into monotonic milliseconds.
import type { TimeInput } from '@opentelemetry/api'

import type { Recorder } from './recorder.ts'

/**
 * Monotonic milliseconds of `time`: a Date, epoch milliseconds, `[epoch seconds, nanoseconds]` or a value of
 * `performance.now()`; of now when it is undefined or none of those.
 */
export function monotonicMs(time: unknown, recorder: Recorder): number {
  const ms = isTime(time) ? sinceStart(time, recorder.epochMs()) : Number.NaN
  return Number.isFinite(ms) ? ms : recorder.clock.now()
}

/** Tells a point in time from attributes. */
export function isTime(value: unknown): value is TimeInput {
  return typeof value === 'number' || value instanceof Date || Array.isArray(value)
}

function sinceStart(time: TimeInput, epochMs: number): number {
  // No process runs for decades: a small number counts from the start of the process, a large one from 1970.
  if (typeof time === 'number') return time < epochMs / 2 ? time : time - epochMs
  if (time instanceof Date) return time.getTime() - epochMs
  const [seconds, nanos] = time
  if (typeof seconds !== 'number' || typeof nanos !== 'number') return Number.NaN
  // The large parts are subtracted first: as one sum they would have no room left for the nanoseconds.
  return seconds * 1000 - epochMs + nanos / 1e6
}
