// In whose name time runs out. The kernel knows which timeout set a deadline, counts it and makes the error; here stands what
// the kernel cannot know: that a service stopped reading what its client sends.
import { type Attempt, type Permit, SwitchgearError } from '@switchgear/core'

/** The error of a try that ended late: by the deadline of the call (`total`), by its own, or because nothing moved. */
export function expired(service: string, permit: Permit, attempt: Attempt, total: boolean): SwitchgearError {
  if (total) return permit.expired()
  if (attempt.deadline < Infinity) return attempt.expired()
  return new SwitchgearError('SG_TIMEOUT', `${service}: no progress`, { pipeline: service })
}
