// What was found out, and what to do about it: one sentence each.

/** `error`: spans are missing for it. `warning`: some may be, or an intention was not followed. `info`: all is well so far. */
export type FindingSeverity = 'error' | 'warning' | 'info'

/** One thing that was found. */
export interface TelemetryFinding {
  readonly severity: FindingSeverity
  /** Stays the same from version to version. */
  readonly id: string
  readonly message: string
  /** '' where there is nothing to do. */
  readonly advice: string
}

/** Makes one. */
export function finding(severity: FindingSeverity, id: string, message: string, advice: string = ''): TelemetryFinding {
  return { severity, id, message, advice }
}
